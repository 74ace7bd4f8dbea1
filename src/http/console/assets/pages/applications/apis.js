// Which APIs one application may call in its own name: its client grants.

import { api, at } from '../../core/api.js';
import { html, useLayoutEffect, useState } from '../../core/html.js';
import { Failed, Loaded, useLoad } from '../../core/load.js';
import { Link, useLocation } from '../../core/router.js';
import { session } from '../../core/session.js';
import { counted } from '../../core/words.js';
import { Form, useForm } from '../../core/form.js';
import { Dialog, confirm, toast } from '../../parts/dialog.js';
import { CheckList, Select, TextField, Toggle } from '../../parts/fields.js';
import { Card, Empty, Notice } from '../../parts/layout.js';
import { PagedTable, useDebounced } from '../../parts/table.js';
import { isConfidential } from './kinds.js';

/** APIs that a choice offers at once; the others are found by searching. */
const OFFERED = 25;

/**
 * Chooses an API: a search and its first results. `onChange(api)` gets the API as the Management API shows it.
 */
export function ApiChoice({ label = 'API', value, onChange, hint, error }) {
  const [text, setText] = useState('');
  const search = useDebounced(text.trim());
  const load = useLoad(async (signal) => {
    const query = { search, per_page: OFFERED, include_totals: true, fields: 'id,name,identifier,scopes,is_system' };
    return api.get('resource-servers', query, { signal });
  }, [search]);
  const found = load.data?.resource_servers ?? [];
  const chosen = value && !found.some(({ identifier }) => identifier === value.identifier) ? [value] : [];
  const offered = [...chosen, ...found];
  // Before the person can choose one: a later effect would take their choice away.
  useLayoutEffect(() => {
    if (!value && load.data) onChange(found.find((one) => !one.is_system));
  }, [load.data]);
  const many = (load.data?.total ?? 0) > OFFERED || search;
  const options = offered.map((one) => [one.identifier, one.name ? `${one.name} (${one.identifier})` : one.identifier]);
  if (load.error) return html`<${Failed} error=${load.error} retry=${load.reload} />`;
  return html`
    ${many && html`<${TextField} label="Find an API" value=${text} onChange=${setText} type="search"
      hint=${`By a part of its name or identifier. The first ${OFFERED} are offered.`} />`}
    <${Select} label=${label} hint=${hint} error=${error}
      value=${value?.identifier ?? ''} options=${value ? options : [['', 'Choose one'], ...options]}
      onChange=${(identifier) => onChange(offered.find((one) => one.identifier === identifier))} />`;
}

const SCOPES = 'Nothing is chosen: it gets tokens that open nothing.';

function columns(edit, remove) {
  const scopes = ({ scope, allow_all_scopes: all }) => (all ? 'All of them'
    : (scope ?? []).length === 0 ? html`<span class="muted">None</span>`
      : html`<span class="scopes">${scope.slice(0, 8).map((one) => html`<code key=${one}>${one}</code> `)}
        ${scope.length > 8 && counted(scope.length - 8, 'more', 'more')}</span>`);
  const acts = (grant) => html`<span class="actions">
    ${session.can('update:client_grants') && html`<button type="button" class="quiet"
      onClick=${() => edit(grant)} aria-label=${`Edit the scopes for ${grant.audience}`}>Edit</button>`}
    ${session.can('delete:client_grants') && html`<button type="button" class="quiet danger"
      onClick=${() => remove(grant)} aria-label=${`Remove ${grant.audience}`}>Remove</button>`}
  </span>`;
  return [
    { title: 'API', main: true, cell: ({ audience }) => html`<code>${audience}</code>` },
    { title: 'Scopes', cell: scopes },
    ...(session.can('update:client_grants') || session.can('delete:client_grants') ? [{ title: 'Change', cell: acts }] : []),
  ];
}

/** The tab. */
export function Apis({ client }) {
  const { query } = useLocation();
  const [version, setVersion] = useState(0);
  const [open, setOpen] = useState(null);
  const [problem, setProblem] = useState();
  const changed = () => {
    setOpen(null);
    setProblem(undefined);
    setVersion((n) => n + 1);
  };
  const remove = async (grant) => {
    const text = `${client.name} gets no more tokens of its own for ${grant.audience}. Tokens that it holds go on until they expire.`;
    if (!await confirm({ title: 'Remove this API?', text, act: 'Remove', danger: true })) return;
    try {
      await api.delete(at`client-grants/${grant.id}`);
      toast('Removed');
      changed();
    } catch (error) {
      setProblem(error.message);
    }
  };
  const action = session.can('create:client_grants')
    && html`<button type="button" onClick=${() => setOpen({})}>Add an API</button>`;
  const asked = { client_id: client.client_id, subject_type: 'client' };
  const works = (client.grant_types ?? []).includes('client_credentials') && isConfidential(client);
  return html`
    ${!works && html`<${Notice} kind="warning" title="It cannot use them">
      <p>It takes a secret or a key, and “Client credentials” among its ways to get tokens:
        <${Link} href=${`/applications/${encodeURIComponent(client.client_id)}?tab=settings`}>Settings</${Link}>.</p>
    </${Notice}>`}
    ${problem && html`<div role="alert"><${Notice} kind="danger">${problem}</${Notice}></div>`}
    <${Card} title="APIs it may call in its own name" actions=${action}
      intro="With client credentials, when nobody is logged in. What people may do at an API while they use the application does not depend on this.">
      <${PagedTable} key=${query.tab} caption="APIs" path="client-grants" items="client_grants" query=${asked} version=${version}
        columns=${columns(setOpen, remove)} rowKey=${({ id }) => id}
        empty=${html`<${Empty} title="No API yet">It gets no tokens of its own until one is added.</${Empty}>`} />
    </${Card}>
    ${open && html`<${Grant} key=${open.id ?? 'new'} grant=${open} client=${client} onClose=${() => setOpen(null)} onSaved=${changed} />`}`;
}

function Grant({ grant, client, onClose, onSaved }) {
  const isNew = !grant.id;
  const load = useLoad(async (signal) => {
    if (isNew) return {};
    const [answer, target] = await Promise.all([
      api.read(at`client-grants/${grant.id}`, undefined, { signal }),
      api.get(at`resource-servers/${grant.audience}`, undefined, { signal }),
    ]);
    return { grant: answer.body, etag: answer.etag, target };
  }, [grant.id]);
  return html`<${Dialog} title=${isNew ? 'Add an API' : `Scopes for ${grant.audience}`} onClose=${onClose} class="wide">
    <${Loaded} load=${load}>${(data) => html`
      <${GrantForm} ...${data} client=${client} load=${load} onClose=${onClose} onSaved=${onSaved} />`}</${Loaded}>
  </${Dialog}>`;
}

const valuesOf = (grant) => ({ scope: grant?.scope ?? [], allow_all_scopes: Boolean(grant?.allow_all_scopes) });

function GrantForm({ grant, etag, target, client, load, onClose, onSaved }) {
  const [chosen, setChosen] = useState(target);
  const [known, setKnown] = useState(etag);
  const form = useForm({
    initial: valuesOf(grant),
    save: async ({ scope, allow_all_scopes: all }, { force }) => {
      const body = all ? { allow_all_scopes: true } : { scope };
      if (grant) await api.patch(at`client-grants/${grant.id}`, body, { etag: force ? undefined : known });
      else await api.post('client-grants', { client_id: client.client_id, audience: chosen?.identifier ?? '', ...body });
      toast('Saved');
      onSaved();
    },
    theirs: grant && (async () => {
      const fresh = await load.reload();
      setKnown(fresh?.etag);
      return fresh && valuesOf(fresh.grant);
    }),
  });
  const choose = (next) => {
    if (next?.identifier === chosen?.identifier) return;
    setChosen(next);
    form.set('scope', []);
  };
  const scopes = (chosen?.scopes ?? []).map(({ value, description }) => [value, html`<code>${value}</code>`, description]);
  const all = form.get('allow_all_scopes');
  return html`<${Form} form=${form} label="Scopes">
    ${!grant && html`<${ApiChoice} value=${chosen} onChange=${choose} error=${form.error('audience')} />`}
    <${Toggle} form=${form} name="allow_all_scopes" label="All scopes of the API" hint="Also those that the API defines later." />
    ${!all && scopes.length > 0 && html`<${CheckList} form=${form} name="scope" label="Scopes" options=${scopes}
      hint=${form.get('scope').length === 0 ? SCOPES : undefined} />`}
    ${!all && scopes.length === 0 && chosen && html`<p class="muted">
      This API defines no scopes: a token for it opens what the API gives to everybody.</p>`}
    <p class="actions">
      <button type="submit" class="primary" disabled=${form.busy}>${form.busy ? 'Saving…' : 'Save'}</button>
      <button type="button" onClick=${onClose}>Cancel</button>
    </p>
  </${Form}>`;
}
