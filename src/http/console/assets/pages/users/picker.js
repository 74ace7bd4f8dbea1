// Chooses permissions: an API, then as many of its scopes as wanted.

import { api, at } from '../../core/api.js';
import { Form, useForm } from '../../core/form.js';
import { html, useState } from '../../core/html.js';
import { Loaded, useLoad } from '../../core/load.js';
import { session } from '../../core/session.js';
import { counted } from '../../core/words.js';
import { CheckList } from '../../parts/fields.js';
import { Finder } from './finder.js';

const titleOf = (found) => found.name || found.identifier;

/** APIs by part of the name or identifier. */
async function findApis(text, signal) {
  return api.get('resource-servers', { search: text, per_page: 8 }, { signal });
}

function Scopes({ chosen, act, save, close }) {
  const { scopes = [] } = chosen;
  const form = useForm({
    initial: { permissions: [] },
    check: ({ permissions }) => (permissions.length === 0 ? { permissions: 'Choose one at least.' } : {}),
    save: async ({ permissions }) => {
      await save(permissions.map((name) => ({ permission_name: name, resource_server_identifier: chosen.identifier })));
      close();
      return { permissions: [] };
    },
  });
  const [part, setPart] = useState('');
  const shown = scopes.filter(({ value, description }) => `${value} ${description ?? ''}`.toLowerCase().includes(part.toLowerCase()));
  const all = () => form.set('permissions', [...new Set([...form.values.permissions, ...shown.map(({ value }) => value)])]);
  if (scopes.length === 0) {
    return html`<p>${titleOf(chosen)} defines no permissions yet.</p><button type="button" onClick=${close}>Choose another API</button>`;
  }
  return html`<${Form} form=${form} label=${`Permissions of ${titleOf(chosen)}`}>
    ${scopes.length > 12 && html`<div class="field"><label>Only those with
      <input type="search" value=${part} onInput=${(event) => setPart(event.target.value)} /></label></div>`}
    <div class="scope-list"><${CheckList} form=${form} name="permissions" label=${`Permissions of ${titleOf(chosen)}`}
      options=${shown.map(({ value, description }) => [value, html`<code>${value}</code>`, description])} /></div>
    <p class="actions">
      <button type="submit" class="primary" disabled=${form.busy}>${act} ${counted(form.values.permissions.length, 'permission')}</button>
      <button type="button" onClick=${all}>Choose all</button>
      <button type="button" class="quiet" onClick=${close}>Choose another API</button>
    </p>
  </${Form}>`;
}

/** `save(permissions)` gets what was chosen, as the Management API takes it. */
export function PermissionPicker({ label, act, save }) {
  const [id, setId] = useState();
  const load = useLoad(async (signal) => id && api.get(at`resource-servers/${id}`, undefined, { signal }), [id]);
  if (!session.can('read:resource_servers')) return null;
  if (!id) {
    return html`<${Finder} label=${label} hint="First the API: part of its name or identifier." act="Choose"
      choose=${(found) => setId(found.id)}
      title=${titleOf} about=${(found) => found.identifier} find=${findApis} />`;
  }
  return html`<div class="field wide"><${Loaded} load=${load}>${(chosen) => chosen && chosen.id === id
    && html`<${Scopes} key=${id} chosen=${chosen} act=${act} save=${save} close=${() => setId(undefined)} />`}</${Loaded}></div>`;
}
