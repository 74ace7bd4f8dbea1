// The browsers that somebody is logged in with.

import { api, at } from '../../core/api.js';
import { html } from '../../core/html.js';
import { session as person } from '../../core/session.js';
import { confirm, toast } from '../../parts/dialog.js';
import { Card, Empty, Notice, Time } from '../../parts/layout.js';
import { Failed } from '../../core/load.js';
import { Table, useCursor } from '../../parts/table.js';
import { attempt } from './attempt.js';
import { Application, useClientNames } from './names.js';
import { deviceOf, nameOf } from './words.js';

function Device({ of }) {
  const { device = {} } = of;
  const places = [device.initial_ip, device.last_ip].filter((ip, i, all) => ip && all.indexOf(ip) === i);
  return html`${deviceOf(device.last_user_agent ?? device.initial_user_agent) ?? 'Unknown device'}
    ${places.length > 0 && html`<br /><span class="muted small">${places.join(', then ')}</span>`}`;
}

/** What is to become of the refresh tokens of a session. */
const TOKENS_TOO = 'Applications that it logged in to have to ask for a login again. Refresh tokens that came from it '
  + 'end too; access tokens that are out work until they expire.';

/** The tab *Sessions*. */
export function Sessions({ user }) {
  const path = at`users/${user.user_id}/sessions`;
  const list = useCursor(path, 'sessions');
  const nameOfClient = useClientNames(list.rows.flatMap(({ clients = [] }) => clients.map((client) => client.client_id)));
  const mayEnd = person.can('delete:sessions');
  const endOne = (one) => attempt(async () => {
    if (!await confirm({ title: 'End this session?', text: TOKENS_TOO, act: 'End it', danger: true })) return;
    if (person.can('delete:refresh_tokens')) await api.post(at`sessions/${one.id}/revoke`, {});
    else await api.delete(at`sessions/${one.id}`);
    await list.reload();
    toast('Session ended');
  });
  const endAll = () => attempt(async () => {
    const yes = await confirm({
      title: `End all sessions of ${nameOf(user)}?`,
      text: 'Every browser has to log in again. Refresh tokens live on: they are revoked in their own tab.',
      act: 'End all sessions',
      danger: true,
    });
    if (!yes) return;
    await api.delete(path);
    await list.reload();
    toast('All sessions ended');
  });
  const columns = [
    { title: 'Device', main: true, cell: (one) => html`<${Device} of=${one} />` },
    { title: 'Logged in', cell: (one) => html`<${Time} at=${one.authenticated_at} />` },
    { title: 'Last used', cell: (one) => html`<${Time} at=${one.last_interacted_at} short />` },
    {
      title: 'Ends',
      cell: (one) => html`<${Time} at=${one.expires_at} short />, or if not used <${Time} at=${one.idle_expires_at} short />`,
    },
    {
      title: 'Applications',
      cell: ({ clients = [] }) => clients.map(({ client_id: id }, i) => html`${i > 0 && ', '}<${Application} key=${id}
        id=${id} name=${nameOfClient(id)} />`),
    },
    mayEnd && { title: 'End', cell: (one) => html`<button type="button" class="quiet danger" onClick=${() => endOne(one)}>End</button>` },
  ].filter(Boolean);
  return html`<${Card} title="Sessions"
    intro="Browsers in which this user is logged in. Applications that ask for a login get one without a password."
      actions=${mayEnd && list.rows.length > 0 && html`<button type="button" class="danger" onClick=${endAll}>End all</button>`}>
    ${!mayEnd && html`<${Notice}>Your role allows you to look at this, not to change it.</${Notice}>`}
    ${list.error ? html`<${Failed} error=${list.error} retry=${list.reload} />`
      : list.rows.length === 0 && list.loading ? html`<div class="skeleton"></div>`
        : list.rows.length === 0 ? html`<${Empty} title="No session">This user is not logged in in any browser.</${Empty}>`
          : html`<${Table} caption="Sessions" columns=${columns} rows=${list.rows} rowKey=${(one) => one.id} />
            ${list.more && html`<p><button type="button" onClick=${list.loadMore}>More sessions</button></p>`}`}
  </${Card}>`;
}
