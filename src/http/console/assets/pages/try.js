// Logs in to an application as the application would, step by step, and shows what everything says:
// the request, the code, the tokens and what is in them, and exchanges of the refresh token.
//
// 1. The window of the login comes back to `/admin/try`, which tells its answer on a channel.
// 2. The code is exchanged at the token endpoint.
// 3. The refresh token is exchanged, for the same API or for another.

import { api, at } from '../core/api.js';
import { AuthorizationError, codeRequest, decode, request, tokenRequest } from '../core/authorization.js';
import { html, useEffect, useRef, useState } from '../core/html.js';
import { Loaded, useLoad } from '../core/load.js';
import { answerOn } from '../core/returned.js';
import { session } from '../core/session.js';
import { moment, span } from '../core/words.js';
import { toast } from '../parts/dialog.js';
import { Select, TextField, Toggle } from '../parts/fields.js';
import { Card, Code, Copy, Empty, Facts, Notice } from '../parts/layout.js';
import { ApplicationFrame, useApplication } from './applications/frame.js';

const SECRETS = new Set(['client_secret', 'refresh_token', 'code_verifier']);
const shortened = (name, value) => (SECRETS.has(name) ? `${value.slice(0, 6)}…` : value);

/** The request as somebody would make it by hand; secrets only by their beginning. */
function curlOf(config, parameters) {
  const lines = Object.entries({ client_id: config.client_id, ...parameters })
    .map(([name, value]) => `  --data-urlencode '${name}=${shortened(name, value)}'`);
  return [`curl ${config.issuer}oauth/token`, ...lines].join(' \\\n');
}

/** The APIs that a token may be for; the first hundred are enough to try something. */
async function readApis(signal) {
  if (!session.can('read:resource_servers')) return [];
  const page = await api.get('resource-servers', { per_page: 100, include_totals: true }, { signal });
  return page.resource_servers.filter(({ is_system: system }) => !system);
}

/** The tab "Try it" of an application. */
export function TryApplication({ id }) {
  const application = useApplication(id);
  const apis = useLoad(readApis, []);
  return html`<${ApplicationFrame} id=${id} resource=${application} current="try">
    ${(client) => html`<${Loaded} load=${apis}>${(known) => html`
      <${Try} client=${client} apis=${known} patch=${application.patch} />`}</${Loaded}>`}
  </${ApplicationFrame}>`;
}

function Try({ client, apis, patch }) {
  const redirect = `${session.config.issuer}admin/try`;
  if (!(client.grant_types ?? []).includes('authorization_code')) {
    return html`<${Empty} title="Nobody logs in to this application">
      It does not have the grant type “Authorization code”, so there is no login to try.</${Empty}>`;
  }
  const setCallbacks = (callbacks) => patch({ callbacks });
  const shared = { client, redirect, setCallbacks };
  if (!(client.callbacks ?? []).includes(redirect)) return html`<${AllowCallback} ...${shared} />`;
  return html`<${Steps} apis=${apis} ...${shared} />`;
}

function AllowCallback({ client, redirect, setCallbacks }) {
  const [problem, setProblem] = useState();
  const allow = async () => {
    try {
      await setCallbacks([...(client.callbacks ?? []), redirect]);
      toast('The console may receive logins of this application now.');
    } catch (error) {
      setProblem(error.message);
    }
  };
  return html`<${Card} title="Let the console receive a login" intro=${html`
      <p>The answer to a login goes to one of the application’s callback URLs, and nowhere else. To try the application here,
      this one has to be among them:</p><p><code>${redirect}</code></p>
      <p>You can take it away again when you are done.</p>`}>
    ${problem && html`<${Notice} kind="danger" live>${problem}</${Notice}>`}
    ${session.can('update:clients') ? html`<button type="button" class="primary" onClick=${allow}>Add this callback URL</button>`
      : html`<${Notice}>Your role does not allow you to change the application. An administrator can add it.</${Notice}>`}
  </${Card}>`;
}

/** The secret, for an application that has to show it at the token endpoint. */
async function credentialsOf(client) {
  if (client.token_endpoint_auth_method === 'none') return {};
  const { client_secret: secret } = await api.get(at`clients/${client.client_id}`, { fields: 'client_secret' });
  if (!secret) throw new Error('This application authenticates with its secret, which your role does not let you see.');
  return { client_secret: secret };
}

function Steps({ client, apis, redirect, setCallbacks }) {
  const [first] = client.refresh_token?.policies ?? [];
  const [audience, setAudience] = useState(first?.audience ?? apis[0]?.identifier ?? '');
  const [scope, setScope] = useState();
  const [other, setOther] = useState(false);
  const [log, setLog] = useState([]);
  const [problem, setProblem] = useState();
  const [waiting, setWaiting] = useState(false);
  const latest = log.at(-1);
  const cancel = useRef();
  useEffect(() => () => cancel.current?.(), []);

  const chosen = apis.find(({ identifier }) => identifier === audience);
  const usual = ['openid', 'profile', 'email', 'offline_access', ...(chosen?.scopes ?? []).map(({ value }) => value)].join(' ');
  const config = {
    issuer: session.config.issuer, client_id: client.client_id, redirect_uri: redirect, audience, scope: scope ?? usual,
  };

  const run = async (work) => {
    setProblem(undefined);
    try {
      await work();
    } catch (error) {
      setProblem(error);
    }
  };
  const ask = async (title, parameters) => {
    const credentials = await credentialsOf(client);
    const answer = await tokenRequest(config, { ...parameters, ...credentials });
    setLog((before) => [...before, { title, request: curlOf(config, { ...parameters, ...credentials }), answer }]);
  };
  const logIn = () => run(async () => {
    const opened = window.open('', 'doorward-try', 'popup,width=480,height=720');
    if (!opened) throw new Error('The browser did not open a window. Allow windows of this site, and try again.');
    const { url, kept } = await request(config, other ? { prompt: 'login' } : {});
    setLog([]);
    setWaiting(true);
    try {
      const answered = answerOn(kept.state, (stop) => { cancel.current = stop; });
      opened.location.replace(url);
      const answer = await answered;
      if (answer) await ask('the login', codeRequest(config, kept, answer));
    } finally {
      setWaiting(false);
      opened.close();
    }
  });

  return html`
    <${Card} title="Log in"
      intro="What the application sends to the server. A window opens for the login; if you are signed in there already, it closes by itself.">
      <div class="columns">
        <${Select} label="API" hint="The audience that the first access token is for." value=${audience}
          onChange=${(next) => { setAudience(next ?? ''); setScope(undefined); }}
          options=${[['', 'None: only who the person is'],
            ...apis.map(({ identifier, name }) => [identifier, `${name} (${identifier})`])]} />
        <${TextField} label="Scope" hint="offline_access asks for a refresh token." mono value=${scope ?? usual} onChange=${setScope} />
      </div>
      <${Toggle} label="Ask who is there, even if somebody is signed in" value=${other} onChange=${setOther}
        hint="Whoever signs in then is signed in in this browser: sign in here again afterwards to go on as yourself." />
      <p class="actions"><button type="button" class="primary" onClick=${logIn} disabled=${waiting}>Log in</button>
        ${waiting && html`<span role="status">Waiting for the window…</span>
          <button type="button" onClick=${() => cancel.current?.()}>Stop waiting</button>`}</p>
    </${Card}>
    ${problem && html`<${Notice} kind="danger" title="The server refused" live>
      ${problem instanceof AuthorizationError && problem.code && html`<p><code>${problem.code}</code></p>`}
      <p>${problem.message}</p></${Notice}>`}
    ${latest && html`<${Exchange} client=${client} apis=${apis} log=${log} ask=${(...step) => run(() => ask(...step))} />`}
    ${log.toReversed().map((step, i) => html`<${Answer} key=${log.length - i} number=${log.length - i} ...${step} open=${i === 0} />`)}
    <${RemoveCallback} client=${client} redirect=${redirect} setCallbacks=${setCallbacks} />`;
}

const ABOUT_EXCHANGES = 'As often as you like. Every exchange brings the next refresh token, if the application rotates '
  + 'them; for which APIs it works is what the multi-resource policy says.';

function Exchange({ client, apis, log, ask }) {
  const refreshToken = log.findLast(({ answer }) => answer.refresh_token)?.answer.refresh_token;
  const policies = client.refresh_token?.policies ?? [];
  const [audience, setAudience] = useState('');
  const [busy, setBusy] = useState(false);
  if (!refreshToken) {
    return html`<${Notice} kind="warning">There is no refresh token in the answer. It takes the scope offline_access,
      the grant type “Refresh token” of the application, and “Allow offline access” of the API.</${Notice}>`;
  }
  const exchange = async () => {
    setBusy(true);
    const title = audience ? `an exchange for ${audience}` : 'an exchange for the API of the login';
    await ask(title, { grant_type: 'refresh_token', refresh_token: refreshToken, ...(audience && { audience }) });
    setBusy(false);
  };
  const nameOf = (identifier) => apis.find((one) => one.identifier === identifier)?.name;
  const wanted = [...new Set([...policies.map((policy) => policy.audience), ...apis.map(({ identifier }) => identifier)])];
  return html`<${Card} title="Exchange the refresh token" intro=${ABOUT_EXCHANGES}>
    <${Select} label="For" value=${audience} onChange=${(next) => setAudience(next ?? '')}
      options=${[['', 'The API of the login'], ...wanted.map((one) => [one, `${nameOf(one) ? `${nameOf(one)} ` : ''}(${one})`])]} />
    <p class="actions"><button type="button" class="primary" onClick=${exchange} disabled=${busy}>Exchange</button></p>
  </${Card}>`;
}

const time = (seconds) => (Number.isFinite(seconds) ? moment(seconds * 1000) : undefined);

function Token({ title, token }) {
  let decoded;
  try {
    decoded = decode(token);
  } catch {
    return html`<h3>${title}</h3><p>It is opaque: only the server can read it.</p>`;
  }
  const { header, payload } = decoded;
  return html`<div class="stack"><h3>${title} <${Copy} text=${token} of=${title} /></h3>
    <${Facts} facts=${[['Audience', [payload.aud].flat().join(', ')], ['Scope', payload.scope], ['Issued', time(payload.iat)],
      ['Expires', time(payload.exp)], ['Lasts', payload.exp && payload.iat && span(payload.exp - payload.iat)],
      ['Signed', `${header.alg}${header.kid ? `, key ${header.kid}` : ''}`]]} />
    <${Code} label=${`${title}: what it says`} text=${JSON.stringify(payload, null, 2)} /></div>`;
}

function Answer({ number, title, request: sent, answer, open }) {
  const { access_token: access, id_token: identity, refresh_token: refresh, ...more } = answer;
  return html`<details class="card answer" open=${open}>
    <summary><h2>Answer ${number}: ${title}</h2></summary>
    <div class="stack">
      <${Facts} facts=${[['Scope', more.scope], ['Expires in', span(more.expires_in)], ['Type', more.token_type],
        ['Refresh token', refresh && html`<span class="identifier"><code>${refresh.slice(0, 12)}…</code>
          <${Copy} text=${refresh} of="refresh token" /></span>`]]} />
      <${Token} title="Access token" token=${access} />
      ${identity && html`<${Token} title="ID token" token=${identity} />`}
      <${Code} label="The request, secrets shortened" text=${sent} />
    </div>
  </details>`;
}

function RemoveCallback({ client, redirect, setCallbacks }) {
  const [problem, setProblem] = useState();
  if (!session.can('update:clients')) return null;
  const remove = async () => {
    try {
      await setCallbacks(client.callbacks.filter((url) => url !== redirect));
      toast('The console no longer receives logins of this application.');
    } catch (error) {
      setProblem(error.message);
    }
  };
  return html`<p class="small muted">The console receives logins of this application at <code>${redirect}</code>.
    <button type="button" class="quiet" onClick=${remove}>Remove this callback URL</button></p>
    ${problem && html`<${Notice} kind="danger" live>${problem}</${Notice}>`}`;
}

export const routes = [{ path: '/applications/:id/try', page: TryApplication, needs: 'read:clients' }];
