// Code for one application, with its own values, and what is still missing for it to work.

import { api, at } from '../../core/api.js';
import { html, useState } from '../../core/html.js';
import { useLoad } from '../../core/load.js';
import { Link } from '../../core/router.js';
import { session } from '../../core/session.js';
import { toast } from '../../parts/dialog.js';
import { Select, TextField, Toggle } from '../../parts/fields.js';
import { Card, Code, Notice } from '../../parts/layout.js';
import { SECRET, SNIPPETS } from '../snippets.js';
import { ApiChoice } from './apis.js';
import { isConfidential } from './kinds.js';

const scopesOf = (target) => (target?.scopes ?? []).map(({ value }) => value).slice(0, 10).join(' ');

/** The further APIs that refresh tokens of the application serve. */
const others = (client, target) => (client.refresh_token?.policies ?? [])
  .filter(({ audience }) => audience !== target?.identifier)
  .map(({ audience, scope }) => ({ audience, scope: scope.join(' ') }));

/** The tab. */
export function QuickStart({ client, resource }) {
  const kind = SNIPPETS[client.app_type] ? client.app_type : 'regular_web';
  const snippets = SNIPPETS[kind];
  const [id, setId] = useState(snippets[0].id);
  const [target, setTarget] = useState();
  const [callback, setCallback] = useState(client.callbacks?.[0] ?? snippets[0].callback);
  const [secret, setSecret] = useState();
  const machine = kind === 'non_interactive';
  const snippet = snippets.find((one) => one.id === id) ?? snippets[0];
  const ready = !machine || target;
  const usable = machine || URL.canParse(callback);
  const settings = {
    issuer: session.config.issuer, clientId: client.client_id, secret: secret ?? SECRET, callback,
    audience: target?.identifier, scope: scopesOf(target), others: machine ? [] : others(client, target),
  };
  return html`
    <${Card} title="Your values" intro="The code below changes with them.">
      <div class="columns">
        <div>${session.can('read:resource_servers')
          && html`<${ApiChoice} value=${target} onChange=${setTarget} hint="The API that the tokens are for." />`}</div>
        <div>${!machine && html`<${Callback} client=${client} value=${callback} onChange=${setCallback} />`}
          ${isConfidential(client) && session.can('read:client_keys')
            && html`<${SecretToggle} client=${client} value=${secret} onChange=${setSecret} />`}</div>
      </div>
      ${!machine && usable && html`<${CallbackCheck} client=${client} resource=${resource} callback=${callback} />`}
      ${!machine && html`<${RefreshCheck} client=${client} target=${target} />`}
      ${machine && target && session.can('read:client_grants')
        && html`<${GrantCheck} key=${target.identifier} client=${client} target=${target} />`}
    </${Card}>
    <${Card} title="The code">
      <${Select} label="For" value=${snippet.id} onChange=${setId} options=${snippets.map((one) => [one.id, one.title])} />
      <p>${snippet.about}</p>
      ${ready && usable ? html`<${Code} label=${snippet.title} text=${snippet.text(settings)} />`
        : html`<p class="muted" role="status">${usable ? 'Choose an API first.' : 'Give a callback URL first.'}</p>`}
    </${Card}>`;
}

function Callback({ client, value, onChange }) {
  const known = client.callbacks ?? [];
  const [own, setOwn] = useState(!known.includes(value));
  const choose = (next) => {
    setOwn(next === '');
    if (next !== '') onChange(next);
  };
  return html`
    ${known.length > 0 && html`<${Select} label="Callback URL" value=${own ? '' : value} onChange=${choose}
      options=${[...known.map((url) => [url, url]), ['', 'Another one']]} />`}
    ${(own || known.length === 0) && html`<${TextField} label=${known.length > 0 ? 'Another callback URL' : 'Callback URL'}
      value=${value} onChange=${onChange} mono
      hint="Where the application runs, and people come back to after the login." />`}`;
}

function SecretToggle({ client, value, onChange }) {
  const [problem, setProblem] = useState();
  const toggle = async (on) => {
    setProblem(undefined);
    if (!on) return onChange(undefined);
    try {
      return onChange((await api.get(at`clients/${client.client_id}`, { fields: 'client_secret' })).client_secret);
    } catch (error) {
      return setProblem(error.message);
    }
  };
  return html`<${Toggle} label="Fill in the client secret" value=${value !== undefined} onChange=${toggle} error=${problem}
    hint="It will be readable on this page." />`;
}

/** Registers in one step what the code needs. */
function CallbackCheck({ client, resource, callback }) {
  const [problem, setProblem] = useState();
  const url = new URL(callback);
  const web = url.protocol === 'https:' || url.protocol === 'http:';
  const spa = client.app_type === 'spa';
  const has = (name, value) => (client[name] ?? []).includes(value);
  const missing = {
    ...(!has('callbacks', callback) && { callbacks: [...client.callbacks ?? [], callback] }),
    ...(web && !has('allowed_logout_urls', `${url.origin}/`)
      && { allowed_logout_urls: [...client.allowed_logout_urls ?? [], `${url.origin}/`] }),
    ...(web && spa && !has('web_origins', url.origin) && { web_origins: [...client.web_origins ?? [], url.origin] }),
  };
  const names = { callbacks: 'as callback URL', allowed_logout_urls: 'for the logout', web_origins: 'as web origin' };
  const added = { callbacks: callback, allowed_logout_urls: `${url.origin}/`, web_origins: url.origin };
  if (Object.keys(missing).length === 0) return null;
  const add = async () => {
    try {
      await resource.patch(missing);
      setProblem(undefined);
      toast('Added');
    } catch (error) {
      if (error.kind === 'changed') await resource.reload();
      setProblem(error.kind === 'changed' ? 'Somebody else has changed the application just now. Look again, then add.' : error.message);
    }
  };
  return html`<${Notice} kind="warning" title="Not registered yet">
    <p>A login that leads to an address which is not registered is refused. Missing:</p>
    <ul>${Object.keys(missing).map((name) => html`<li key=${name}><code>${added[name]}</code> ${names[name]}</li>`)}</ul>
    ${problem && html`<p role="alert">${problem}</p>`}
    ${session.can('update:clients') && html`<p class="actions"><button type="button" onClick=${add}>Add them</button></p>`}
  </${Notice}>`;
}

function RefreshCheck({ client, target }) {
  const load = useLoad(async (signal) => {
    if (!target || !session.can('read:resource_servers')) return undefined;
    return api.get(at`resource-servers/${target.identifier}`, { fields: 'id,allow_offline_access' }, { signal });
  }, [target?.identifier]);
  const grants = (client.grant_types ?? []).includes('refresh_token');
  const offline = !load.data || load.data.allow_offline_access;
  if (grants && offline) return null;
  return html`<${Notice} kind="warning" title="It gets no refresh token">
    ${!grants ? html`<p>Allow “Refresh token” among its ways to get tokens:
        <${Link} href=${`/applications/${encodeURIComponent(client.client_id)}?tab=settings`}>Settings</${Link}>.</p>`
      : html`<p>The API does not allow offline access:
        <${Link} href=${`/apis/${encodeURIComponent(load.data.id)}`}>${target.name ?? target.identifier}</${Link}>.</p>`}
  </${Notice}>`;
}

function GrantCheck({ client, target }) {
  const load = useLoad((signal) => api.get('client-grants',
    { client_id: client.client_id, audience: target.identifier, per_page: 5 }, { signal }), [target.identifier]);
  if (!load.data || load.data.length > 0) return null;
  return html`<${Notice} kind="warning" title="It may not call this API yet">
    <p>Add the API first: <${Link} href=${`/applications/${encodeURIComponent(client.client_id)}?tab=apis`}>APIs</${Link}>.</p>
  </${Notice}>`;
}
