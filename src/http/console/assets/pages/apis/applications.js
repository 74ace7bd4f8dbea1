// Which applications may call an API by themselves: its client grants.

import { api as management, at } from '../../core/api.js';
import { html, useState } from '../../core/html.js';
import { useLoad } from '../../core/load.js';
import { Link } from '../../core/router.js';
import { session } from '../../core/session.js';
import { Dialog, confirm, toast } from '../../parts/dialog.js';
import { CheckList } from '../../parts/fields.js';
import { Card, Empty, Notice } from '../../parts/layout.js';
import { Picker } from '../../parts/picker.js';
import { PagedTable } from '../../parts/table.js';

/** The name of an application that only its id is known of. One small request for each row of a page. */
function Name({ id }) {
  const load = useLoad((signal) => management.get(at`clients/${id}`, { fields: 'name', include_fields: true }, { signal }), [id]);
  return html`<${Link} href=${`/applications/${encodeURIComponent(id)}`}>${load.data?.name ?? id}</${Link}>`;
}

const scopesOf = ({ scope = [], allow_all_scopes: all }) => {
  if (all) return 'All scopes, also later ones';
  if (scope.length === 0) return 'No scopes';
  const shown = scope.slice(0, 12).map((one, i) => html`${i > 0 && ' '}<code key=${one}>${one}</code>`);
  return html`${shown}${scope.length > 12 && ` and ${scope.length - 12} more`}`;
};

const findApplications = async (text, signal) => {
  const query = {
    page: 0, per_page: 8, include_totals: true, fields: 'client_id,name,grant_types', include_fields: true, is_global: false,
    ...(text && { search: text }),
  };
  const { clients } = await management.get('clients', query, { signal });
  return clients.map((one) => ({
    id: one.client_id, title: one.name, note: one.client_id, mono: true,
    disabled: one.grant_types?.includes('client_credentials') ? undefined : 'Does not have the grant client_credentials',
  }));
};

/** Chooses the application, then its scopes. */
function Grant({ api, grant, onDone, onClose }) {
  const [client, setClient] = useState(grant && { id: grant.client_id, title: grant.client_id });
  const [scope, setScope] = useState(grant?.scope ?? []);
  const [error, setError] = useState();
  const save = async () => {
    try {
      if (grant) await management.patch(at`client-grants/${grant.id}`, { scope });
      else {
        const { identifier: audience } = api;
        await management.post('client-grants', { client_id: client.id, audience, scope, subject_type: 'client' });
      }
      toast('The grant is saved.');
      onDone();
    } catch (problem) {
      setError(problem);
    }
  };
  return html`<${Dialog} title=${client ? `What ${client.title} may do` : 'Which application?'} onClose=${onClose} class="wide">
    ${!client ? html`<${Picker} label="Search your applications by name or client id" find=${findApplications} autofocus
          onPick=${setClient} />
        <p class="actions"><button type="button" onClick=${onClose}>Cancel</button></p>`
    : html`<${CheckList} label="Scopes" value=${scope} onChange=${setScope} error=${error?.message}
          hint="What an access token that the application gets for itself may have."
          options=${(api.scopes ?? []).map(({ value, description }) => [value, html`<code>${value}</code>`, description])} />
        ${(api.scopes ?? []).length === 0
          && html`<p class="muted">This API defines no scopes: the application may call it, with a token that has none.</p>`}
        <p class="actions"><button type="button" class="primary" onClick=${save}>Save</button>
          <button type="button" onClick=${onClose}>Cancel</button></p>`}
  </${Dialog}>`;
}

export function Applications({ api }) {
  const [editing, setEditing] = useState();
  const [version, setVersion] = useState(0);
  const [error, setError] = useState();
  const done = () => { setEditing(); setVersion((n) => n + 1); };
  const remove = async (grant) => {
    const yes = await confirm({
      title: 'Take the grant away?', act: 'Take away', danger: true,
      text: 'The application gets no new access token for this API by itself. Tokens that were issued stay good until they end.',
    });
    if (!yes) return;
    try {
      await management.delete(at`client-grants/${grant.id}`);
      toast('The grant is taken away.');
      done();
    } catch (problem) {
      setError(problem);
    }
  };
  const closed = api.subject_type_authorization?.client?.policy === 'deny_all';
  const can = (verb) => session.can(`${verb}:client_grants`);
  const create = can('create') && !closed
    && html`<button type="button" class="primary" onClick=${() => setEditing({})}>Let an application in</button>`;
  const columns = [
    { title: 'Application', main: true, cell: ({ client_id: id }) => html`<${Name} id=${id} />` },
    { title: 'Scopes', cell: scopesOf },
    {
      title: 'Change',
      cell: (grant) => html`<span class="actions">
        ${can('update') && html`<button type="button" class="quiet" onClick=${() => setEditing(grant)}
          aria-label=${`Scopes of ${grant.client_id}`}>Scopes</button>`}
        ${can('delete') && html`<button type="button" class="quiet danger" onClick=${() => remove(grant)}
          aria-label=${`Take away the grant of ${grant.client_id}`}>Take away</button>`}</span>`,
    },
  ].slice(0, can('update') || can('delete') ? 3 : 2);
  return html`<${Card} title="Applications that call it by themselves" actions=${create}
      intro="With the grant client_credentials, without a user: services and jobs. What users get does not depend on this.">
    ${closed && html`<${Notice} kind="warning"><p>The settings of this API let no application in: these grants have no
      effect.</p></${Notice}>`}
    ${error && html`<${Notice} kind="danger">${error.message}</${Notice}>`}
    <${PagedTable} path="client-grants" items="client_grants" query=${{ audience: api.identifier, subject_type: 'client' }}
      version=${version} caption="Applications that call this API by themselves" columns=${columns} rowKey=${({ id }) => id}
      empty=${html`<${Empty} title="No application calls it by itself">
        ${can('create') ? 'Let one in, and choose what it may do.' : 'Whoever may change grants can let one in.'}</${Empty}>`} />
    ${editing && html`<${Grant} api=${api} grant=${editing.id ? editing : undefined} onDone=${done}
      onClose=${() => setEditing()} />`}
  </${Card}>`;
}
