// Events: found by what they are about, followed live, and one in full.

import { html } from '../core/html.js';
import { setQuery, useLocation } from '../core/router.js';
import { Toggle } from '../parts/fields.js';
import { Page } from '../parts/layout.js';
import { Found } from './logs/found.js';
import { Live } from './logs/live.js';
import { Event } from './logs/one.js';

const INTRO = 'What happened: every login, exchange, refusal and change. Events carry ids, '
  + 'never addresses of people, tokens or secrets.';

function Logs() {
  const { query } = useLocation();
  const isLive = query.live === 'on';
  const follow = (on) => setQuery({ live: on ? 'on' : '', page: '' });
  const live = html`<${Toggle} label="Live" value=${isLive} onChange=${follow} />`;
  return html`<${Page} title="Logs" intro=${INTRO} actions=${live}>
    ${isLive ? html`<${Live} />` : html`<${Found} />`}
  </${Page}>`;
}

export const routes = [
  { path: '/logs', page: Logs, needs: 'read:logs' },
  { path: '/logs/:id', page: Event, needs: 'read:logs' },
];
