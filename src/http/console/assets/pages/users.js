// Users: find one among many, and the addresses of everything about one.

import { html } from '../core/html.js';
import { useLoad } from '../core/load.js';
import { Link, setQuery, useLocation } from '../core/router.js';
import { session } from '../core/session.js';
import { api } from '../core/api.js';
import { Badge, Empty, Page, Time } from '../parts/layout.js';
import { PagedTable } from '../parts/table.js';
import { NewUser } from './users/new.js';
import { UserPage } from './users/user.js';
import { linkTo, nameOf } from './users/words.js';

/** The server pages no further; the others are found by searching. */
const REACH = 1000;

const columns = [
  { title: 'Name', main: true, cell: (user) => nameOf(user) },
  { title: 'E-mail', cell: (user) => user.email && html`${user.email} ${!user.email_verified && html`<${Badge}>not verified</${Badge}>`}` },
  { title: 'Connection', cell: (user) => user.identities?.[0]?.connection },
  { title: 'Last login', cell: (user) => (user.last_login ? html`<${Time} at=${user.last_login} short />` : 'never') },
  { title: 'State', cell: (user) => user.blocked && html`<${Badge} kind="danger">blocked</${Badge}>` },
];

const SHOWN = 'user_id,name,email,email_verified,username,identities,last_login,blocked';

/** Which connection to list, kept in the address. */
function Connections() {
  const { query } = useLocation();
  const load = useLoad((signal) => api.get('connections', { per_page: 100, fields: 'name' }, { signal }));
  const names = load.data?.map(({ name }) => name) ?? [];
  if (names.length < 2 && !query.connection) return null;
  const choose = (event) => setQuery({ connection: event.target.value, page: '' });
  return html`<label class="inline-filter">Connection
    <select value=${query.connection ?? ''} onChange=${choose}>
      <option value="">All</option>
      ${names.map((name) => html`<option key=${name} value=${name} selected=${name === query.connection}>${name}</option>`)}
    </select></label>`;
}

function Users() {
  const { query } = useLocation();
  const mayCreate = session.can('create:users');
  const create = mayCreate && html`<${Link} href="/users/new" class="button primary">New user</${Link}>`;
  return html`<${Page} title="Users" intro="Everybody who can log in to your applications." actions=${create}>
    <${PagedTable} caption="Users" path="users" items="users" columns=${columns} rowKey=${(user) => user.user_id}
      query=${{ fields: SHOWN, connection: query.connection, ...(!query.search && { sort: 'created_at:-1' }) }}
      rowHref=${(user) => linkTo(user.user_id)} reach=${REACH}
      search=${{
        label: 'Search users',
        hint: 'The beginning of an e-mail address, a name, a family name, a user name or an id.',
        query: (search) => ({ search }),
      }}
      filters=${session.can('read:connections') && html`<${Connections} />`}
      empty=${html`<${Empty} title="Nobody is here yet" action=${create}>
        Users come here when they sign up, or when you create them.</${Empty}>`} />
  </${Page}>`;
}

export const routes = [
  { path: '/users', page: Users, needs: 'read:users' },
  { path: '/users/new', page: NewUser, needs: 'create:users' },
  { path: '/users/:id', page: UserPage, needs: 'read:users' },
];
