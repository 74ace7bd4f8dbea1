// APIs: what access tokens are for. The list, a new one, and one with its parts.

import { at } from '../core/api.js';
import { html } from '../core/html.js';
import { Loaded, useResource } from '../core/load.js';
import { Link, useLocation } from '../core/router.js';
import { session } from '../core/session.js';
import { counted } from '../core/words.js';
import { Badge, Empty, Identifier, Page, Tabs } from '../parts/layout.js';
import { PagedTable } from '../parts/table.js';
import { Applications } from './apis/applications.js';
import { NewApi } from './apis/new.js';
import { Scopes } from './apis/scopes.js';
import { Settings } from './apis/settings.js';

const pathOf = ({ id }) => `/apis/${encodeURIComponent(id)}`;

const COLUMNS = [
  { title: 'Name', main: true, cell: ({ name, identifier }) => name || identifier },
  { title: 'Identifier', cell: ({ identifier }) => html`<code>${identifier}</code>` },
  { title: 'Scopes', cell: ({ scopes = [] }) => counted(scopes.length, 'scope') },
  {
    title: 'Refresh tokens',
    cell: ({ is_system: isSystem, allow_offline_access: offline }) => {
      if (isSystem) return html`<${Badge}>Part of this server</${Badge}>`;
      return offline ? html`<${Badge} kind="good">Allowed</${Badge}>` : html`<${Badge}>Not in logins for it</${Badge}>`;
    },
  },
];

function List() {
  const create = session.can('create:resource_servers')
    && html`<${Link} href="/apis/new" class="button primary">New API</${Link}>`;
  return html`<${Page} title="APIs" actions=${create}
      intro="What access tokens are for: each API has an identifier, which applications ask for as audience, and scopes.">
    <${PagedTable} path="resource-servers" items="resource_servers" caption="APIs" columns=${COLUMNS}
      rowKey=${({ id }) => id} rowHref=${pathOf}
      query=${{ fields: 'id,name,identifier,scopes,is_system,allow_offline_access', include_fields: true }}
      search=${{ label: 'Search by name or identifier', query: (text) => ({ search: text }) }}
      empty=${html`<${Empty} title="No APIs yet" action=${create}>Create one for each service that shall take access
        tokens of this server.</${Empty}>`} />
  </${Page}>`;
}

const BACK = { href: '/apis', title: 'APIs' };

const PARTS = { settings: 'Settings', scopes: 'Scopes', applications: 'Applications' };

function Part({ shown, api, resource, readOnly }) {
  if (shown === 'scopes') return html`<${Scopes} api=${api} resource=${resource} readOnly=${readOnly} />`;
  if (shown === 'applications') return html`<${Applications} api=${api} />`;
  return html`<${Settings} api=${api} resource=${resource} readOnly=${readOnly} />`;
}

function Parts({ api, resource }) {
  const { query } = useLocation();
  const shown = query.tab in PARTS ? query.tab : 'settings';
  // Links, and not only another tab in the address: leaving a part asks for what is not saved.
  const tabs = Object.entries(PARTS).map(([id, title]) => ({ id, title, href: `${pathOf(api)}?tab=${id}` }));
  const readOnly = readOnlyReason(api);
  return html`<${Page} title=${api.name || api.identifier} back=${BACK}
      intro=${html`<p>Identifier (audience): <${Identifier} value=${api.identifier} of="the identifier" /></p>`}>
    <${Tabs} label="Parts of the API" tabs=${tabs} current=${shown} />
    <${Part} key=${shown} shown=${shown} api=${api} resource=${resource} readOnly=${readOnly} />
  </${Page}>`;
}

function readOnlyReason(api) {
  if (api.is_system) {
    return 'This is the Management API, which the console itself uses. It is part of this server: it can be looked at, '
      + 'not changed. Applications call it with a client grant; no policy opens it.';
  }
  return !session.can('update:resource_servers') && 'Your role allows you to look at APIs, not to change them.';
}

function Api({ id }) {
  const resource = useResource(at`resource-servers/${id}`);
  const gone = resource.error?.kind === 'missing';
  if (gone || !resource.data) {
    return html`<${Page} title=${gone ? 'This API does not exist' : 'API'} back=${BACK}>
      <${Loaded} load=${resource}>${() => null}</${Loaded}></${Page}>`;
  }
  return html`<${Parts} key=${id} api=${resource.data} resource=${resource} />`;
}

export const routes = [
  { path: '/apis', page: List, needs: 'read:resource_servers' },
  { path: '/apis/new', page: NewApi, needs: 'create:resource_servers' },
  { path: '/apis/:id', page: Api, needs: 'read:resource_servers' },
];
