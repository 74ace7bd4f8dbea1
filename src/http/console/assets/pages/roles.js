// Roles: what somebody may do, under one name.

import { html } from '../core/html.js';
import { at } from '../core/api.js';
import { Link } from '../core/router.js';
import { session } from '../core/session.js';
import { Empty, Page } from '../parts/layout.js';
import { PagedTable } from '../parts/table.js';
import { NewRole } from './roles/new.js';
import { RolePage } from './roles/role.js';

const columns = [
  { title: 'Name', main: true, cell: (role) => role.name },
  { title: 'Description', cell: (role) => role.description },
];

function Roles() {
  const create = session.can('create:roles') && html`<${Link} href="/roles/new" class="button primary">New role</${Link}>`;
  return html`<${Page} title="Roles" intro="A role brings permissions on APIs to everybody who has it." actions=${create}>
    <${PagedTable} caption="Roles" path="roles" items="roles" columns=${columns}
      rowKey=${(role) => role.id} rowHref=${(role) => at`/roles/${role.id}`}
      search=${{ label: 'Search roles', hint: 'Part of the name.', query: (text) => ({ name_filter: text }) }}
      empty=${html`<${Empty} title="No role yet" action=${create}>
        Make one for each kind of person: “Editor”, “Support”. Then give it permissions and members.</${Empty}>`} />
  </${Page}>`;
}

export const routes = [
  { path: '/roles', page: Roles, needs: 'read:roles' },
  { path: '/roles/new', page: NewRole, needs: 'create:roles' },
  { path: '/roles/:id', page: RolePage, needs: 'read:roles' },
];
