// Questions and messages over the page.

import { html, useEffect, useId, useRef, useState } from '../core/html.js';
import { signal, useSignal } from '../core/signal.js';

const question = signal(null);
const toasts = signal([]);
let next = 0;

/** Says in passing that something was done. Announced to screen readers, gone by itself. */
export function toast(text) {
  next += 1;
  const mine = { id: next, text };
  toasts.set([...toasts.get(), mine]);
  setTimeout(() => toasts.set(toasts.get().filter((one) => one !== mine)), 6_000);
}

/**
 * Asks. `text` says what will happen, `act` is the word on the button, `type` a text that has to be typed where
 * nothing brings back what is lost.
 *
 * @returns {Promise<boolean>} whether to go on
 */
export function confirm({ title, text, act = 'Continue', danger = false, type, keep = 'Cancel' }) {
  return new Promise((resolve) => {
    const answer = (yes) => {
      question.set(null);
      resolve(yes);
    };
    question.set({ title, text, act, danger, type, keep, answer });
  });
}

/** A dialog of its own: modal, closed with Escape, the focus returns to where it was. */
export function Dialog({ title, onClose, children, class: className = '' }) {
  const element = useRef();
  const id = useId();
  useEffect(() => {
    const before = document.activeElement;
    element.current.showModal();
    return () => before?.focus?.();
  }, []);
  const cancel = (event) => {
    event.preventDefault();
    onClose();
  };
  return html`<dialog ref=${element} class=${`dialog ${className}`} aria-labelledby=${id} onCancel=${cancel}>
    <h2 id=${id}>${title}</h2>
    ${children}
  </dialog>`;
}

function Question({ title, text, act, danger, type, keep, answer }) {
  const [typed, setTyped] = useState('');
  const id = useId();
  const go = (event) => {
    event.preventDefault();
    if (!type || typed === type) answer(true);
  };
  return html`<${Dialog} title=${title} onClose=${() => answer(false)}>
    <form onSubmit=${go}>
      <div class="dialog-text">${typeof text === 'string' ? html`<p>${text}</p>` : text}</div>
      ${type && html`<div class="field">
        <label for=${id}>Type <code>${type}</code> to go on</label>
        <input id=${id} value=${typed} autocomplete="off" spellcheck=${false} onInput=${(event) => setTyped(event.target.value)} />
      </div>`}
      <p class="actions">
        <button type="submit" class=${danger ? 'danger' : 'primary'} disabled=${Boolean(type) && typed !== type}>${act}</button>
        <button type="button" onClick=${() => answer(false)} autofocus=${danger}>${keep}</button>
      </p>
    </form>
  </${Dialog}>`;
}

/** Where questions and messages appear. Once, at the end of the page. */
export function Overlays() {
  const asked = useSignal(question);
  const messages = useSignal(toasts);
  return html`
    ${asked && html`<${Question} key=${asked.title} ...${asked} />`}
    <div class="toasts" role="status" aria-live="polite">
      ${messages.map(({ id, text }) => html`<p key=${id} class="toast">${text}</p>`)}
    </div>`;
}
