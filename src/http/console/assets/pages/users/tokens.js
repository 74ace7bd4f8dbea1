// The families of refresh tokens of a user: one login in one application each, alive or dead.

import { api, at } from '../../core/api.js';
import { html, useState } from '../../core/html.js';
import { Failed } from '../../core/load.js';
import { setQuery, useLocation } from '../../core/router.js';
import { session } from '../../core/session.js';
import { relative } from '../../core/words.js';
import { confirm, toast } from '../../parts/dialog.js';
import { Badge, Card, Empty, Facts, Identifier, Notice, Time } from '../../parts/layout.js';
import { useCursor } from '../../parts/table.js';
import { attempt } from './attempt.js';
import { Explain } from './explain.js';
import { Application } from './names.js';
import { deviceOf, endOf, grantOf, nameOf } from './words.js';

/** "in 14 days, or in 3 days if it is not exchanged before" */
function expiryOf({ expires_at: absolute, idle_expires_at: idle }) {
  if (!absolute && !idle) return 'Never by itself.';
  const ends = absolute ? `Ends ${relative(absolute)}` : 'Has no fixed end';
  if (!idle || (absolute && idle >= absolute)) return `${ends}, however often it is exchanged.`;
  return absolute ? `${ends} at the latest; if it is not exchanged before, ${relative(idle)}.`
    : `${ends}; if it is not exchanged, it ends ${relative(idle)}.`;
}

const TIMES = ['not rotated yet', 'rotated once'];

const exchanges = ({ rotating, generation }) => (
  rotating ? `Generation ${generation}: ${TIMES[generation] ?? `rotated ${generation} times`}` : 'Not rotated: the same token stays');

function Reach({ family }) {
  const reach = family.resource_servers ?? [];
  if (reach.length === 0) return 'no API: only the profile of the user';
  return html`<ul class="plain-list">${reach.map(({ audience, scopes }) => html`<li key=${audience}>
    <code>${audience}</code> <span class="muted small">${scopes || 'no scope'}</span></li>`)}</ul>`;
}

function Device({ device = {} }) {
  const first = deviceOf(device.initial_user_agent);
  const last = deviceOf(device.last_user_agent);
  const place = (agent, ip) => [agent ?? 'Unknown device', ip].filter(Boolean).join(', ');
  const begun = place(first, device.initial_ip);
  const now = place(last, device.last_ip);
  return begun === now ? begun : html`${begun}<br /><span class="muted small">now ${now}</span>`;
}

function Death({ family }) {
  const end = endOf(family.ended_by);
  return html`<${Notice} kind=${end.isAlarm ? 'danger' : 'info'} title=${end.title}>
    <p>${end.sentence} It ended <${Time} at=${family.ended_at} />.</p>
  </${Notice}>`;
}

function Family({ family, revoke, explain }) {
  const isLive = family.state === 'live';
  const mayRevoke = session.can('delete:refresh_tokens');
  return html`<li class=${`family ${isLive ? '' : 'dead'}`}>
    <div class="card-head">
      <h3><${Application} id=${family.client_id} name=${family.client_name} />${' '}
        ${isLive ? html`<${Badge} kind="good">alive</${Badge}>`
          : html`<${Badge} kind=${endOf(family.ended_by).isAlarm ? 'danger' : 'neutral'}>dead</${Badge}>`}</h3>
      <div class="actions">
        <button type="button" class="quiet" onClick=${() => explain(family)}>Explain an exchange</button>
        ${isLive && mayRevoke && html`<button type="button" class="quiet danger" onClick=${() => revoke(family)}>Revoke</button>`}
      </div>
    </div>
    ${!isLive && html`<${Death} family=${family} />`}
    <${Facts} facts=${[
      ['Logged in', html`<${Time} at=${family.created_at} />`],
      ['Last exchange', family.last_exchanged_at ? html`<${Time} at=${family.last_exchanged_at} />` : 'never'],
      ['Rotation', exchanges(family)],
      ['Device', html`<${Device} device=${family.device} />`],
      isLive && ['Expiry', expiryOf(family)],
      ['How', grantOf(family.grant)],
      ['Logged in for', family.audience ? html`<code>${family.audience}</code>` : 'no API'],
      ['Scopes of the login', html`<span class="small">${family.scope}</span>`],
      isLive && ['Can be exchanged for', html`<${Reach} family=${family} />`],
      family.sender_constrained && ['Bound', 'To a key of the device (DPoP): a stolen token is of no use'],
    ].filter(Boolean)} />
    <p class="small muted">Id <${Identifier} value=${family.id} of="the id of the refresh token" /></p>
  </li>`;
}

const STATES = [['live', 'Alive'], ['any', 'All'], ['dead', 'Dead']];

/** Which of them to list, kept in the address. */
function States({ state }) {
  return html`<label class="inline-filter">Show
    <select value=${state} onChange=${(event) => setQuery({ state: event.target.value })}>
      ${STATES.map(([value, title]) => html`<option key=${value} value=${value} selected=${value === state}>${title}</option>`)}
    </select></label>`;
}

const NOTHING = {
  live: ['No refresh token is alive', 'Applications get one at a login that asks for offline_access.'],
  any: ['No refresh token', 'Applications get one at a login that asks for offline_access. Dead ones are shown for 30 days.'],
  dead: ['None has died lately', 'Dead ones are shown for 30 days.'],
};

function List({ list, state, ...actions }) {
  if (list.error) return html`<${Failed} error=${list.error} retry=${list.reload} />`;
  if (list.rows.length === 0 && list.loading) {
    return html`<div class="skeleton" role="status"><span class="visually-hidden">Loading…</span></div>`;
  }
  const [title, text] = NOTHING[state];
  return html`
    ${list.rows.length === 0 && !list.more ? html`<${Empty} title=${title}>${text}</${Empty}>`
      : html`<ul class="families" aria-busy=${list.loading}>${list.rows.map((family) => html`
        <${Family} key=${family.id} family=${family} ...${actions} />`)}</ul>`}
    ${list.more && html`<p><button type="button" onClick=${list.loadMore}>Earlier logins</button></p>`}`;
}

/** The tab *Refresh tokens*. */
export function RefreshTokens({ user }) {
  const { query } = useLocation();
  const state = NOTHING[query.state] ? query.state : 'any';
  const list = useCursor(at`users/${user.user_id}/refresh-token-families`, 'refresh_token_families', { state }, 20);
  const [explained, setExplained] = useState();
  const mayRevoke = session.can('delete:refresh_tokens');
  const revoke = (family) => attempt(async () => {
    const yes = await confirm({
      title: `Revoke this login in ${family.client_name}?`,
      text: 'The next exchange fails: the application has to ask for a login again. Access tokens that are out work until they expire.',
      act: 'Revoke',
      danger: true,
    });
    if (!yes) return;
    await api.delete(at`refresh-tokens/${family.id}`);
    await list.reload();
    toast('Revoked');
  });
  const revokeAll = () => attempt(async () => {
    const yes = await confirm({
      title: `Revoke all refresh tokens of ${nameOf(user)}?`,
      text: 'In every application the next exchange fails, and each has to ask for a login again. '
        + 'Access tokens that are out work until they expire.',
      act: 'Revoke all',
      danger: true,
    });
    if (!yes) return;
    await api.delete(at`users/${user.user_id}/refresh-tokens`);
    await list.reload();
    toast('All refresh tokens revoked');
  });
  return html`<${Card} title="Refresh tokens"
    intro="One entry for each login in an application. All refresh tokens that descend from it live and die together."
      actions=${mayRevoke && list.rows.some((family) => family.state === 'live')
        && html`<button type="button" class="danger" onClick=${revokeAll}>Revoke all</button>`}>
    ${!mayRevoke && html`<${Notice}>Your role allows you to look at this, not to change it.</${Notice}>`}
    <div class="table-controls"><${States} state=${state} /></div>
    <${List} list=${list} state=${state} revoke=${revoke} explain=${setExplained} />
    ${explained && html`<${Explain} family=${explained} onClose=${() => setExplained(undefined)} />`}
  </${Card}>`;
}
