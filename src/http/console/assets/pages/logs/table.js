// Events as rows.

import { at } from '../../core/api.js';
import { EventTitle } from '../../core/events.js';
import { html } from '../../core/html.js';
import { Time } from '../../parts/layout.js';
import { Table } from '../../parts/table.js';

/** `words`: see core/events.js. */
export function Events({ events, words, caption }) {
  const columns = [
    { title: 'Event', main: true, cell: (event) => html`<${EventTitle} event=${event} words=${words} />` },
    { title: 'When', cell: ({ date }) => html`<${Time} at=${date} />` },
    { title: 'Application', cell: ({ client_name: name, client_id: id }) => name ?? (id && html`<code>${id}</code>`) },
    { title: 'User', cell: ({ user_id: id }) => id && html`<code>${id}</code>` },
    { title: 'From', cell: ({ ip }) => ip && html`<code>${ip}</code>` },
  ];
  return html`<${Table} class="log-table" caption=${caption} columns=${columns} rows=${events} rowKey=${(event) => event.log_id}
    rowHref=${(event) => `/${at`logs/${event.log_id}`}`} />`;
}
