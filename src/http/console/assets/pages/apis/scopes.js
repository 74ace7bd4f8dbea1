// The scopes of one API: added, described, and removed, many at a time if need be.

import { api as management, at } from '../../core/api.js';
import { Form, useForm } from '../../core/form.js';
import { html, useEffect, useId, useState } from '../../core/html.js';
import { counted } from '../../core/words.js';
import { confirm, toast } from '../../parts/dialog.js';
import { Card, Empty, ReadOnly, SaveBar, useReadOnly } from '../../parts/layout.js';

const valuesOf = (api) => ({ scopes: (api.scopes ?? []).map(({ value, description = '' }) => ({ value, description })) });

/** As the server takes them: no empty descriptions. */
const bodyOf = ({ scopes }) => ({
  scopes: scopes.map(({ value, description }) => (description ? { value, description } : { value })),
});

/** "read:orders See orders" on each line. */
const parsed = (text) => text.split('\n').map((line) => line.trim()).filter(Boolean).map((line) => {
  const [, value, description = ''] = /^(\S+)(?:\s+(.*))?$/s.exec(line);
  return { value, description };
});

/** Who uses the scopes that are to go: `[{value, policies, roles, users, client_grants}]`. */
async function usesOf(api, values) {
  const usage = await management.get(at`resource-servers/${api.id}/usage`);
  return usage.scopes.filter(({ value }) => values.includes(value));
}

const WORDS = [['policies', 'policy', 'policies'], ['roles', 'role'], ['users', 'user'], ['client_grants', 'client grant']];

const said = (use) => WORDS.filter(([name]) => use[name] > 0)
  .map(([name, one, many]) => counted(use[name], one, many)).join(', ');

function Uses({ used }) {
  const more = used.length - 10;
  return html`<p>In use:</p>
    <ul>${used.slice(0, 10).map((use) => html`<li key=${use.value}><code>${use.value}</code>: ${said(use)}</li>`)}
      ${more > 0 && html`<li>and ${counted(more, 'more scope')}</li>`}</ul>
    <p>Policies keep naming it without effect. Roles and users lose the permission.</p>`;
}

/** Asks before scopes go, and says what uses them. */
async function mayRemove(api, removed) {
  if (removed.length === 0) return true;
  let used;
  try {
    used = await usesOf(api, removed);
  } catch {
    // Not known to this person: the question is asked all the same.
    used = undefined;
  }
  return confirm({
    title: `Remove ${counted(removed.length, 'scope')}?`,
    text: html`<p>No new access token will have ${removed.length === 1 ? html`<code>${removed[0]}</code>` : 'them'};
        tokens that were issued keep what they have.</p>
      ${used?.length > 0 && html`<${Uses} used=${used} />`}
      ${used?.length === 0
        && html`<p>No policy, role, user or client grant uses ${removed.length === 1 ? 'it' : 'any of them'}.</p>`}`,
    act: 'Remove', danger: true,
  });
}

function Row({ form, index, scope, marked, onMark }) {
  const readOnly = Boolean(useReadOnly());
  const id = useId();
  const error = form.error(`scopes.${index}.value`) ?? form.error(`scopes.${index}.description`);
  const set = (name) => (event) => form.set('scopes', form.get('scopes').with(index, { ...scope, [name]: event.target.value }));
  return html`<tr>
    ${!readOnly && html`<td class="mark" data-title="Choose"><input type="checkbox" checked=${marked}
      aria-label=${`Choose ${scope.value}`} onChange=${(event) => onMark(event.target.checked)} /></td>`}
    <th scope="row"><code>${scope.value}</code></th>
    <td data-title="What it allows">
      <label class="visually-hidden" for=${id}>What ${scope.value} allows</label>
      <input id=${id} value=${scope.description} readOnly=${readOnly} autocomplete="off"
        aria-invalid=${error ? 'true' : undefined} aria-describedby=${error ? `${id}-error` : undefined}
        onInput=${set('description')} />
      ${error && html`<p class="field-error" id=${`${id}-error`}>${error}</p>`}
    </td>
  </tr>`;
}

/** What is wrong with a scope of the list, which says it there. */
const rowErrorOf = (form) => form.get('scopes')
  .map((_, index) => form.error(`scopes.${index}.value`) ?? form.error(`scopes.${index}.description`)).find(Boolean);

function Add({ form }) {
  const [text, setText] = useState('');
  const id = useId();
  const error = rowErrorOf(form) ? undefined : form.error('scopes');
  const add = () => {
    const existing = new Set(form.get('scopes').map(({ value }) => value));
    const fresh = parsed(text).filter(({ value }) => !existing.has(value) && existing.add(value));
    form.set('scopes', [...form.get('scopes'), ...fresh]);
    setText('');
  };
  return html`<div class=${`field ${error ? 'wrong' : ''}`}>
    <label for=${id}>Add scopes</label>
    <p class="hint" id=${`${id}-hint`}>One on each line: the scope, a space, and what it allows. Scopes that are there
      already stay as they are.</p>
    <textarea id=${id} class="mono" rows="3" spellcheck=${false} value=${text} aria-invalid=${error ? 'true' : undefined}
      aria-describedby=${error ? `${id}-hint ${id}-error` : `${id}-hint`} onInput=${(event) => setText(event.target.value)}
      placeholder=${'read:orders See orders\nwrite:orders Change orders'} />
    ${error && html`<p class="field-error" id=${`${id}-error`}>${error}</p>`}
    <p class="actions"><button type="button" onClick=${add} disabled=${text.trim() === ''}>Add</button></p>
  </div>`;
}

/** The most rows that are drawn at once. */
const MOST = 100;

/** Enter in a search must not save the form around it. */
const notSubmitted = (event) => { if (event.key === 'Enter') event.preventDefault(); };

function List({ form }) {
  const readOnly = Boolean(useReadOnly());
  const [marked, setMarked] = useState(new Set());
  const [filter, setFilter] = useState('');
  const id = useId();
  const scopes = form.get('scopes');
  useEffect(() => {
    // What was filtered away would hide what is wrong with it.
    if (rowErrorOf(form)) setFilter('');
  }, [form.attempts]);
  const wanted = filter.trim().toLowerCase();
  const shown = scopes.map((scope, index) => ({ scope, index }))
    .filter(({ scope }) => `${scope.value} ${scope.description}`.toLowerCase().includes(wanted));
  const isWrong = ({ index }) => Boolean(form.error(`scopes.${index}.value`) ?? form.error(`scopes.${index}.description`));
  const drawn = shown.filter((one, place) => place < MOST || isWrong(one));
  const mark = (value, on) => setMarked((before) => {
    const next = new Set(before);
    if (on) next.add(value);
    else next.delete(value);
    return next;
  });
  const every = shown.length > 0 && shown.every(({ scope }) => marked.has(scope.value));
  const markAll = (on) => setMarked(new Set(on ? [...marked, ...shown.map(({ scope }) => scope.value)]
    : [...marked].filter((value) => !shown.some(({ scope }) => scope.value === value))));
  const remove = () => {
    form.set('scopes', scopes.filter(({ value }) => !marked.has(value)));
    setMarked(new Set());
  };
  if (scopes.length === 0) {
    return html`<${Empty} title="No scopes yet">Scopes are what an application may ask for at this API, such
      as <code>read:orders</code>.</${Empty}>`;
  }
  return html`
    <div class="table-controls">
      <div class="search"><label for=${id} class="visually-hidden">Search scopes</label>
        <input id=${id} type="search" placeholder=${`Search ${counted(scopes.length, 'scope')}`} value=${filter} autocomplete="off"
          onInput=${(event) => setFilter(event.target.value)} onKeyDown=${notSubmitted} /></div>
      ${!readOnly && html`<button type="button" class="danger" disabled=${marked.size === 0} onClick=${remove}>
        ${marked.size === 0 ? 'Remove chosen' : `Remove ${counted(marked.size, 'scope')}`}</button>`}
    </div>
    <div class="table-box"><table class="scope-table">
      <caption class="visually-hidden">Scopes</caption>
      <thead><tr>
        ${!readOnly && html`<th scope="col"><input type="checkbox" checked=${every} aria-label="Choose all that are shown"
          onChange=${(event) => markAll(event.target.checked)} /></th>`}
        <th scope="col">Scope</th><th scope="col">What it allows</th>
      </tr></thead>
      <tbody>${drawn.map(({ scope, index }) => html`<${Row} key=${scope.value} form=${form} index=${index} scope=${scope}
        marked=${marked.has(scope.value)} onMark=${(on) => mark(scope.value, on)} />`)}</tbody>
    </table></div>
    ${shown.length > MOST && html`<p class="muted small">${counted(shown.length - MOST, 'more scope')}: search for them.</p>`}
    ${shown.length === 0 && html`<p class="empty" role="status">No scope matches “${filter}”.</p>`}`;
}

export function Scopes({ api, resource, readOnly }) {
  const form = useForm({
    initial: valuesOf(api),
    async save(values, { force }) {
      const kept = new Set(values.scopes.map(({ value }) => value));
      const removed = (resource.data?.scopes ?? []).map(({ value }) => value).filter((value) => !kept.has(value));
      if (!await mayRemove(api, removed)) throw new NotNow();
      const saved = await resource.patch(bodyOf(values), { force });
      toast('The scopes are saved.');
      return valuesOf(saved);
    },
    async theirs() {
      const fresh = await resource.reload();
      return fresh && valuesOf(fresh);
    },
  });
  return html`<${ReadOnly} when=${readOnly} reason=${readOnly}>
    <${Card} title="Scopes"
        intro="What an application may ask for at this API. People read the description when they are asked for consent.">
      <${Form} form=${form} label="Scopes of the API">
        ${!readOnly && html`<${Add} form=${form} />`}
        <${List} form=${form} />
        <${SaveBar} form=${form} label="Save scopes" />
      </${Form}>
    </${Card}>
  </${ReadOnly}>`;
}

/** The person said no: nothing was sent, and what was typed is still here. */
class NotNow extends Error {
  constructor() {
    super('Nothing was removed and nothing was saved.');
  }
}
