// What an exchange of a refresh token would give, as the server itself says.

import { api } from '../../core/api.js';
import { Form, useForm } from '../../core/form.js';
import { html, useState } from '../../core/html.js';
import { span } from '../../core/words.js';
import { Dialog } from '../../parts/dialog.js';
import { TextField } from '../../parts/fields.js';
import { Facts, Notice } from '../../parts/layout.js';

const FATES = {
  granted: 'granted',
  not_asked: 'not asked for',
  not_granted_at_login: 'not granted at login',
  of_another_api: 'belongs to another API',
  not_in_policy: 'not in the policy of the application',
  not_defined_by_api: 'the API does not define it',
  restricted: 'the user may not',
};

function Scopes({ scopes }) {
  if (scopes.length === 0) return null;
  return html`<ul class="plain-list">${scopes.map(({ scope, fate }) => html`<li key=${scope}>
    <code>${scope}</code>: ${FATES[fate] ?? fate}</li>`)}</ul>`;
}

function Answer({ answer }) {
  const { allowed, error, reason, result, scripts = [] } = answer;
  return html`
    ${allowed ? html`<${Notice} kind="good" title="The exchange would succeed" live>
        The application gets an access token for ${result?.audience ? html`<code>${result.audience}</code>`
          : 'the profile of the user only'}.</${Notice}>`
      : html`<${Notice} kind="danger" title="The exchange would fail" live>
        The application would see <code>${error}</code>${reason ? `, because: ${reason.replaceAll('_', ' ')}` : ''}.</${Notice}>`}
    ${result && html`<${Facts} facts=${[
      ['Scopes', html`<span class="small">${result.scope || 'none'}</span>`],
      ['Lives for', span(result.expires_in)],
      ['ID token', result.id_token ? 'yes' : 'no'],
      result.fell_back && ['Fell back', `to the API of the login: ${result.fell_back.replaceAll('_', ' ')}`],
    ].filter(Boolean)} />
    <h3>Each scope</h3><${Scopes} scopes=${result.scopes} />`}
    ${scripts.length > 0 && html`<p class="small muted">Scripts have the last word and were not asked: ${scripts.join(', ')}.</p>`}`;
}

/** The dialog: an audience, then what an exchange for it would give. */
export function Explain({ family, onClose }) {
  const [answer, setAnswer] = useState();
  const known = (family.resource_servers ?? []).map(({ audience }) => audience);
  const form = useForm({
    initial: { audience: family.audience ?? known[0] ?? '', scope: '' },
    save: async ({ audience, scope }) => {
      const body = { client_id: family.client_id, user_id: family.user_id, refresh_token_id: family.id };
      setAnswer(undefined);
      setAnswer(await api.post('refresh-tokens/explain', { ...body, ...(audience && { audience }), ...(scope && { scope }) }));
    },
  });
  return html`<${Dialog} title=${`An exchange in ${family.client_name}`} onClose=${onClose} class="wide">
    <p class="muted">Nothing is exchanged: the server says what would come out, and why.</p>
    <${Form} form=${form} label="Exchange">
      <${TextField} form=${form} name="audience" label="For the API" mono hint="Its identifier. Without one: the API of the login." />
      ${known.length > 1 && html`<p class="actions small">${known.map((audience) => html`
        <button key=${audience} type="button" class="quiet"
          onClick=${() => form.set('audience', audience)}>${audience}</button>`)}</p>`}
      <${TextField} form=${form} name="scope" label="Scopes" mono optional hint="Separated by spaces. Without any: all that there are." />
      <p class="actions"><button type="submit" class="primary" disabled=${form.busy}>Explain</button>
        <button type="button" onClick=${onClose}>Close</button></p>
    </${Form}>
    ${answer && html`<${Answer} answer=${answer} />`}
  </${Dialog}>`;
}
