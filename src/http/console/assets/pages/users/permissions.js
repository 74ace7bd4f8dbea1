// What a user may do on APIs, and where each permission comes from.

import { api, at } from '../../core/api.js';
import { html, useState } from '../../core/html.js';
import { Link } from '../../core/router.js';
import { session } from '../../core/session.js';
import { counted } from '../../core/words.js';
import { confirm, toast } from '../../parts/dialog.js';
import { Badge, Card, Empty, Notice } from '../../parts/layout.js';
import { PagedTable } from '../../parts/table.js';
import { attempt } from './attempt.js';
import { PermissionPicker } from './picker.js';
import { nameOf } from './words.js';

const isDirect = (permission) => permission.sources.some((source) => source.source_type === 'DIRECT');

function Sources({ permission }) {
  return permission.sources.map((source, i) => html`${i > 0 && ', '}${source.source_type === 'DIRECT'
    ? html`<${Badge} key="direct">given directly</${Badge}>`
    : session.can('read:roles') ? html`<${Link} key=${source.source_id} href=${at`/roles/${source.source_id}`}>${source.source_name}</${Link}>` : source.source_name}`);
}

/** The tab *Permissions*. */
export function UserPermissions({ user }) {
  const [version, setVersion] = useState(0);
  const path = at`users/${user.user_id}/permissions`;
  const mayChange = session.can('update:users');
  const add = async (permissions) => {
    await api.post(path, { permissions });
    setVersion((n) => n + 1);
    toast(`${counted(permissions.length, 'permission')} given`);
  };
  const remove = (permission) => attempt(async () => {
    const stays = permission.sources.length > 1;
    const yes = await confirm({
      title: `Take ${permission.permission_name} away?`,
      text: stays ? `${nameOf(user)} keeps it through a role: only what was given directly goes.`
        : `${nameOf(user)} loses it from the next access token on.`,
      act: 'Take it away',
      danger: true,
    });
    if (!yes) return;
    const { permission_name: name, resource_server_identifier: audience } = permission;
    await api.delete(path, { permissions: [{ permission_name: name, resource_server_identifier: audience }] });
    setVersion((n) => n + 1);
    toast('Permission taken away');
  });
  const columns = [
    { title: 'Permission', main: true, cell: (permission) => html`<code>${permission.permission_name}</code>` },
    { title: 'API', cell: (permission) => permission.resource_server_name || permission.resource_server_identifier },
    { title: 'Description', cell: (permission) => permission.description },
    { title: 'Comes from', cell: (permission) => html`<${Sources} permission=${permission} />` },
    mayChange && { title: 'Change', cell: (permission) => isDirect(permission)
      && html`<button type="button" class="quiet danger" aria-label=${`Take away ${permission.permission_name}`} onClick=${() => remove(permission)}>Take away</button>` },
  ].filter(Boolean);
  return html`<${Card} title="Permissions" intro="All that this user may do, given directly or by a role. They count where the API asks for them: turn on “RBAC” in its settings.">
    ${mayChange ? html`<${PermissionPicker} label="Give permissions directly" act="Give" save=${add} />`
      : html`<${Notice}>Your role allows you to look at this, not to change it.</${Notice}>`}
    <${PagedTable} caption="Permissions of this user" path=${path} items="permissions" columns=${columns} version=${version}
      rowKey=${(permission) => `${permission.resource_server_identifier} ${permission.permission_name}`}
      empty=${html`<${Empty} title="No permission yet">Give a role that brings some, or give them directly.</${Empty}>`} />
  </${Card}>`;
}
