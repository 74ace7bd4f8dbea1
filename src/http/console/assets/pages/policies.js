// The editor of multi-resource policies: which APIs one refresh token opens, with what scopes, and
// what each exchange will give before anything is saved.

import { Form, useForm } from '../core/form.js';
import { html, useMemo, useState } from '../core/html.js';
import { Link } from '../core/router.js';
import { session } from '../core/session.js';
import { toast } from '../parts/dialog.js';
import { Card, Code, Notice, ReadOnly, SaveBar } from '../parts/layout.js';
import { ApplicationFrame, useApplication } from './applications/frame.js';
import { useApis } from './policies/apis.js';
import { Entries } from './policies/entries.js';
import { audiencesOf, firstLogin, useExplanation } from './policies/explanation.js';
import { curlOf, differences, keyOf, nameOf, patchOf, policiesOf, valuesOf } from './policies/model.js';
import { Preview } from './policies/preview.js';

/** What stands in the way of every policy of the application, with a way out of it. */
function ApplicationNotices({ told, client, resource, readOnly }) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState();
  const fix = async () => {
    setBusy(true);
    try {
      await resource.patch({ grant_types: [...(client.grant_types ?? []), 'refresh_token'] });
      toast('The application may use refresh tokens now.');
      setError(undefined);
    } catch (problem) {
      setError(problem);
      if (problem.kind === 'changed') resource.reload();
    } finally {
      setBusy(false);
    }
  };
  const settings = `/applications/${encodeURIComponent(client.client_id)}?tab=refresh`;
  const isGrant = (code) => code === 'no_refresh_token_grant';
  return (told?.warnings ?? []).map(({ code, message, void: isVoid }) => html`<${Notice} key=${code}
      kind=${isVoid ? 'danger' : 'warning'} title=${isGrant(code) ? 'This application has no refresh_token grant' : undefined}>
    <p>${message}</p>
    ${isGrant(code) ? html`${!readOnly && html`<p class="actions">
        <button type="button" onClick=${fix} disabled=${busy}>Allow the grant refresh_token</button></p>`}
        ${error && html`<p class="field-error" role="alert">${error.message}</p>`}`
    : html`<p><${Link} href=${settings}>To the settings of its refresh tokens</${Link}></p>`}
  </${Notice}>`);
}

const codes = (scopes) => scopes.map((scope, i) => html`${i > 0 && ' '}<code key=${scope}>${scope}</code>`);

/** One difference in words. */
function Change({ change: { kind, plus, minus }, title }) {
  const [gains, loses] = [plus.length > 0, minus.length > 0];
  if (kind === 'added') {
    return html`<strong>${title}</strong> is added${gains ? html` with ${codes(plus)}` : ', with no scope yet'}.`;
  }
  if (kind === 'removed') {
    return html`<strong>${title}</strong> is removed${loses && html` with ${codes(minus)}`}:
      exchanges for it will be refused, unless the login was for it.`;
  }
  return html`<strong>${title}</strong>${gains && html` gains ${codes(plus)}`}${gains && loses && ' and'}${
    loses && html` loses ${codes(minus)}`}.`;
}

function Changes({ changes, titleOf }) {
  if (changes.length === 0) return null;
  return html`<section class="changes" aria-labelledby="changes-title">
    <h2 id="changes-title">What saving changes</h2>
    <ul>${changes.map((change) => html`<li key=${change.audience}>
      <${Change} change=${change} title=${titleOf(change.audience)} /></li>`)}</ul>
    <p class="muted small">Policies are read at each exchange: whoever is logged in already has the new ones from the
      next exchange on.</p>
  </section>`;
}

/** The server speaks of policies by their number, the form knows them by their API. */
function placed(error, policies) {
  const [, number] = /^refresh_token\.policies\.(\d+)/.exec(error.property ?? '') ?? [];
  if (number !== undefined && policies[number]) error.property = `entries.${keyOf(policies[number].audience)}`;
  return error;
}

function Editor({ client, resource }) {
  const readOnly = !session.can('update:clients');
  const initial = useMemo(() => valuesOf(client), []);
  const form = useForm({
    initial,
    async save(values, { force }) {
      try {
        const saved = await resource.patch(patchOf(resource.data ?? client, values), { force });
        toast('The policies are saved.');
        return valuesOf(saved);
      } catch (error) {
        throw placed(error, policiesOf(values));
      }
    },
    async theirs() {
      const fresh = await resource.reload();
      return fresh && valuesOf(fresh);
    },
    describe: (path, theirs) => {
      const [audience, scope] = path.split('.').slice(1).map(nameOf);
      const api = html`<strong>${audience}</strong>`;
      const what = scope ? html`<code>${scope}</code> of ${api}` : api;
      return html`${what}: theirs ${theirs ? 'is still in' : 'is out'}`;
    },
  });
  const draft = useMemo(() => policiesOf(form.values), [form.values]);
  const saved = useMemo(() => policiesOf(form.base), [form.base]);
  const [login, setLogin] = useState(() => firstLogin(saved));
  const [chosen, setChosen] = useState(false);
  // Until somebody chooses a login, it is one for the first API that there is.
  const shown = chosen || saved.length > 0 || draft.length === 0 ? login : { ...login, audience: draft[0].audience };
  const audiences = audiencesOf(shown, draft, saved);
  const apis = useApis(audiences);
  const titleOf = (audience) => apis.of(audience)?.name || audience;
  const explanation = useExplanation({
    clientId: client.client_id, login: shown, draft, saved, dirty: form.dirty, version: JSON.stringify(client.grant_types),
  });
  const patch = patchOf(client, form.values);
  const choose = (next) => { setChosen(true); setLogin(next); };
  return html`<${ReadOnly} when=${readOnly}>
    <${ApplicationNotices} told=${explanation.told} client=${client} resource=${resource} readOnly=${readOnly} />
    ${apis.error && html`<${Notice} kind="warning">
      <p>The scopes of some APIs could not be read: ${apis.error.message}</p></${Notice}>`}
    <div class="policies">
      <${Form} form=${form} label="Policies" class="policy-form">
        <${Entries} form=${form} apis=${apis} told=${explanation.told} loginAudience=${shown.audience} />
        <${Changes} changes=${differences(form.base, form.values)} titleOf=${titleOf} />
        <${SaveBar} form=${form} label="Save policies" />
      </${Form}>
      <${Preview} explanation=${explanation} login=${shown} onLogin=${choose} audiences=${audiences} nameOf=${titleOf}
        dirty=${form.dirty} />
    </div>
    <${Card} title="The same without the console"
        intro="What Save sends to the Management API. With a token of your own, the command does the same.">
      <div class="columns">
        <${Code} label="JSON" of="the JSON" text=${JSON.stringify(patch, null, 2)} />
        <${Code} label="curl" of="the command" text=${curlOf(session.config.issuer, client.client_id, patch)} />
      </div>
      <p class="muted small">In the code of the application, an exchange names the API that it wants a token for.${' '}
        <${Link} href=${`/applications/${encodeURIComponent(client.client_id)}?tab=quickstart`}>Quick start</${Link}>${' '}
        shows it with the values of this application.</p>
    </${Card}>
  </${ReadOnly}>`;
}

const INTRO = `One refresh token, one login, an access token for each API that the policies allow. Choose the APIs
  and, for each of them, the scopes that an exchange may ask for.`;

function Policies({ id }) {
  const resource = useApplication(id);
  return html`<${ApplicationFrame} id=${id} current="policies" resource=${resource}>${(client) => html`
    <p class="intro">${INTRO}</p>
    <${Editor} key=${id} client=${client} resource=${resource} />`}</${ApplicationFrame}>`;
}

export const routes = [
  { path: '/applications/:id/policies', page: Policies, needs: 'read:clients' },
];
