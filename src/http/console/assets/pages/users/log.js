// What happened to a user.

import { at } from '../../core/api.js';
import { html } from '../../core/html.js';
import { Card, Empty, Time } from '../../parts/layout.js';
import { PagedTable } from '../../parts/table.js';
import { deviceOf } from './words.js';

const columns = [
  { title: 'Event', main: true, cell: (event) => html`${event.description || event.type} <code class="small">${event.type}</code>` },
  { title: 'When', cell: (event) => html`<${Time} at=${event.date} />` },
  { title: 'Application', cell: (event) => event.client_name || event.client_id },
  { title: 'From', cell: (event) => [event.ip, deviceOf(event.user_agent)].filter(Boolean).join(', ') },
];

/** The tab *Log*. */
export function Log({ user }) {
  return html`<${Card} title="Log" intro="Events of this user, the latest first.">
    <${PagedTable} caption="Events of this user" path=${at`users/${user.user_id}/logs`} items="logs" columns=${columns}
      rowKey=${(event) => event.log_id} reach=${1000}
      rowHref=${(event) => at`/logs/${event.log_id}`}
      empty=${html`<${Empty} title="Nothing happened yet">Logins, changes and refusals appear here.</${Empty}>`} />
  </${Card}>`;
}
