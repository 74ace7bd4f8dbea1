// The latest events.

import { api, at } from '../../core/api.js';
import { EventTitle, useWords } from '../../core/events.js';
import { html } from '../../core/html.js';
import { Loaded, useLoad } from '../../core/load.js';
import { hrefOf } from '../../core/router.js';
import { Card, Time } from '../../parts/layout.js';

export function LatestEvents() {
  const load = useLoad((signal) => api.get('logs', { per_page: 8 }, { signal }));
  const words = useWords();
  const all = html`<a href=${hrefOf('/logs')}>All events</a>`;
  return html`<${Card} title="Latest events" actions=${all}><${Loaded} load=${load}>${(events) => (events.length === 0
    ? html`<p class="muted">Nothing has happened yet.</p>`
    : html`<ol class="latest">${events.map((event) => html`<li key=${event.log_id}>
        <a href=${hrefOf(`/${at`logs/${event.log_id}`}`)}><${EventTitle} event=${event} words=${words} /></a>
        <span class="muted small">${event.client_name ?? ''} <${Time} at=${event.date} short /></span>
      </li>`)}</ol>`)}</${Loaded}></${Card}>`;
}
