// The first page: how much there is, what goes on, and what needs a person.

import { html } from '../core/html.js';
import { session } from '../core/session.js';
import { Notice, Page } from '../parts/layout.js';
import { Activity } from './dashboard/activity.js';
import { Attention } from './dashboard/attention.js';
import { FirstSteps } from './dashboard/first-steps.js';
import { LatestEvents } from './dashboard/latest.js';
import { Totals } from './dashboard/totals.js';

const NO_STATISTICS = 'Your role does not show you statistics: '
  + 'it takes the permission read:stats of the Management API.';

function Dashboard() {
  const latest = session.can('read:logs') && html`<${LatestEvents} />`;
  const mayCount = session.can('read:stats');
  const maySeeSteps = session.can('read:clients') && session.can('read:resource_servers');
  return html`<${Page} title="Dashboard">
    ${maySeeSteps && html`<${FirstSteps} />`}
    ${mayCount ? html`<${Totals} /><${Attention} /><${Activity}>${latest}</${Activity}>`
      : html`<${Notice}>${NO_STATISTICS}</${Notice}>${latest}`}
  </${Page}>`;
}

export const routes = [{ path: '/', page: Dashboard }];
