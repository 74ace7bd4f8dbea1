// One event in full: what it means, who it was, and where to go on.

import { api, at } from '../../core/api.js';
import { eventWords } from '../../core/events.js';
import { html } from '../../core/html.js';
import { Loaded, useLoad } from '../../core/load.js';
import { Link } from '../../core/router.js';
import { session } from '../../core/session.js';
import { Badge, Card, Code, Facts, Identifier, Page, Time } from '../../parts/layout.js';

const BACK = { href: '/logs', title: 'Logs' };

const linked = (href, scope, text) => (session.can(scope) ? html`<${Link} href=${href}>${text}</${Link}>` : text);

/** A sentence that says what happened, with what is known of why. */
function Meaning({ event, words }) {
  const { details } = event;
  const sentences = [words.types.get(event.type)?.description ?? event.description ?? event.type];
  if (details.policy_used === 'mrrt') sentences.push('A multi-resource policy of the application was used');
  if (details.reason) sentences.push(words.reasons.get(details.reason) ?? `Reason: ${details.reason}`);
  if (details.error_description) sentences.push(`Told: ${details.error_description}`);
  if (details.times > 1) sentences.push(`It happened ${details.times} times within a moment`);
  return html`<p class="lead">${sentences.map((sentence) => `${sentence.replace(/\.$/, '')}.`).join(' ')}</p>`;
}

const path = ({ request } = {}) => request && html`<code>${request.method} ${request.path}</code>`;

function who({ client_id: client, client_name: name, user_id: user, audience, details }) {
  const { requested_audience: asked, action_id: action } = details;
  return [
    ['Application', client && linked(`/${at`applications/${client}`}`, 'read:clients', name ?? client)],
    ['User', user && linked(`/${at`users/${user}`}`, 'read:users', user)],
    ['API', audience && linked(`/${at`apis/${audience}`}`, 'read:resource_servers', audience)],
    ['API asked for', asked && asked !== audience && asked],
    ['Action', action && linked(`/${at`actions/${action}`}?tab=executions`, 'read:actions', action)],
  ];
}

function what({ scope, details }) {
  return [
    ['Scopes given', scope && html`<code>${scope}</code>`],
    ['Scopes asked for', details.requested_scope && html`<code>${details.requested_scope}</code>`],
    ['Request', path(details)],
    ['Changed', details.changed?.length > 0 && details.changed.join(', ')],
    ['Answer', details.response?.statusCode],
    ['Refresh token', details.familyId && html`<code>${details.familyId}</code>`],
    ['Generation', details.tokenCounter],
    ['Current generation', details.latestCounter],
    ['Refresh tokens revoked', details.revoked],
    ['Script executions', executions(details)],
  ];
}

function executions({ actions }) {
  const ids = actions?.executions ?? [];
  return ids.length > 0 && ids.map((id) => html`<div key=${id}><code>${id}</code></div>`);
}

const Outcome = ({ type }) => (type?.is_failure ? html`<${Badge} kind="danger">Failed or refused</${Badge}>`
  : html`<${Badge} kind="good">Done</${Badge}>`);

function Shown({ event, words }) {
  const type = words.types.get(event.type);
  const json = JSON.stringify(event, null, 2);
  return html`<${Page} title=${type?.title ?? event.type} back=${BACK}>
    <${Card}>
      <p><${Outcome} type=${type} /> <${Badge}>${event.type}</${Badge}></p>
      <${Meaning} event=${event} words=${words} />
      <${Facts} facts=${[
        ['When', html`<${Time} at=${event.date} />`], ...who(event),
        ['From', event.ip && html`<code>${event.ip}</code>`], ['Program', event.user_agent], ...what(event),
        ['Event id', html`<${Identifier} value=${event.log_id} of="the id of the event" />`],
      ].map(([name, value]) => [name, value === false ? undefined : value])} />
    </${Card}>
    <${Related} event=${event} />
    <${Code} label="The event as JSON" text=${json} />
  </${Page}>`;
}

/** More of the same. */
function Related({ event }) {
  const links = [
    ['Events of this kind', `type=${event.type}`],
    event.user_id && ['Events of this user', `user=${encodeURIComponent(event.user_id)}`],
    event.client_id && ['Events of this application', `client=${encodeURIComponent(event.client_id)}`],
    event.ip && ['Events from this address', `ip=${encodeURIComponent(event.ip)}`],
  ].filter(Boolean);
  return html`<nav aria-label="More events" class="more-events"><ul>${links.map(([title, query]) => html`
    <li key=${title}><${Link} href=${`/logs?${query}`}>${title}</${Link}></li>`)}</ul></nav>`;
}

export function Event({ id }) {
  const load = useLoad(async (signal) => {
    const [event, words] = await Promise.all([api.get(at`logs/${id}`, {}, { signal }), eventWords()]);
    return { event, words };
  }, [id]);
  if (load.data) return html`<${Shown} ...${load.data} />`;
  return html`<${Page} title="Event" back=${BACK}><${Loaded} load=${load}>${() => null}</${Loaded}></${Page}>`;
}
