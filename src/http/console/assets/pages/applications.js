// Applications: the list, a new one, and the tabs of one.

import { api } from '../core/api.js';
import { Form, useForm } from '../core/form.js';
import { html } from '../core/html.js';
import { Link, navigate, setQuery, useLocation } from '../core/router.js';
import { session } from '../core/session.js';
import { toast } from '../parts/dialog.js';
import { RadioCards, Select, TextField } from '../parts/fields.js';
import { Card, Empty, Page, ReadOnly, SaveBar } from '../parts/layout.js';
import { PagedTable } from '../parts/table.js';
import { Apis } from './applications/apis.js';
import { Connections } from './applications/connections.js';
import { ApplicationFrame, tabsOf, useApplication } from './applications/frame.js';
import { KINDS, kindTitle } from './applications/kinds.js';
import { QuickStart } from './applications/quickstart.js';
import { RefreshTokens } from './applications/refresh.js';
import { Settings } from './applications/settings.js';

const COLUMNS = [
  { title: 'Name', main: true, cell: ({ name, client_id: id }) => name ?? id },
  { title: 'Kind', cell: ({ app_type: type }) => kindTitle(type) },
  { title: 'Client ID', cell: ({ client_id: id }) => html`<code>${id}</code>` },
];

const SEARCH = {
  label: 'Search by name or client ID',
  query: (text) => ({ search: text }),
};

/** What an application is told apart by in a list; documents can be long. */
const FIELDS = 'client_id,name,app_type';

function Applications() {
  const { query } = useLocation();
  const action = session.can('create:clients')
    && html`<${Link} class="button primary" href="/applications/new">New application</${Link}>`;
  const filters = html`<${Select} label="Kind" value=${query.kind ?? ''} onChange=${(kind) => setQuery({ kind, page: '' })}
    options=${[['', 'All kinds'], ...KINDS.map(({ value, title }) => [value, title])]} />`;
  const shown = { is_global: false, app_type: query.kind, fields: FIELDS };
  return html`<${Page} title="Applications" actions=${action}
    intro="What logs people in through this server, or calls APIs with its tokens.">
    <${PagedTable} caption="Applications" path="clients" items="clients" query=${shown} search=${SEARCH} filters=${filters}
      columns=${COLUMNS} rowKey=${({ client_id: id }) => id} rowHref=${({ client_id: id }) => `/applications/${encodeURIComponent(id)}`}
      empty=${html`<${Empty} title="No applications yet" action=${action}>An application logs people in, or calls APIs.</${Empty}>`} />
  </${Page}>`;
}

function NewApplication() {
  const form = useForm({
    initial: { name: '', app_type: 'spa' },
    save: async ({ name, app_type: type }) => {
      const { grants, method } = KINDS.find(({ value }) => value === type);
      const client = await api.post('clients', {
        name, app_type: type, grant_types: grants, token_endpoint_auth_method: method, oidc_conformant: true,
      });
      toast(`${name} is created`);
      navigate(`/applications/${encodeURIComponent(client.client_id)}?tab=quickstart`, { force: true });
    },
  });
  const kinds = KINDS.map(({ value, title, sentence }) => [value, title, sentence]);
  return html`<${Page} title="New application" back=${{ href: '/applications', title: 'Applications' }}>
    <${ReadOnly} when=${!session.can('create:clients')} reason="Your role does not allow to create applications.">
      <${Form} form=${form} label="New application">
        <${Card}>
          <${TextField} form=${form} name="name" label="Name" hint="People see it when they log in." required />
          <${RadioCards} form=${form} name="app_type" label="What kind of application is it?" options=${kinds} />
        </${Card}>
        <${SaveBar} form=${form} label="Create" always idle="The next page shows the code for it." />
      </${Form}>
    </${ReadOnly}>
  </${Page}>`;
}

const TABS = { settings: Settings, quickstart: QuickStart, refresh: RefreshTokens, apis: Apis, connections: Connections };

function Application({ id }) {
  const { query } = useLocation();
  const resource = useApplication(id);
  const wanted = TABS[query.tab] && resource.data && tabsOf(resource.data).some((tab) => tab.id === query.tab);
  const current = wanted ? query.tab : 'settings';
  const Tab = TABS[current];
  return html`<${ApplicationFrame} resource=${resource} current=${current}>
    ${(client) => html`<${Tab} key=${current} client=${client} resource=${resource} />`}
  </${ApplicationFrame}>`;
}

export const routes = [
  { path: '/applications', page: Applications, needs: 'read:clients' },
  { path: '/applications/new', page: NewApplication, needs: 'read:clients' },
  { path: '/applications/:id', page: Application, needs: 'read:clients' },
];
