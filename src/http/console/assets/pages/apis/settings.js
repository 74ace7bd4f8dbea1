// The settings of one API, each with what comes of it.

import { api as management, at } from '../../core/api.js';
import { Form, useForm } from '../../core/form.js';
import { html, useState } from '../../core/html.js';
import { navigate } from '../../core/router.js';
import { session } from '../../core/session.js';
import { counted, span } from '../../core/words.js';
import { confirm, toast } from '../../parts/dialog.js';
import { DurationField, RadioCards, SecretField, Select, TextField, Toggle } from '../../parts/fields.js';
import { Card, Facts, Notice, ReadOnly, SaveBar } from '../../parts/layout.js';
import { ALGORITHMS, CLIENT_POLICIES, DIALECTS, PROOFS, USER_POLICIES, proofOf, proofSetting } from './words.js';

const CONSENT = 'skip_consent_for_verifiable_first_party_clients';
const MEMBERS = ['name', 'signing_alg', 'allow_offline_access', CONSENT, 'enforce_policies', 'token_lifetime',
  'token_lifetime_for_web', 'token_dialect', 'subject_type_authorization'];

function valuesOf(api) {
  const values = { token_dialect: 'access_token', enforce_policies: false };
  for (const name of MEMBERS) if (api[name] !== undefined) values[name] = api[name];
  return { ...values, proof: proofOf(api.proof_of_possession) };
}

/** What a PATCH sends for what was changed. */
function bodyOf({ proof, ...changes }) {
  return proof === undefined ? changes : { ...changes, proof_of_possession: proofSetting(proof) };
}

const OTHER = [...PROOFS, ['other', 'Another mechanism, set through the Management API']];

function Tokens({ form, api }) {
  const proof = form.get('proof');
  return html`<${Card} title="Access tokens">
    <${DurationField} form=${form} name="token_lifetime" label="Lifetime"
      hint="How long an access token is good. It cannot be called back: keep it short where that matters."
      effect=${(seconds, said) => `An access token is good for ${said}.`} />
    <${DurationField} form=${form} name="token_lifetime_for_web" label="Lifetime for browsers"
      hint="For access tokens that come through the browser’s address bar (implicit and hybrid flow). Not longer than that above."
      effect=${(seconds, said) => `Such a token is good for ${said}.`} />
    <${Select} form=${form} name="signing_alg" label="Signing algorithm" options=${ALGORITHMS}
      hint="The API must expect it. Tokens that were issued before keep theirs." />
    ${api.signing_alg === 'HS256' && api.signing_secret && html`<${SecretField} label="Signing secret"
      value=${api.signing_secret} hint="The API checks tokens with it. Who has it can make tokens." />`}
    <${RadioCards} form=${form} name="token_dialect" label="Profile of the tokens" options=${DIALECTS} />
    <${Select} form=${form} name="proof" label="Proof of possession (DPoP)" options=${proof === 'other' ? OTHER : PROOFS}
      hint="A token that is bound to a key is worth nothing to a thief without the key." />
  </${Card}>`;
}

function Access({ form }) {
  const offline = form.get('allow_offline_access');
  return html`<${Card} title="Logins and refresh tokens">
    <${Toggle} form=${form} name="allow_offline_access" label="Allow offline access"
      hint=${offline ? 'A login for this API that asks for offline_access gets a refresh token.'
    : `A login for this API gets no refresh token. Refresh tokens of logins for other APIs can still be exchanged for this
        one, where a policy says so.`} />
    <${Toggle} form=${form} name=${CONSENT} label="Skip consent for your own applications"
      hint=${form.get(CONSENT) ? 'Users of first-party applications are not asked.'
    : 'Every user is asked once for each application. Until then a refresh token cannot be exchanged for this API.'} />
    <${RadioCards} form=${form} name="subject_type_authorization.user.policy" label="Users may log in for it through"
      options=${USER_POLICIES} />
    <${RadioCards} form=${form} name="subject_type_authorization.client.policy"
      label="Applications that may call it by themselves" options=${CLIENT_POLICIES} />
  </${Card}>
  <${Card} title="Permissions (RBAC)">
    <${Toggle} form=${form} name="enforce_policies" label="Enforce permissions"
      hint=${form.get('enforce_policies') ? 'A user gets only the scopes among their own permissions and those of their roles.'
    : 'A user gets every scope that the application asks for and may have. Permissions are not looked at.'} />
  </${Card}>`;
}

/** What deleting takes away, in numbers where they are known. */
async function question(api) {
  const usage = await management.get(at`resource-servers/${api.id}/usage`).catch(() => undefined);
  const { policies, roles, users, client_grants: grants } = usage?.totals ?? {};
  const taken = usage && [
    policies > 0 && `the policies of ${counted(policies, 'application')} lose their effect for it`,
    roles > 0 && `${counted(roles, 'role')} and`,
    users > 0 && `${counted(users, 'user')} lose permissions`,
    grants > 0 && `${counted(grants, 'client grant')} ${grants === 1 ? 'is' : 'are'} deleted`,
  ].filter(Boolean);
  return html`<p>Logins and exchanges for it are refused from now on. Access tokens that were issued stay good until they
      end. This cannot be undone.</p>
    ${taken?.length > 0 && html`<ul>${taken.map((one) => html`<li key=${one}>${one}</li>`)}</ul>`}`;
}

function Delete({ api }) {
  const [error, setError] = useState();
  const act = async () => {
    const [title, text] = [api.name || api.identifier, await question(api)];
    if (!await confirm({ title: `Delete ${title}?`, text, act: 'Delete', danger: true, type: title })) return;
    try {
      await management.delete(at`resource-servers/${api.id}`);
      toast(`${title} is deleted.`);
      navigate('/apis', { force: true });
    } catch (problem) {
      setError(problem);
    }
  };
  return html`<${Card} title="Delete this API" danger
      intro="Its scopes, permissions and client grants go with it. Policies that name it have no effect any more.">
    ${error && html`<${Notice} kind="danger">${error.message}</${Notice}>`}
    <button type="button" class="danger" onClick=${act}>Delete API</button>
  </${Card}>`;
}

export function Settings({ api, resource, readOnly }) {
  const form = useForm({
    initial: valuesOf(api),
    async save(values, { changes, force }) {
      const saved = await resource.patch(bodyOf(changes), { force });
      toast('The settings are saved.');
      return valuesOf(saved);
    },
    async theirs() {
      const fresh = await resource.reload();
      return fresh && valuesOf(fresh);
    },
  });
  return html`<${ReadOnly} when=${readOnly} reason=${readOnly}>
    <${Form} form=${form} label="Settings of the API">
      <${Card} title="About">
        <${TextField} form=${form} name="name" label="Name"
          hint="What people see, for example when they are asked for consent." />
        <${Facts} facts=${[['Identifier (never changes)', html`<code>${api.identifier}</code>`], ['Id', html`<code>${api.id}</code>`],
    ['An access token is good for', span(form.get('token_lifetime'))]]} />
      </${Card}>
      <${Tokens} form=${form} api=${api} />
      <${Access} form=${form} />
      <${SaveBar} form=${form} />
    </${Form}>
    ${!readOnly && session.can('delete:resource_servers') && html`<${Delete} api=${api} />`}
  </${ReadOnly}>`;
}
