// The permissions that a user or a role has: a table, and what gives and takes them.

import { api } from '../../core/api.js';
import { html, useState } from '../../core/html.js';
import { counted } from '../../core/words.js';
import { confirm, toast } from '../../parts/dialog.js';
import { Card, Empty, Notice } from '../../parts/layout.js';
import { PagedTable } from '../../parts/table.js';
import { attempt } from './attempt.js';
import { PermissionPicker } from './picker.js';

const COLUMNS = [
  { title: 'Permission', main: true, cell: (permission) => html`<code>${permission.permission_name}</code>` },
  { title: 'API', cell: (permission) => permission.resource_server_name || permission.resource_server_identifier },
  { title: 'Description', cell: (permission) => permission.description },
];

/**
 * `path` is where the Management API keeps them, `more` further columns. `give` is the `label` of the field, its
 * `act`, and what was `done`. `take` is the `act` on a permission, what was `done`, and `question(permission)`,
 * asked before; `take.from(permission)` says whether it can be taken, where not each can.
 */
export function Granted({ path, caption, intro, empty, mayChange, more = [], give, take }) {
  const [version, setVersion] = useState(0);
  const wrote = (text) => {
    setVersion((n) => n + 1);
    toast(text);
  };
  const add = async (permissions) => {
    await api.post(path, { permissions });
    wrote(`${counted(permissions.length, 'permission')} ${give.done}`);
  };
  const remove = (permission) => attempt(async () => {
    if (!await confirm({ ...take.question(permission), danger: true })) return;
    const { permission_name: name, resource_server_identifier: audience } = permission;
    await api.delete(path, { permissions: [{ permission_name: name, resource_server_identifier: audience }] });
    wrote(take.done);
  });
  const change = (permission) => (take.from?.(permission) ?? true) && html`
    <button type="button" class="quiet danger" aria-label=${`${take.act} ${permission.permission_name}`}
      onClick=${() => remove(permission)}>${take.act}</button>`;
  const columns = [...COLUMNS, ...more, ...mayChange ? [{ title: 'Change', cell: change }] : []];
  return html`<${Card} title="Permissions" intro=${intro}>
    ${mayChange ? html`<${PermissionPicker} label=${give.label} act=${give.act} save=${add} />`
      : html`<${Notice}>Your role allows you to look at this, not to change it.</${Notice}>`}
    <${PagedTable} caption=${caption} path=${path} items="permissions" columns=${columns} version=${version}
      rowKey=${(permission) => `${permission.resource_server_identifier} ${permission.permission_name}`}
      empty=${html`<${Empty} title="No permission yet">${empty}</${Empty}>`} />
  </${Card}>`;
}
