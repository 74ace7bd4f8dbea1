// The matrix: a block for each API of the policy, a box for each of its scopes.

import { html, useEffect, useId, useMemo, useRef, useState } from '../../core/html.js';
import { counted } from '../../core/words.js';
import { Dialog } from '../../parts/dialog.js';
import { Badge, Empty, useReadOnly } from '../../parts/layout.js';
import { Picker } from '../../parts/picker.js';
import { findApis } from './apis.js';
import { keyOf, nameOf } from './model.js';

/** A block with more scopes than this can be searched. */
const MANY = 12;
/** The most boxes of one block that are drawn at once. */
const MOST = 100;

/** What the server says of this entry. */
const warningsOf = (told, audience) => told?.policies.find((one) => one.audience === audience)?.warnings ?? [];

/** Its scopes: those that the API defines, then those that only the policy names, or did before they were unticked. */
function rowsOf(api, named) {
  const defined = api?.scopes ?? [];
  const known = new Set(defined.map(({ value }) => value));
  const others = [...named].filter((scope) => !known.has(scope));
  return [...defined, ...others.map((value) => ({ value, other: true }))];
}

/** "2 of 3 scopes allowed"; without an API, only what is named. */
function allowedOf(api, scopes) {
  if (!api) return `${counted(Object.keys(scopes).length, 'scope')} named`;
  const defined = api.scopes ?? [];
  return `${defined.filter(({ value }) => scopes[keyOf(value)]).length} of ${counted(defined.length, 'scope')} allowed`;
}

function Scope({ row, chosen, warning, onChange, readOnly }) {
  const id = useId();
  const about = [row.description && `${id}-about`, warning && `${id}-warning`].filter(Boolean).join(' ');
  return html`<li class=${`scope ${warning?.void ? 'void' : ''}`}>
    <input type="checkbox" id=${id} checked=${chosen} disabled=${readOnly} aria-describedby=${about || undefined}
      onChange=${(event) => onChange(event.target.checked)} />
    <div>
      <label for=${id}><code>${row.value}</code></label>
      ${warning?.void && html` <${Badge} kind="danger">No effect</${Badge}>`}
      ${row.description && html`<p class="hint" id=${`${id}-about`}>${row.description}</p>`}
      ${warning && html`<p class=${warning.void ? 'scope-warning' : 'hint'} id=${`${id}-warning`}>${warning.message}</p>`}
    </div>
  </li>`;
}

/** Names a scope that the API does not define (yet). */
function OtherScope({ title, onAdd }) {
  const [text, setText] = useState('');
  const id = useId();
  const add = () => {
    if (text.trim() === '') return;
    onAdd(text.trim());
    setText('');
  };
  const key = (event) => {
    if (event.key !== 'Enter') return;
    event.preventDefault();
    add();
  };
  return html`<details class="other-scope"><summary>Name a scope that the API does not define yet</summary>
    <div class="with-suffix">
      <label for=${id} class="visually-hidden">Another scope of ${title}</label>
      <input id=${id} class="mono" value=${text} autocomplete="off" spellcheck=${false}
        onInput=${(event) => setText(event.target.value)} onKeyDown=${key} />
      <button type="button" onClick=${add} aria-label=${`Add this scope to ${title}`}>Add</button>
    </div>
  </details>`;
}

/** Enter in a search must not save the form around it. */
const notSubmitted = (event) => { if (event.key === 'Enter') event.preventDefault(); };

function Entry({ form, audience, api, warnings, isLogin, onRemove }) {
  const readOnly = Boolean(useReadOnly());
  const [filter, setFilter] = useState('');
  const id = useId();
  const key = keyOf(audience);
  const path = `entries.${key}`;
  const scopes = form.get(path) ?? {};
  const named = useRef(new Set());
  const rows = useMemo(() => {
    for (const scope of Object.keys(scopes)) named.current.add(nameOf(scope));
    return rowsOf(api, named.current);
  }, [api, scopes]);
  const title = api?.name || audience;
  const wanted = filter.trim().toLowerCase();
  const matching = rows.filter(({ value, description = '' }) => `${value} ${description}`.toLowerCase().includes(wanted));
  const chosen = Object.keys(scopes).length;
  const whole = warnings.filter(({ scope }) => !scope);
  const error = form.error(path);
  const set = (scope, on) => form.set(`${path}.${keyOf(scope)}`, on ? true : undefined);
  const all = () => form.set(path, { ...scopes, ...Object.fromEntries(rows.map(({ value }) => [keyOf(value), true])) });
  return html`<fieldset id=${`entry-${key}`} class=${`card policy-entry ${error ? 'wrong' : ''}`}
      aria-describedby=${error ? `${id}-error` : undefined}>
    <legend>
      <span class="policy-title">${title}</span>
      ${isLogin && html` <${Badge} kind="info">API of the previewed login</${Badge}>`}
      ${whole.some((one) => one.void) && html` <${Badge} kind="danger">No effect</${Badge}>`}
    </legend>
    <p class="policy-head"><code class="muted">${audience}</code>
      <span class="muted small">${allowedOf(api, scopes)}</span></p>
    ${error && html`<p class="field-error" id=${`${id}-error`}>${error}</p>`}
    ${whole.map((one) => html`<p key=${one.code} class=${`entry-warning ${one.void ? 'void' : ''}`}>${one.message}</p>`)}
    ${!readOnly && html`<p class="actions entry-actions">
      <button type="button" class="quiet" onClick=${all} disabled=${rows.length === 0}
        aria-label=${`All scopes of ${title}`}>All</button>
      <button type="button" class="quiet" onClick=${() => form.set(path, {})} disabled=${chosen === 0}
        aria-label=${`None of the scopes of ${title}`}>None</button>
      <button type="button" class="quiet danger" onClick=${onRemove}
        aria-label=${`Remove ${title} from the policy`}>Remove</button>
    </p>`}
    ${rows.length > MANY && html`<div class="field">
      <label for=${`${id}-filter`} class="visually-hidden">Search the scopes of ${title}</label>
      <input id=${`${id}-filter`} type="search" placeholder=${`Search ${rows.length} scopes`} value=${filter}
        autocomplete="off" onInput=${(event) => setFilter(event.target.value)} onKeyDown=${notSubmitted} />
    </div>`}
    <ul class="scopes">${matching.slice(0, MOST).map((row) => html`<${Scope} key=${row.value} row=${row}
      chosen=${Boolean(scopes[keyOf(row.value)])} warning=${warnings.find(({ scope }) => scope === row.value)}
      readOnly=${readOnly} onChange=${(on) => set(row.value, on)} />`)}</ul>
    ${matching.length > MOST
      && html`<p class="muted small">${counted(matching.length - MOST, 'more scope')}: search for them.</p>`}
    ${rows.length === 0 && api && html`<p class="muted small">This API defines no scopes: an exchange for it gives the
      OpenID Connect scopes of the login only.</p>`}
    ${!readOnly && html`<${OtherScope} title=${title} onAdd=${(scope) => set(scope, true)} />`}
  </fieldset>`;
}

/** Finds an API and adds it; also one that does not exist yet, for the order of things must not matter. */
function AddApi({ taken, onAdd, onClose }) {
  const refuse = (api) => {
    if (api.is_system) return 'No policy opens this API';
    return taken(api.identifier) ? 'Is in the policy already' : undefined;
  };
  const otherwise = (text, found) => (found.some(({ api }) => api.identifier === text) || taken(text) ? undefined : {
    title: html`<code>${text}</code>
      <span class="muted small">No API has exactly this identifier: the entry has no effect until one has.</span>`,
    pick: () => onAdd({ identifier: text }),
  });
  return html`<${Dialog} title="Add an API" onClose=${onClose}>
    <${Picker} label="Search your APIs by name or identifier" find=${findApis(refuse)} act="Add" otherwise=${otherwise}
      autofocus onPick=${({ api }) => onAdd(api)} />
    <p class="actions"><button type="button" onClick=${onClose}>Cancel</button></p>
  </${Dialog}>`;
}

/** All blocks, and the way to more. `told` is the explanation of what is in the form, if there is one. */
export function Entries({ form, apis, told, loginAudience }) {
  const readOnly = Boolean(useReadOnly());
  const [adding, setAdding] = useState(false);
  const [focus, setFocus] = useState();
  const button = useRef();
  const keys = Object.keys(form.get('entries'));
  const error = form.error('refresh_token.policies');

  useEffect(() => {
    if (!focus) return;
    const block = focus.key && document.getElementById(`entry-${focus.key}`);
    (block?.querySelector('input[type="checkbox"], summary') ?? button.current)?.focus();
    block?.scrollIntoView({ block: 'nearest' });
  }, [focus]);

  const add = (api) => {
    const key = keyOf(api.identifier);
    if (api.id) apis.keep(api);
    form.set(`entries.${key}`, {});
    setAdding(false);
    setFocus({ key });
  };
  const remove = (key) => {
    form.set(`entries.${key}`, undefined);
    setFocus({});
  };
  return html`
    ${error && html`<p class="field-error" role="alert">${error}</p>`}
    ${keys.length === 0 && html`<${Empty} title="No policies yet">A refresh token of this application gives access tokens for
      the API of its login only. Add an API to let the same token open that one too.</${Empty}>`}
    ${keys.map((key) => html`<${Entry} key=${key} form=${form} audience=${nameOf(key)} api=${apis.of(nameOf(key))}
      isLogin=${nameOf(key) === loginAudience} warnings=${warningsOf(told, nameOf(key))} onRemove=${() => remove(key)} />`)}
    ${!readOnly && html`<p class="actions add-api">
      <button type="button" ref=${button} onClick=${() => setAdding(true)}>Add an API</button></p>`}
    ${adding && html`<${AddApi} taken=${(identifier) => keys.includes(keyOf(identifier))} onAdd=${add}
      onClose=${() => setAdding(false)} />`}`;
}
