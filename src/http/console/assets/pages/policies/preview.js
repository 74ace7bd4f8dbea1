// What an exchange will give, and why, for each API: as the server explains the draft.

import { html, useState } from '../../core/html.js';
import { counted, span } from '../../core/words.js';
import { Dialog } from '../../parts/dialog.js';
import { Select, TextField } from '../../parts/fields.js';
import { Badge, Notice } from '../../parts/layout.js';
import { Picker } from '../../parts/picker.js';
import { session } from '../../core/session.js';
import { findApis, findUsers } from './apis.js';
import { effectOf, groupsOf, listed } from './model.js';

const codes = (scopes) => scopes.map((scope, i) => html`${i > 0 && ' '}<code key=${scope} class="scope-name">${scope}</code>`);

/** Which login the preview is about. */
function Login({ login, onChange, audiences, nameOf }) {
  const [asking, setAsking] = useState();
  const set = (changes) => onChange({ ...login, ...changes });
  const known = [...new Set([...audiences, login.audience].filter(Boolean))];
  const choose = (value) => (value === 'another' ? setAsking('api') : set({ audience: value }));
  return html`<fieldset class="preview-login">
    <legend>Suppose a login</legend>
    <${Select} label="for the API" value=${login.audience} onChange=${choose}
      options=${[...known.map((one) => [one, nameOf(one)]), ['', 'None: the login names no API'], ['another', 'Another API…']]} />
    <${TextField} label="that asks for the scopes" mono value=${login.scope} onChange=${(scope) => set({ scope })} />
    <div class="field">
      <p class="label-like" id="preview-user">of the user</p>
      <p class="preview-user" aria-labelledby="preview-user">
        ${login.user ? html`<strong>${login.user.title}</strong>
            <button type="button" class="quiet" onClick=${() => set({ user: undefined })}>Anybody instead</button>`
    : html`<strong>Anybody</strong> <span class="muted small">with every permission, who has consented to everything</span>`}
        ${session.can('read:users')
          && html` <button type="button" class="quiet" onClick=${() => setAsking('user')}>Choose a user…</button>`}
      </p>
    </div>
    <details><summary>Scopes that the exchange asks for</summary>
      <${TextField} label="Scopes in the exchange" hint="Empty: everything it may have. Given: only what of these is allowed."
        optional mono value=${login.asked} onChange=${(asked) => set({ asked })} />
    </details>
    ${asking === 'api' && html`<${Dialog} title="The API of the login" onClose=${() => setAsking()}>
      <${Picker} label="Search your APIs by name or identifier" find=${findApis(() => undefined)} autofocus
        onPick=${({ api }) => { set({ audience: api.identifier }); setAsking(); }} />
      <p class="actions"><button type="button" onClick=${() => setAsking()}>Cancel</button></p>
    </${Dialog}>`}
    ${asking === 'user' && html`<${Dialog} title="Preview for a user" onClose=${() => setAsking()}>
      <${Picker} label="Search by the beginning of name or e-mail address" find=${findUsers} autofocus
        onPick=${(user) => { set({ user }); setAsking(); }} />
      <p class="actions"><button type="button" onClick=${() => setAsking()}>Cancel</button></p>
    </${Dialog}>`}
  </fieldset>`;
}

/** What such a login would itself be given. */
function LoginResult({ login }) {
  const dropped = groupsOf((login.dropped ?? []).map((one) => ({ ...one, fate: 'dropped' })));
  return html`<p class="small">The login is granted ${login.scope ? codes(login.scope.split(' ')) : 'no scope at all'}.
      ${dropped.map(({ because, scopes }) => html` It is not granted ${codes(scopes)}, because ${because}.`)}</p>
    ${login.warnings?.map(({ code, message }) => html`<${Notice} key=${code} kind="warning">${message}</${Notice}>`)}`;
}

/** What saving changes for this exchange. */
function Effect({ effect }) {
  if (!effect) return null;
  const { opened, closed, plus, minus } = effect;
  const [gains, loses] = [plus.length > 0, minus.length > 0];
  if (!closed && !opened && !gains && !loses) return null;
  return html`<p class="effect"><${Badge} kind=${closed ? 'danger' : opened ? 'good' : 'info'}>Changes</${Badge}>
    ${closed && ' It is allowed now, and refused after saving.'}
    ${opened && ' It is refused now, and allowed after saving.'}
    ${!closed && !opened && html` After saving${gains && html` also ${codes(plus)}`}${gains && loses && ','}${
      loses && html` no longer ${codes(minus)}`}.`}</p>`;
}

const PROOFS = {
  required: 'Each exchange needs a proof of possession (DPoP).',
  impossible: 'No exchange can succeed, with a proof of possession or without.',
};

/** Which exchange: that for the API of the login need not name it. */
function whichOf(audience, isLogin) {
  if (!isLogin) return 'for this API';
  return audience === '' ? 'that names no API' : 'that names no API, or this one,';
}

function Exchange({ exchange, before, title, isLogin }) {
  const { allowed, because, error, result } = exchange;
  const token = result && `The access token is good for ${span(result.expires_in)}; ${
    result.id_token ? 'an' : 'no'} ID token comes with it.`;
  return html`<li class="exchange">
    <h3>${title} <${Badge} kind=${allowed ? 'good' : 'danger'}>${allowed ? 'Allowed' : 'Refused'}</${Badge}></h3>
    <p class="exchange-sentence">An exchange ${whichOf(exchange.audience, isLogin)}
      ${allowed
    ? html` gives ${result.scope ? codes(result.scope.split(' ')) : 'a token without any scope'}, because ${because}.`
    : html` is refused, because ${because}. The application sees <code>${error}</code>.`}</p>
    <${Effect} effect=${effectOf(before, exchange)} />
    ${allowed && html`<details><summary>Why each scope, and what is missing</summary>
      <ul class="reasons">${groupsOf(result.scopes).map(({ given, because: why, scopes }) => html`<li key=${why + given}
        class=${given ? 'given' : 'missing'}>
        <strong>${given ? 'Given' : 'Not given'}:</strong> ${codes(scopes)}, because ${why}.</li>`)}</ul>
      <p class="muted small">${token} ${PROOFS[result.proof_of_possession] ?? ''}</p>
    </details>`}
  </li>`;
}

/** The preview beside the editor. */
export function Preview({ explanation, login, onLogin, audiences, nameOf, dirty }) {
  const { told, before, error, retry, busy } = explanation;
  const exchanges = told?.exchanges ?? [];
  const good = exchanges.filter(({ allowed }) => allowed).length;
  const beforeOf = (audience) => before?.exchanges.find((one) => one.audience === audience);
  const title = (audience) => (audience === '' ? 'No API' : nameOf(audience));
  return html`<section class="card preview" aria-labelledby="preview-title">
    <h2 id="preview-title">Preview</h2>
    <p class="muted">${dirty ? 'What exchanges will give once you save. Nothing is saved yet.' : 'What exchanges give now.'}</p>
    <${Login} login=${login} onChange=${onLogin} audiences=${audiences} nameOf=${nameOf} />
    <p class="visually-hidden" role="status" aria-live="polite">${told && !busy
      && `Preview: ${good} of ${counted(exchanges.length, 'exchange')} allowed.`}</p>
    ${error && html`<${Notice} kind="danger" title="No preview of this"><p>${error.message}</p>
      <p><button type="button" onClick=${retry}>Try again</button></p></${Notice}>`}
    ${told && !error && html`<div aria-busy=${busy}>
      <${LoginResult} login=${told.login} />
      <ul class="exchanges">${exchanges.map((exchange, i) => html`<${Exchange} key=${exchange.audience} exchange=${exchange}
        before=${beforeOf(exchange.audience)} isLogin=${i === 0} title=${title(exchange.audience)} />`)}</ul>
      ${told.scripts && html`<p class="small muted">Actions and rules have the last word at each exchange, and are not run
        here: ${listed(told.scripts)}.</p>`}
    </div>`}
    ${!told && !error && html`<div class="skeleton" role="status"><span class="visually-hidden">Loading…</span></div>`}
  </section>`;
}
