// All Actions, and the flows that they are part of.

import { html, useId } from '../../core/html.js';
import { Link, setQuery, useLocation } from '../../core/router.js';
import { session } from '../../core/session.js';
import { Badge, Empty, Page, Tabs, Time } from '../../parts/layout.js';
import { PagedTable } from '../../parts/table.js';
import { Flow } from './flow.js';
import { stateOf, triggerOfAction, triggers } from './triggers.js';

const newAction = () => session.can('create:actions')
  && html`<${Link} class="button primary" href="/actions/new">New Action</${Link}>`;

/** `/actions` */
export function ActionsPage() {
  return html`<${Page} title="Actions" actions=${newAction()}
    intro="JavaScript of yours that runs when people log in, sign up or change their password, and when applications get tokens.">
    <${Tabs} label="Actions" tabs=${[{ id: 'flows', title: 'What runs when' }, { id: 'all', title: 'All Actions' }]}>
      ${(tab) => (tab === 'all' ? html`<${AllActions} />` : html`<${Flows} />`)}
    </${Tabs}>
  </${Page}>`;
}

function Flows() {
  return html`<div class="flows">${triggers.map((trigger) => html`<${Flow} key=${trigger.id} trigger=${trigger} />`)}</div>`;
}

function AllActions() {
  const { query } = useLocation();
  const triggerId = triggers.some(({ id }) => id === query.flow) ? query.flow : '';
  const id = useId();
  const choose = (event) => setQuery({ flow: event.target.value, page: '' });
  const columns = [
    { title: 'Name', main: true, cell: (action) => action.name },
    { title: 'Flow', cell: (action) => triggerOfAction(action).title },
    { title: 'State', cell: (action) => html`<${State} action=${action} />` },
    { title: 'Draft changed', cell: (action) => html`<${Time} at=${action.updated_at} short />` },
  ];
  const empty = triggerId ? html`<p class="empty" role="status">There is no Action for this flow yet.</p>`
    : html`<${Empty} title="There are no Actions yet" action=${newAction()}>
    An Action adds a claim to tokens, refuses a login, or tells another system. Begin with one of the examples.
  </${Empty}>`;
  return html`<div class="table-controls flow-filter">
      <label for=${id}>Flow</label>
      <select id=${id} value=${triggerId} onChange=${choose}>
        <option value="" selected=${triggerId === ''}>All flows</option>
        ${triggers.map((one) => html`<option key=${one.id} value=${one.id} selected=${triggerId === one.id}>${one.title}</option>`)}
      </select>
    </div>
    <${PagedTable} path="actions/actions" items="actions" query=${{ triggerId }} totals=${false} caption="Actions" columns=${columns}
    rowKey=${(action) => action.id} rowHref=${(action) => `/actions/${encodeURIComponent(action.id)}`} empty=${empty} />`;
}

/** How far an Action has come. */
export function State({ action }) {
  const { kind, text } = stateOf(action);
  return html`<${Badge} kind=${kind}>${text}</${Badge}>`;
}
