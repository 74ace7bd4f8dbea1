// The settings of one application.

import { api, at } from '../../core/api.js';
import { Form, useForm } from '../../core/form.js';
import { html, useState } from '../../core/html.js';
import { navigate } from '../../core/router.js';
import { session } from '../../core/session.js';
import { confirm, toast } from '../../parts/dialog.js';
import { CheckList, DurationField, ListField, SecretField, Select, TextArea, TextField, Toggle } from '../../parts/fields.js';
import { Card, Facts, Identifier, Notice, ReadOnly, SaveBar } from '../../parts/layout.js';
import { grantOptions, hasLogins, isConfidential, kindTitle, KINDS } from './kinds.js';

const domainOf = () => new URL(session.config.issuer).host;

/** What this page edits, filled in as the server acts where nothing was said. */
function valuesOf(client) {
  return {
    name: client.name ?? '',
    description: client.description ?? '',
    logo_uri: client.logo_uri ?? '',
    app_type: client.app_type,
    callbacks: client.callbacks ?? [],
    allowed_logout_urls: client.allowed_logout_urls ?? [],
    web_origins: client.web_origins ?? [],
    allowed_origins: client.allowed_origins ?? [],
    initiate_login_uri: client.initiate_login_uri ?? '',
    token_endpoint_auth_method: client.token_endpoint_auth_method,
    is_first_party: client.is_first_party ?? true,
    grant_types: client.grant_types ?? [],
    jwt_configuration: {
      lifetime_in_seconds: client.jwt_configuration?.lifetime_in_seconds ?? 36_000,
      alg: client.jwt_configuration?.alg ?? 'RS256',
    },
    oidc_logout: { backchannel_logout_urls: client.oidc_logout?.backchannel_logout_urls ?? [] },
  };
}

const METHODS = [
  ['client_secret_post', 'Client secret, in the body or the header'],
  ['client_secret_basic', 'Client secret, in the header or the body'],
  ['none', 'None: it cannot keep a secret (PKCE)'],
];

const ALGORITHMS = [['RS256', 'RS256'], ['PS256', 'PS256'], ['RS512', 'RS512'], ['HS256', 'HS256, with the client secret']];

/** The tab: everything about an application that is not in a tab of its own. */
export function Settings({ client, resource }) {
  const form = useForm({
    initial: valuesOf(client),
    check: ({ jwt_configuration: { lifetime_in_seconds: time } }) => (
      time === undefined ? { 'jwt_configuration.lifetime_in_seconds': 'Type a time.' } : {}),
    save: async (values, { changes, force }) => {
      const saved = valuesOf(await resource.patch(changes, { force }));
      toast('Saved');
      return saved;
    },
    theirs: async () => {
      const fresh = await resource.reload();
      return fresh && valuesOf(fresh);
    },
  });
  const logins = hasLogins(form.values);
  return html`<${ReadOnly} when=${!session.can('update:clients')}>
    <${Credentials} client=${client} resource=${resource} />
    <${Form} form=${form} label="Settings">
      <${Basics} form=${form} />
      ${logins && html`<${Addresses} form=${form} />`}
      <${Tokens} form=${form} client=${client} logins=${logins} />
      <${SaveBar} form=${form} />
    </${Form}>
    <${Removal} client=${client} />
  </${ReadOnly}>`;
}

function Credentials({ client, resource }) {
  const [rotated, setRotated] = useState();
  const [problem, setProblem] = useState();
  const id = client.client_id;
  const reveal = async () => {
    try {
      setProblem(undefined);
      return (await api.get(at`clients/${id}`, { fields: 'client_secret' })).client_secret;
    } catch (error) {
      setProblem(error.message);
      return undefined;
    }
  };
  const rotate = async () => {
    const text = html`<p>${client.name} gets a new secret. Whatever still uses the old one is refused from that moment on, until
      it has the new one: logins at the application fail, and so do its calls to APIs.</p>
      <p>Refresh tokens that it holds stay valid.</p>`;
    if (!await confirm({ title: 'Rotate the client secret?', text, act: 'Rotate', danger: true })) return;
    try {
      const { client_secret: secret } = await resource.act('rotate-secret');
      setRotated(secret);
      setProblem(undefined);
      toast('The application has a new secret');
    } catch (error) {
      setProblem(error.kind === 'changed' ? 'Somebody else has changed this application since you opened it. Reload the page, then rotate.'
        : error.message);
    }
  };
  const secret = isConfidential(client) && !client.client_authentication_methods;
  const actions = secret && session.can('update:client_keys')
    && html`<button type="button" onClick=${rotate}>Rotate secret</button>`;
  return html`<${Card} title="Identity" actions=${actions}>
    <${Facts} facts=${[
      ['Domain', html`<${Identifier} value=${domainOf()} of="the domain" />`],
      ['Client ID', html`<${Identifier} value=${client.client_id} of="the client ID" />`],
    ]} />
    <div class="stack">
      ${problem && html`<div role="alert"><${Notice} kind="danger">${problem}</${Notice}></div>`}
      ${secret && session.can('read:client_keys') && html`<${SecretField} key=${rotated ?? id} label="Client secret"
        hint="Belongs on the server of the application only. It is read when you ask for it." value=${rotated} reveal=${reveal} />`}
      ${secret && !session.can('read:client_keys') && html`<p class="muted">Your role does not show you the client secret.</p>`}
      ${client.client_authentication_methods && html`<p class="muted">It proves itself with registered keys, so it has no secret.</p>`}
      ${!isConfidential(client) && html`<p class="muted">
        It runs where people could read a secret, so it uses none: PKCE protects its logins.</p>`}
    </div>
  </${Card}>`;
}

function Basics({ form }) {
  const type = form.get('app_type');
  const kinds = KINDS.map(({ value, title }) => [value, title]);
  if (!KINDS.some(({ value }) => value === type)) kinds.unshift([type, kindTitle(type)]);
  return html`<${Card} title="About it">
    <${TextField} form=${form} name="name" label="Name" hint="People see it when they log in." required />
    <${TextArea} form=${form} name="description" label="Description" hint="For those who work with this console." rows=${2} optional />
    <${Select} form=${form} name="app_type" label="Kind" options=${kinds} />
    <${TextField} form=${form} name="logo_uri" label="Logo" hint="The address of a picture."
      placeholder="https://app.example/logo.png" type="url" mono optional />
  </${Card}>`;
}

/** Every list of addresses is typed like this. */
const LINES = 'One on each line.';

function Addresses({ form }) {
  return html`<${Card} title="Addresses" intro="Where this server may send people and tokens. Anywhere else is refused.">
    <${ListField} form=${form} name="callbacks" label="Callback URLs"
      hint=${`Where people come back to after the login. ${LINES} A * stands for one subdomain, as in https://*.app.example/callback.`}
      placeholder="https://app.example/callback" />
    <${ListField} form=${form} name="allowed_logout_urls" label="Logout URLs" hint=${`Where people may be sent after the logout. ${LINES}`}
      placeholder="https://app.example/" optional />
    <${ListField} form=${form} name="web_origins" label="Web origins"
      hint=${`Sites whose scripts may renew a login without showing a page. ${LINES}`} placeholder="https://app.example" optional />
    <${ListField} form=${form} name="allowed_origins" label="Allowed origins (CORS)"
      hint=${`More sites whose scripts may call the token endpoint. Those of the callback URLs may anyway. ${LINES}`}
      placeholder="https://app.example" optional />
    <${TextField} form=${form} name="initiate_login_uri" label="Start of a login" mono type="url" optional
      hint="The page of the application where a login begins. Tools read it; this server leads nobody there."
      placeholder="https://app.example/login" />
    <${ListField} form=${form} name="oidc_logout.backchannel_logout_urls" label="Back-channel logout URL" optional
      hint="This server calls it when a login ends elsewhere, so that the application can end its own."
      placeholder="https://app.example/logout" rows=${1} />
  </${Card}>`;
}

function Tokens({ form, client, logins }) {
  const keys = client.client_authentication_methods;
  const method = form.get('token_endpoint_auth_method');
  const methods = method ? METHODS : [[undefined, 'Not chosen: as its kind has it'], ...METHODS];
  return html`<${Card} title="How it gets tokens">
    ${!keys && html`<${Select} form=${form} name="token_endpoint_auth_method" label="How it proves itself" options=${methods} />`}
    <${CheckList} form=${form} name="grant_types" label="Ways to get tokens" options=${grantOptions(form.base.grant_types)} />
    ${logins && html`
      <${Toggle} form=${form} name="is_first_party" label="First party"
        hint="Your own application. People are not asked whether it may see their data; a third party’s application has to ask." />
      <${DurationField} form=${form} name="jwt_configuration.lifetime_in_seconds" label="Lifetime of ID tokens" />
      <${Select} form=${form} name="jwt_configuration.alg" label="Signature of ID tokens" options=${ALGORITHMS}
        hint="RS256 is what every library understands." />`}
  </${Card}>`;
}

function Removal({ client }) {
  const [problem, setProblem] = useState();
  if (!session.can('delete:clients')) return null;
  const remove = async () => {
    const text = html`<p>Nobody can log in at ${client.name} any more, and it gets no more tokens. Its refresh tokens, its grants for
      APIs and what people consented to are deleted with it. Access tokens that it holds go on until they expire.</p>
      <p>Nothing brings it back: a new one has another client ID.</p>`;
    if (!await confirm({ title: `Delete ${client.name}?`, text, act: 'Delete', danger: true, type: client.name })) return;
    try {
      await api.delete(at`clients/${client.client_id}`);
      toast(`${client.name} is deleted`);
      navigate('/applications', { force: true });
    } catch (error) {
      setProblem(error.message);
    }
  };
  return html`<${Card} title="Delete" danger intro="Deleting an application cannot be undone.">
    ${problem && html`<div role="alert"><${Notice} kind="danger">${problem}</${Notice}></div>`}
    <button type="button" class="danger" onClick=${remove}>Delete this application</button>
  </${Card}>`;
}
