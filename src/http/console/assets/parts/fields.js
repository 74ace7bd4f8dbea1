// Inputs: each with its label, its hint and the server's objection to it. They belong to a form
// (`form` and `name`, a dotted path) or stand alone (`value`, `onChange`, `error`).

import { html, useEffect, useId, useRef, useState } from '../core/html.js';
import { inUnits, span, spanUnits } from '../core/words.js';
import { Copy, useReadOnly } from './layout.js';

function useField({ form, name, value, onChange, error, readOnly }) {
  const id = useId();
  const inherited = useReadOnly();
  return {
    id,
    value: form ? form.get(name) : value,
    change: form ? (next) => form.set(name, next) : onChange,
    error: form ? form.error(name) : error,
    readOnly: Boolean(readOnly || inherited),
  };
}

const describedBy = (field, hint) => [hint && `${field.id}-hint`, field.error && `${field.id}-error`]
  .filter(Boolean).join(' ') || undefined;

function Frame({ field, label, hint, children, optional, tag = 'div', class: className = '' }) {
  return html`<${tag} class=${`field ${field.error ? 'wrong' : ''} ${className}`}>
    ${tag === 'fieldset' ? html`<legend>${label}</legend>`
      : html`<label for=${field.id}>${label}${optional && html` <span class="muted small">(optional)</span>`}</label>`}
    ${hint && html`<p class="hint" id=${`${field.id}-hint`}>${hint}</p>`}
    ${children}
    ${field.error && html`<p class="field-error" id=${`${field.id}-error`}>${field.error}</p>`}
  </${tag}>`;
}

/** What every text input has in common. */
const attributes = (field, { hint, required }) => ({
  id: field.id,
  readOnly: field.readOnly,
  'aria-describedby': describedBy(field, hint),
  'aria-invalid': field.error ? 'true' : undefined,
  'aria-required': required ? 'true' : undefined,
});

/** One line of text. An empty one becomes `empty` (default ''). */
export function TextField({ type = 'text', empty = '', placeholder, autocomplete = 'off', mono, inputmode, ...props }) {
  const field = useField(props);
  const set = (event) => field.change(event.target.value === '' ? empty : event.target.value);
  return html`<${Frame} field=${field} ...${props}>
    <input ...${attributes(field, props)} type=${type} value=${field.value ?? ''} placeholder=${placeholder} inputmode=${inputmode}
      autocomplete=${autocomplete} spellcheck=${mono ? false : undefined} class=${mono ? 'mono' : ''} onInput=${set} />
  </${Frame}>`;
}

/** Several lines of text. */
export function TextArea({ rows = 3, empty = '', mono, placeholder, ...props }) {
  const field = useField(props);
  const set = (event) => field.change(event.target.value === '' ? empty : event.target.value);
  return html`<${Frame} field=${field} ...${props}>
    <textarea ...${attributes(field, props)} rows=${rows} placeholder=${placeholder} class=${mono ? 'mono' : ''}
      spellcheck=${mono ? false : undefined} onInput=${set} value=${field.value ?? ''} />
  </${Frame}>`;
}

/** A whole number; what is none is sent as it was typed, and the server says what is wrong with it. */
export function NumberField({ empty, min, max, suffix, ...props }) {
  const field = useField(props);
  const set = (event) => {
    const text = event.target.value.trim();
    field.change(text === '' ? empty : /^-?\d+$/.test(text) ? Number(text) : text);
  };
  return html`<${Frame} field=${field} ...${props}>
    <div class="with-suffix"><input ...${attributes(field, props)} inputmode="numeric" class="number" value=${field.value ?? ''}
      min=${min} max=${max} onInput=${set} />${suffix && html`<span>${suffix}</span>`}</div>
  </${Frame}>`;
}

/** One of several words: `options` are `[value, title]`. */
export function Select({ options, empty, ...props }) {
  const field = useField(props);
  const shown = String(field.value ?? '');
  const set = (event) => {
    const found = options.find(([value]) => String(value ?? '') === event.target.value);
    field.change(found ? found[0] : empty);
  };
  return html`<${Frame} field=${field} ...${props}>
    <select ...${{ ...attributes(field, props), readOnly: undefined }} disabled=${field.readOnly} onChange=${set} value=${shown}>
      ${options.map(([value, title]) => html`<option key=${value} value=${String(value ?? '')}
        selected=${String(value ?? '') === shown}>${title}</option>`)}
    </select>
  </${Frame}>`;
}

/** On or off. */
export function Toggle({ role = 'switch', ...props }) {
  const field = useField(props);
  const { label, hint } = props;
  return html`<div class=${`field toggle ${field.error ? 'wrong' : ''}`}>
    <input type="checkbox" role=${role} id=${field.id} checked=${Boolean(field.value)} disabled=${field.readOnly}
      aria-describedby=${describedBy(field, hint)} aria-invalid=${field.error ? 'true' : undefined}
      onChange=${(event) => field.change(event.target.checked)} />
    <div><label for=${field.id}>${label}</label>
      ${hint && html`<p class="hint" id=${`${field.id}-hint`}>${hint}</p>`}
      ${field.error && html`<p class="field-error" id=${`${field.id}-error`}>${field.error}</p>`}</div>
  </div>`;
}

/** A box to tick. */
export const Checkbox = (props) => html`<${Toggle} ...${props} role=${undefined} />`;

/** Several boxes over one list: `options` are `[value, title, hint]`. */
export function CheckList({ options, ...props }) {
  const field = useField(props);
  const chosen = field.value ?? [];
  const set = (value, on) => field.change(on ? [...chosen, value] : chosen.filter((one) => one !== value));
  return html`<${Frame} field=${field} ...${props} tag="fieldset">
    <div class="check-list">${options.map(([value, title, hint]) => html`<div key=${value} class="toggle">
      <input type="checkbox" id=${`${field.id}-${value}`} checked=${chosen.includes(value)} disabled=${field.readOnly}
        aria-describedby=${hint ? `${field.id}-${value}-hint` : undefined} aria-invalid=${field.error ? 'true' : undefined}
        onChange=${(event) => set(value, event.target.checked)} />
      <div><label for=${`${field.id}-${value}`}>${title}</label>
        ${hint && html`<p class="hint" id=${`${field.id}-${value}-hint`}>${hint}</p>`}</div>
    </div>`)}</div>
  </${Frame}>`;
}

/** One of a few things that need a sentence each: `options` are `[value, title, sentence]`. */
export function RadioCards({ options, ...props }) {
  const field = useField(props);
  return html`<${Frame} field=${field} ...${props} tag="fieldset">
    <div class="radio-cards">${options.map(([value, title, sentence]) => html`<label key=${value} class="radio-card">
      <input type="radio" name=${field.id} value=${value} checked=${field.value === value} disabled=${field.readOnly}
        aria-invalid=${field.error ? 'true' : undefined} aria-describedby=${describedBy(field, props.hint)}
        onChange=${() => field.change(value)} />
      <span><strong>${title}</strong><span class="hint">${sentence}</span></span>
    </label>`)}</div>
  </${Frame}>`;
}

const linesOf = (text) => text.split('\n').map((line) => line.trim()).filter(Boolean);

/** A list with one value on each line. */
export function ListField({ rows, placeholder, ...props }) {
  const field = useField(props);
  const list = field.value ?? [];
  const [text, setText] = useState(list.join('\n'));
  // Blank lines are the typist's own; another list from elsewhere replaces the text.
  const given = list.join('\n');
  useEffect(() => {
    if (linesOf(text).join('\n') !== given) setText(given);
  }, [given]);
  const set = (event) => {
    setText(event.target.value);
    field.change(linesOf(event.target.value));
  };
  return html`<${Frame} field=${field} ...${props}>
    <textarea ...${attributes(field, props)} class="mono" spellcheck=${false} placeholder=${placeholder} value=${text} onInput=${set}
      rows=${rows ?? Math.min(8, Math.max(2, list.length + 1))} />
  </${Frame}>`;
}

/** A span of time, typed in the unit that fits, kept in seconds. `never` is the text of no value, if there may be none. */
export function DurationField({ effect, ...props }) {
  const field = useField(props);
  const [unit, setUnit] = useState(() => (Number.isFinite(field.value) ? inUnits(field.value)[1] : 60));
  const outside = useRef(field.value);
  useEffect(() => {
    if (field.value !== outside.current && Number.isFinite(field.value) && field.value % unit !== 0) setUnit(inUnits(field.value)[1]);
    outside.current = field.value;
  }, [field.value]);
  const shown = Number.isFinite(field.value) ? field.value / unit : field.value ?? '';
  const set = (text, size) => {
    const count = Number(text);
    const next = text.trim() === '' ? undefined : Number.isFinite(count) ? Math.round(count * size) : text;
    outside.current = next;
    field.change(next);
  };
  const turn = (size) => {
    setUnit(size);
    if (Number.isFinite(field.value)) set(String(shown), size);
  };
  const said = Number.isFinite(field.value) && span(field.value);
  return html`<${Frame} field=${field} ...${props}>
    <div class="duration">
      <input ...${attributes(field, props)} class="number" inputmode="decimal" value=${shown}
        onInput=${(event) => set(event.target.value, unit)} />
      <select aria-label=${`Unit of: ${props.label}`} disabled=${field.readOnly} value=${String(unit)}
        onChange=${(event) => turn(Number(event.target.value))}>
        ${spanUnits.map(([name, size]) => html`<option key=${size} value=${String(size)} selected=${size === unit}>${name}</option>`)}
      </select>
      ${said && html`<span class="muted small">${effect ? effect(field.value, said) : `= ${said}`}</span>`}
    </div>
  </${Frame}>`;
}

/** A secret that is there to be copied; hidden until it is asked for. `reveal()` may fetch it. */
export function SecretField({ label, hint, value, reveal }) {
  const [shown, setShown] = useState();
  const [busy, setBusy] = useState(false);
  const id = useId();
  const toggle = async () => {
    if (shown !== undefined) return setShown(undefined);
    setBusy(true);
    try {
      return setShown(value ?? await reveal());
    } finally {
      setBusy(false);
    }
  };
  const act = shown === undefined ? 'Show' : 'Hide';
  return html`<div class="field">
    <label for=${id}>${label}</label>
    ${hint && html`<p class="hint" id=${`${id}-hint`}>${hint}</p>`}
    <div class="secret">
      <input id=${id} class="mono" readonly aria-describedby=${hint && `${id}-hint`} value=${shown ?? '••••••••••••••••'} />
      <button type="button" onClick=${toggle} disabled=${busy} aria-label=${`${act} ${label}`}>${act}</button>
      ${shown !== undefined && html`<${Copy} text=${shown} of=${label} />`}
    </div>
  </div>`;
}

/** An object as JSON. What cannot be read is kept, and said beside it; `onChange` gets objects only. */
export function JsonField({ rows = 6, ...props }) {
  const field = useField(props);
  const given = JSON.stringify(field.value ?? {}, null, 2);
  const [text, setText] = useState(given);
  const [unread, setUnread] = useState();
  const read = (source) => {
    const value = source.trim() === '' ? {} : JSON.parse(source);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('an object is needed: { … }');
    return value;
  };
  useEffect(() => {
    try {
      if (JSON.stringify(read(text)) !== JSON.stringify(field.value ?? {})) setText(given);
    } catch {
      // What is being typed is not to be replaced.
    }
  }, [given]);
  const set = (event) => {
    setText(event.target.value);
    try {
      field.change(read(event.target.value));
      setUnread(undefined);
    } catch (error) {
      setUnread(`This is not JSON yet: ${error.message}`);
    }
  };
  const shown = { ...field, error: unread ?? field.error };
  return html`<${Frame} field=${shown} ...${props}>
    <textarea ...${attributes(shown, props)} class="mono" rows=${rows} spellcheck=${false} value=${text} onInput=${set} />
  </${Frame}>`;
}

/**
 * Code. Tab indents; after Escape it leaves the field, so that nobody is caught in it. `wrongLine` is marked, and
 * the error says why.
 */
export function CodeArea({ rows = 18, wrongLine, ...props }) {
  const field = useField(props);
  const gutter = useRef();
  const leaving = useRef(false);
  const value = field.value ?? '';
  const numbers = value.split('\n').map((_, i) => html`<span key=${i} class=${
    i + 1 === wrongLine ? 'wrong-line' : ''}>${i + 1}${'\n'}</span>`);
  const key = (event) => {
    if (event.key === 'Escape') leaving.current = true;
    if (event.key !== 'Tab' || leaving.current || field.readOnly) return;
    event.preventDefault();
    indent(event.target, event.shiftKey);
  };
  return html`<${Frame} field=${field} ...${props} hint=${props.hint ?? 'Tab indents. Press Escape first to leave the editor with Tab.'}>
    <div class="code-area">
      <pre ref=${gutter} class="gutter" aria-hidden="true">${numbers}</pre>
      <textarea ...${attributes(field, { ...props, hint: true })} class="mono" rows=${rows}
        wrap="off" spellcheck=${false} autocapitalize="off"
        value=${value} onInput=${(event) => field.change(event.target.value)} onKeyDown=${key} onFocus=${() => { leaving.current = false; }}
        onScroll=${(event) => { gutter.current.scrollTop = event.target.scrollTop; }} />
    </div>
  </${Frame}>`;
}

/** Indents the selected lines, in a way that the browser can undo. */
function indent(area, back) {
  const { selectionStart: start, selectionEnd: end, value } = area;
  const insert = (text) => document.execCommand('insertText', false, text);
  if (start === end && !back) {
    insert('  ');
    return;
  }
  const from = value.lastIndexOf('\n', start - 1) + 1;
  const block = value.slice(from, end);
  const moved = back ? block.replace(/^ {1,2}/gm, '') : block.replace(/^/gm, '  ');
  area.setSelectionRange(from, end);
  insert(moved);
  area.setSelectionRange(from, from + moved.length);
}
