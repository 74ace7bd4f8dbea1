// What all pages of one application share: its header and its tabs.

import { at } from '../../core/api.js';
import { html } from '../../core/html.js';
import { Loaded, useResource } from '../../core/load.js';
import { session } from '../../core/session.js';
import { Badge, Identifier, Page, Tabs } from '../../parts/layout.js';
import { hasLogins, kindTitle } from './kinds.js';

/** The secret is read when somebody asks for it, and not before. */
const WITHOUT_SECRET = { fields: 'client_secret', include_fields: false };

/** The application with this id, to be read and written: see `useResource`. */
export const useApplication = (id) => useResource(at`clients/${id}`, WITHOUT_SECRET);

/** The tabs of an application, each with its address. */
export function tabsOf(client) {
  const path = at`/applications/${client.client_id}`;
  const tab = (id, title) => ({ id, title, href: `${path}?tab=${id}` });
  const logins = hasLogins(client);
  return [
    tab('settings', 'Settings'),
    tab('quickstart', 'Quick start'),
    logins && { id: 'try', title: 'Try it', href: `${path}/try` },
    logins && tab('refresh', 'Refresh tokens'),
    logins && { id: 'policies', title: 'Multi-resource', href: `${path}/policies` },
    (session.can('read:client_grants')) && tab('apis', 'APIs'),
    logins && session.can('read:connections') && tab('connections', 'Connections'),
  ].filter(Boolean);
}

/**
 * The page of one application: `children(client, resource)` below its header, with the tab `current` marked.
 * `resource` is what `useApplication` has made; without one the page reads the application by itself.
 */
export function ApplicationFrame({ id, current, resource, children }) {
  return resource ? html`<${Framed} resource=${resource} current=${current}>${children}</${Framed}>`
    : html`<${Reading} id=${id} current=${current}>${children}</${Reading}>`;
}

function Reading({ id, ...more }) {
  return html`<${Framed} resource=${useApplication(id)} ...${more} />`;
}

const BACK = { href: '/applications', title: 'Applications' };

function Framed({ resource, current, children }) {
  const client = resource.data;
  if (!client) {
    const gone = resource.error?.kind === 'missing';
    return html`<${Page} title=${gone ? 'This application does not exist' : 'Application'} back=${BACK}>
      <${Loaded} load=${resource}>${() => null}</${Loaded}>
    </${Page}>`;
  }
  const intro = html`<p class="actions"><${Badge}>${kindTitle(client.app_type)}</${Badge}>
    ${!client.is_first_party && html`<${Badge} kind="warning">Third party</${Badge}>`}
    <${Identifier} value=${client.client_id} of="the client ID" /></p>`;
  return html`<${Page} title=${client.name ?? 'Application without a name'} back=${BACK} intro=${intro}>
    <${Tabs} label="Application" tabs=${tabsOf(client)} current=${current} />
    ${children(client, resource)}
  </${Page}>`;
}
