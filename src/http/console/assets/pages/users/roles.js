// The roles of a user.

import { api, at } from '../../core/api.js';
import { html, useState } from '../../core/html.js';
import { Link } from '../../core/router.js';
import { session } from '../../core/session.js';
import { confirm, toast } from '../../parts/dialog.js';
import { Card, Empty, Notice } from '../../parts/layout.js';
import { PagedTable } from '../../parts/table.js';
import { attempt } from './attempt.js';
import { Finder } from './finder.js';
import { nameOf } from './words.js';

/** The tab *Roles*. */
export function UserRoles({ user }) {
  const [version, setVersion] = useState(0);
  const path = at`users/${user.user_id}/roles`;
  const mayChange = session.can('update:users');
  const changed = (text) => {
    setVersion((n) => n + 1);
    toast(text);
  };
  const add = (role) => attempt(async () => {
    await api.post(path, { roles: [role.id] });
    changed(`${nameOf(user)} has the role ${role.name}`);
  });
  const remove = (role) => attempt(async () => {
    const yes = await confirm({
      title: `Take the role ${role.name} away?`,
      text: `${nameOf(user)} loses its permissions, unless another role gives them too. The next access token is without `
        + 'them; those that are out work until they expire.',
      act: 'Take it away',
      danger: true,
    });
    if (!yes) return;
    await api.delete(path, { roles: [role.id] });
    changed('Role taken away');
  });
  const columns = [
    { title: 'Role', main: true, cell: (role) => role.name },
    { title: 'Description', cell: (role) => role.description },
    mayChange && {
      title: 'Change',
      cell: (role) => html`<button type="button" class="quiet danger" aria-label=${`Take away ${role.name}`}
        onClick=${() => remove(role)}>Take away</button>`,
    },
  ].filter(Boolean);
  return html`<${Card} title="Roles" intro="A role brings permissions on APIs. They count from the next token on.">
    ${mayChange ? html`<${Finder} label="Give a role" hint="Part of the name of a role." act="Give"
      choose=${add} title=${(role) => role.name} about=${(role) => role.description}
      find=${async (text, signal) => (await api.get('roles', { name_filter: text, per_page: 8 }, { signal }))} />`
      : html`<${Notice}>Your role allows you to look at this, not to change it.</${Notice}>`}
    <${PagedTable} caption="Roles of this user" path=${path} items="roles" columns=${columns} rowKey=${(role) => role.id} version=${version}
      rowHref=${session.can('read:roles') ? (role) => at`/roles/${role.id}` : undefined}
      empty=${html`<${Empty} title="No role yet" action=${html`<${Link} href="/roles">To the roles</${Link}>`}>
        Without roles only the permissions that were given directly count.</${Empty}>`} />
  </${Card}>`;
}
