// One flow: what runs in it, in which order, and how that is changed.

import { api, at } from '../../core/api.js';
import { Form, useForm } from '../../core/form.js';
import { html, useId, useRef, useState } from '../../core/html.js';
import { Loaded, useLoad, useResource } from '../../core/load.js';
import { Link } from '../../core/router.js';
import { session } from '../../core/session.js';
import { counted } from '../../core/words.js';
import { Dialog, toast } from '../../parts/dialog.js';
import { Badge, Card, SaveBar } from '../../parts/layout.js';

/** The most Actions that a server has: one page shows them all. */
const ALL = 100;

/** The bindings of a trigger, and how they are written. */
export function useBindings(triggerId) {
  return useResource(at`actions/triggers/${triggerId}/bindings`, { per_page: ALL });
}

/** What a PATCH of bindings takes, of Actions by name; their names in the list stay. */
export const bindingsBody = (names, before) => ({
  bindings: names.map((name) => ({
    ref: { type: 'action_name', value: name },
    display_name: before.find(({ action }) => action.name === name)?.display_name ?? name,
  })),
});

const namesOf = (body) => (body.bindings ?? []).map(({ action }) => action.name);

/** A trigger as an ordered list, from what begins the flow to what ends it. */
export function Flow({ trigger }) {
  const resource = useBindings(trigger.id);
  return html`<${Card} title=${trigger.title} intro=${trigger.about} class="flow-card">
    <${Loaded} load=${resource}>${(body) => html`<${Order} trigger=${trigger} resource=${resource} body=${body} />`}</${Loaded}>
  </${Card}>`;
}

function Order({ trigger, resource, body }) {
  const [adding, setAdding] = useState(false);
  const [known, setKnown] = useState([]);
  const mayBind = session.can('update:actions');
  const form = useForm({
    initial: { bindings: namesOf(body) },
    async save({ bindings }, { force }) {
      const saved = await resource.patch(bindingsBody(bindings, body.bindings ?? []), { force });
      toast(`The order of “${trigger.title}” is saved. It holds from the next ${trigger.next} on.`);
      return { bindings: namesOf(saved) };
    },
    async theirs() {
      const fresh = await resource.reload();
      return fresh && { bindings: namesOf(fresh) };
    },
  });
  const names = form.values.bindings;
  const actionOf = (name) => [...(body.bindings ?? []).map(({ action }) => action), ...known].find((one) => one.name === name);
  const element = useRef();
  /** Changes the order; then `focus(steps, add)` says where the focus goes: the button may be gone or off. */
  const set = (next, focus) => {
    form.set('bindings', next);
    setTimeout(() => focus?.(element.current.querySelectorAll('.flow-step'), element.current.querySelector('.flow-add')));
  };
  const add = (action) => {
    setAdding(false);
    setKnown([...known, action]);
    set([...names, action.name]);
  };
  return html`<${Form} form=${form} label=${`Order of ${trigger.title}`}>
    <div ref=${element}><ol class="flow">
      <li class="flow-edge">${trigger.when}</li>
      ${trigger.id === 'post-login' && session.can('read:rules') && html`<${RulesStep} />`}
      ${names.map((name, index) => html`<${Step} key=${name} name=${name} action=${actionOf(name)} index=${index} names=${names}
        set=${set} mayBind=${mayBind} busy=${form.busy} />`)}
      ${names.length === 0 && html`<li class="flow-none">No Action runs here.</li>`}
      <li class="flow-edge">${trigger.end}</li>
    </ol>
    ${form.error('bindings') && html`<p class="field-error" role="alert">${form.error('bindings')}</p>`}
    ${mayBind && html`<p class="actions"><button type="button" onClick=${() => setAdding(true)}
      class="flow-add" aria-label=${`Add an Action to ${trigger.title}`}>Add an Action</button></p>
      ${form.dirty && html`<${SaveBar} form=${form} label="Save the order" />`}`}</div>
    ${adding && html`<${AddDialog} trigger=${trigger} bound=${names} onAdd=${add} onClose=${() => setAdding(false)} />`}
  </${Form}>`;
}

function Step({ name, action, index, names, set, mayBind, busy }) {
  const swap = (to) => {
    const next = [...names];
    [next[index], next[to]] = [next[to], next[index]];
    set(next, (steps) => {
      const [up, down] = steps[to].querySelectorAll('button');
      const [same, other] = to < index ? [up, down] : [down, up];
      (same.disabled ? other : same).focus();
    });
    toast(`${name} is number ${to + 1} now. Save the order to make it so.`);
  };
  const takeOut = () => {
    const left = names.filter((one) => one !== name);
    set(left, (steps, add) => (steps[Math.min(index, left.length - 1)]?.querySelector('.danger') ?? add).focus());
  };
  return html`<li class="flow-step">
    <span class="flow-name">${action ? html`<${Link} href=${`/actions/${encodeURIComponent(action.id)}`}>${name}</${Link}>` : name}
      ${action && !action.all_changes_deployed && html` <${Badge} kind="warning">Draft changed</${Badge}>`}</span>
    ${mayBind && html`<span class="flow-buttons">
      <button type="button" class="quiet" disabled=${busy || index === 0}
        onClick=${() => swap(index - 1)} aria-label=${`Move ${name} up`}>↑</button>
      <button type="button" class="quiet" disabled=${busy || index === names.length - 1} onClick=${() => swap(index + 1)}
        aria-label=${`Move ${name} down`}>↓</button>
      <button type="button" class="quiet danger" disabled=${busy} onClick=${takeOut}
        aria-label=${`Take out ${name}`}>Take out</button>
    </span>`}
  </li>`;
}

function RulesStep() {
  const load = useLoad((signal) => api.get('rules', { enabled: true, per_page: 1, include_totals: true }, { signal }), []);
  const total = load.data?.total ?? 0;
  return total > 0 ? html`<li class="flow-rules">${counted(total, 'rule')} first, as they are ordered</li>` : null;
}

function AddDialog({ trigger, bound, onAdd, onClose }) {
  const load = useLoad((signal) => api.get('actions/actions', { triggerId: trigger.id, per_page: ALL }, { signal }), [trigger.id]);
  const [chosen, setChosen] = useState('');
  const id = useId();
  const submit = (event) => {
    event.preventDefault();
    event.stopPropagation();
    const action = load.data.actions.find((one) => one.id === chosen);
    if (action) onAdd(action);
  };
  return html`<${Dialog} title=${`Add an Action to “${trigger.title}”`} onClose=${onClose}>
    <${Loaded} load=${load}>${({ actions = [] }) => {
      const free = actions.filter(({ name }) => !bound.includes(name));
      const ready = free.filter((one) => one.deployed_version);
      const drafts = free.length - ready.length;
      return html`${ready.length > 0 ? html`<div class="field"><label for=${id}>Action</label>
          <select id=${id} value=${chosen} onChange=${(event) => setChosen(event.target.value)}>
            <option value="">Choose one…</option>
            ${ready.map((one) => html`<option key=${one.id} value=${one.id}>${one.name}</option>`)}
          </select></div>`
        : html`<p>No deployed Action for this flow is left to add.</p>`}
        ${drafts > 0 && html`<p class="small muted">
          ${counted(drafts, 'Action was', 'Actions were')} never deployed and cannot run yet.</p>`}
        <p class="actions">
          <button type="button" class="primary" disabled=${!chosen} onClick=${submit}>Add at the end</button>
          <button type="button" onClick=${onClose}>Cancel</button>
        </p>`;
    }}</${Loaded}>
  </${Dialog}>`;
}
