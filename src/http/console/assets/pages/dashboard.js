// The first page: how much there is, what goes on, and what needs a person.

import { html } from '../core/html.js';
import { session } from '../core/session.js';
import { Notice, Page } from '../parts/layout.js';
import { Activity } from './dashboard/activity.js';
import { Attention } from './dashboard/attention.js';
import { FirstSteps } from './dashboard/first-steps.js';
import { LatestEvents } from './dashboard/latest.js';
import { Totals } from './dashboard/totals.js';

function Dashboard() {
  const mayCount = session.can('read:stats');
  return html`<${Page} title="Dashboard">
    ${session.can('read:clients') && session.can('read:resource_servers') && html`<${FirstSteps} />`}
    ${mayCount ? html`<${Totals} /><${Attention} /><${Activity} />`
      : html`<${Notice}>Your role does not show you statistics: it takes the permission read:stats of the Management API.</${Notice}>`}
    ${session.can('read:logs') && html`<${LatestEvents} />`}
  </${Page}>`;
}

export const routes = [{ path: '/', page: Dashboard }];
