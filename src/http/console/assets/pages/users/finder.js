// Finds one thing among many by typing, and does something with it.

import { html, useId, useState } from '../../core/html.js';
import { useLoad } from '../../core/load.js';
import { useDebounced } from '../../parts/table.js';

/**
 * A search box with what it finds below it, each with a button. `find(text, signal)` reads a few; `title`, `about`
 * and `taken` say what they are called, what else is known, and why one cannot be chosen.
 */
export function Finder({ label, hint, act, find, choose, title, about, taken = () => undefined }) {
  const [text, setText] = useState('');
  const [busy, setBusy] = useState(false);
  const id = useId();
  const settled = useDebounced(text.trim());
  const load = useLoad(async (signal) => (settled === '' ? [] : find(settled, signal)), [settled]);
  const found = settled === '' ? [] : load.data ?? [];
  const take = async (one) => {
    setBusy(true);
    try {
      await choose(one);
      setText('');
    } finally {
      setBusy(false);
    }
  };
  return html`<div class="finder field">
    <label for=${id}>${label}</label>
    <p class="hint" id=${`${id}-hint`}>${hint}</p>
    <input id=${id} type="search" value=${text} autocomplete="off" spellcheck=${false}
      aria-describedby=${`${id}-hint`} onInput=${(event) => setText(event.target.value)} />
    <div role="status" class="small">${load.error ? load.error.message
      : settled !== '' && !load.loading && found.length === 0 ? `Nothing is called “${settled}”.` : ''}</div>
    ${found.length > 0 && html`<ul class="found" aria-label=${`Found: ${label}`}>${found.map((one) => html`<li key=${title(one)}>
      <span><strong>${title(one)}</strong>${about(one) && html` <span class="muted">${about(one)}</span>`}</span>
      ${taken(one) ? html`<span class="muted small">${taken(one)}</span>`
        : html`<button type="button" class="quiet" disabled=${busy}
          aria-label=${`${act} ${title(one)}`} onClick=${() => take(one)}>${act}</button>`}
    </li>`)}</ul>`}
  </div>`;
}
