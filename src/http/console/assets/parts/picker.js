// Finding one thing among many: the server searches, a few are shown, one is chosen.

import { html, useEffect, useId, useRef, useState } from '../core/html.js';
import { counted } from '../core/words.js';
import { useDebounced } from './table.js';

/**
 * A search whose results are buttons.
 *
 * - `find(text, signal)`: up to a handful of `{id, title, note, mono, disabled}`; `disabled` says why it cannot be chosen.
 * - `onPick(result)`: one was chosen.
 * - `act`: the word on each button, e.g. "Add".
 * - `otherwise(text)`: what to offer for a text that nothing was found for: `{title, pick}`, or nothing.
 * - `autofocus`: takes the focus when it appears.
 */
export function Picker({ label, hint, placeholder, find, onPick, act = 'Choose', otherwise, autofocus }) {
  const [text, setText] = useState('');
  const [state, setState] = useState({ found: undefined, error: undefined, of: undefined });
  const asked = useDebounced(text.trim(), 250);
  const id = useId();
  const input = useRef();

  useEffect(() => {
    if (autofocus) input.current?.focus();
  }, []);
  useEffect(() => {
    const mine = new AbortController();
    find(asked, mine.signal).then(
      (found) => setState({ found, of: asked }),
      (error) => { if (error.name !== 'AbortError') setState({ error, of: asked }); },
    );
    return () => mine.abort();
  }, [asked]);

  const { found, error, of } = state;
  const other = found && of && otherwise?.(of, found);
  // Enter takes the only result, and must not send the form around.
  const key = (event) => {
    if (event.key !== 'Enter') return;
    event.preventDefault();
    const open = found?.filter((one) => !one.disabled) ?? [];
    if (of === text.trim() && open.length === 1 && of) onPick(open[0]);
  };
  return html`<div class="picker">
    <div class="field">
      <label for=${id}>${label}</label>
      ${hint && html`<p class="hint" id=${`${id}-hint`}>${hint}</p>`}
      <input id=${id} ref=${input} type="search" autocomplete="off" spellcheck=${false} placeholder=${placeholder} value=${text}
        aria-describedby=${hint && `${id}-hint`} aria-controls=${`${id}-found`}
        onInput=${(event) => setText(event.target.value)} onKeyDown=${key} />
    </div>
    <p class="visually-hidden" role="status">${found && `${counted(found.length, 'result')}`}</p>
    ${error && html`<p class="field-error" role="alert">${error.message}</p>`}
    <ul class="picker-found" id=${`${id}-found`}>
      ${found?.map((one) => html`<li key=${one.id}>
        <span class="picker-text"><strong>${one.title}</strong>
          ${one.note && html` <span class=${`muted small ${one.mono ? 'mono' : ''}`}>${one.note}</span>`}</span>
        ${one.disabled ? html`<span class="muted small">${one.disabled}</span>`
          : html`<button type="button" onClick=${() => onPick(one)} aria-label=${`${act} ${one.title}`}>${act}</button>`}
      </li>`)}
      ${other && html`<li key="other"><span class="picker-text">${other.title}</span>
        <button type="button" onClick=${other.pick}>${act}</button></li>`}
    </ul>
    ${found?.length === 0 && !other && html`<p class="muted small">Nothing matches${of && ` “${of}”`}.</p>`}
  </div>`;
}
