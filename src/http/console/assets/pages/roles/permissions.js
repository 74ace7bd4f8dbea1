// What a role brings.

import { api, at } from '../../core/api.js';
import { html, useState } from '../../core/html.js';
import { session } from '../../core/session.js';
import { counted } from '../../core/words.js';
import { confirm, toast } from '../../parts/dialog.js';
import { Card, Empty, Notice } from '../../parts/layout.js';
import { PagedTable } from '../../parts/table.js';
import { attempt } from '../users/attempt.js';
import { PermissionPicker } from '../users/picker.js';

/** The tab *Permissions*. */
export function RolePermissions({ role }) {
  const [version, setVersion] = useState(0);
  const path = at`roles/${role.id}/permissions`;
  const mayChange = session.can('update:roles');
  const add = async (permissions) => {
    await api.post(path, { permissions });
    setVersion((n) => n + 1);
    toast(`${counted(permissions.length, 'permission')} added`);
  };
  const remove = (permission) => attempt(async () => {
    const { permission_name: name, resource_server_identifier: audience } = permission;
    const yes = await confirm({
      title: `Take ${name} out of this role?`,
      text: `Everybody who has ${role.name} loses it from the next access token on, unless it comes from elsewhere too.`,
      act: 'Take it out',
      danger: true,
    });
    if (!yes) return;
    await api.delete(path, { permissions: [{ permission_name: name, resource_server_identifier: audience }] });
    setVersion((n) => n + 1);
    toast('Permission taken out');
  });
  const columns = [
    { title: 'Permission', main: true, cell: (permission) => html`<code>${permission.permission_name}</code>` },
    { title: 'API', cell: (permission) => permission.resource_server_name || permission.resource_server_identifier },
    { title: 'Description', cell: (permission) => permission.description },
    mayChange && { title: 'Change', cell: (permission) => html`<button type="button" class="quiet danger" aria-label=${`Take out ${permission.permission_name}`} onClick=${() => remove(permission)}>Take out</button>` },
  ].filter(Boolean);
  return html`<${Card} title="Permissions" intro="They count where the API asks for them: turn on “RBAC” in its settings. Permissions of the Management API let people into this console.">
    ${mayChange ? html`<${PermissionPicker} label="Add permissions" act="Add" save=${add} />`
      : html`<${Notice}>Your role allows you to look at this, not to change it.</${Notice}>`}
    <${PagedTable} caption="Permissions of this role" path=${path} items="permissions" columns=${columns} version=${version}
      rowKey=${(permission) => `${permission.resource_server_identifier} ${permission.permission_name}`}
      empty=${html`<${Empty} title="No permission yet">Choose an API above, then what people with this role may do with it.</${Empty}>`} />
  </${Card}>`;
}
