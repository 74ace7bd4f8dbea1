// Events as rows.

import { at } from '../../core/api.js';
import { EventTitle } from '../../core/events.js';
import { html } from '../../core/html.js';
import { Table } from '../../parts/table.js';

/** To the second: events follow each other quickly. */
function Exactly({ at: date }) {
  const text = new Date(date).toLocaleString('en', { dateStyle: 'medium', timeStyle: 'medium' });
  return html`<time class="no-break" datetime=${date} title=${date}>${text}</time>`;
}

/** `words`: see core/events.js. */
export function Events({ events, words, caption }) {
  const columns = [
    { title: 'Event', main: true, cell: (event) => html`<${EventTitle} event=${event} words=${words} />` },
    { title: 'When', cell: ({ date }) => html`<${Exactly} at=${date} />` },
    { title: 'Application', cell: ({ client_name: name, client_id: id }) => name ?? (id && html`<code>${id}</code>`) },
    { title: 'User', cell: ({ user_id: id }) => id && html`<code>${id}</code>` },
    { title: 'From', cell: ({ ip }) => ip && html`<code class="no-break">${ip}</code>` },
  ];
  return html`<${Table} class="log-table" caption=${caption} columns=${columns} rows=${events}
    rowKey=${(event) => event.log_id} rowHref=${(event) => `/${at`logs/${event.log_id}`}`} />`;
}
