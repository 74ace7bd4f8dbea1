// Who has a role.

import { api, at } from '../../core/api.js';
import { html, useState } from '../../core/html.js';
import { session } from '../../core/session.js';
import { confirm, toast } from '../../parts/dialog.js';
import { Card, Empty, Notice } from '../../parts/layout.js';
import { PagedTable } from '../../parts/table.js';
import { attempt } from '../users/attempt.js';
import { Finder } from '../users/finder.js';
import { linkTo, nameOf } from '../users/words.js';

const SHOWN = 'user_id,name,email,username';

/** The tab *Members*. */
export function Members({ role }) {
  const [version, setVersion] = useState(0);
  const path = at`roles/${role.id}/users`;
  const mayAdd = session.can('update:roles') || session.can('create:role_members');
  const mayRemove = session.can('update:users') || session.can('delete:role_members');
  const changed = (text) => {
    setVersion((n) => n + 1);
    toast(text);
  };
  const add = (user) => attempt(async () => {
    await api.post(path, { users: [user.user_id] });
    changed(`${nameOf(user)} has the role now`);
  });
  const remove = (user) => attempt(async () => {
    const yes = await confirm({
      title: `Take the role from ${nameOf(user)}?`,
      text: 'What it brings is gone from the next access token on, unless another role gives it too.',
      act: 'Take it away',
      danger: true,
    });
    if (!yes) return;
    await api.delete(at`users/${user.user_id}/roles`, { roles: [role.id] });
    changed('Role taken away');
  });
  const columns = [
    { title: 'Name', main: true, cell: (user) => nameOf(user) },
    { title: 'E-mail', cell: (user) => user.email },
    mayRemove && {
      title: 'Change',
      cell: (user) => html`<button type="button" class="quiet danger" aria-label=${`Take away from ${nameOf(user)}`}
        onClick=${() => remove(user)}>Take away</button>`,
    },
  ].filter(Boolean);
  return html`<${Card} title="Members">
    ${mayAdd && session.can('read:users') && html`<${Finder} label="Add somebody"
      hint="The beginning of an e-mail address, a name or an id." act="Add" choose=${add}
      title=${nameOf} about=${(user) => user.email}
      find=${(text, signal) => api.get('users', { search: text, per_page: 8, fields: SHOWN }, { signal })} />`}
    ${!mayAdd && html`<${Notice}>Your role allows you to look at this, not to change it.</${Notice}>`}
    <${PagedTable} caption="Members" path=${path} items="users" columns=${columns} version=${version} rowKey=${(user) => user.user_id}
      rowHref=${session.can('read:users') ? (user) => linkTo(user.user_id) : undefined}
      empty=${html`<${Empty} title="Nobody has this role yet">Find somebody above to give it to.</${Empty}>`} />
  </${Card}>`;
}
