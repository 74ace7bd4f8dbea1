// What pages are made of.

import { createContext, html, useContext, useEffect, useId, useRef, useState } from '../core/html.js';
import { Link, hrefOf, setQuery, useLocation } from '../core/router.js';
import { moment, relative } from '../core/words.js';

/** One page: the only first-level heading, which the focus goes to when the page is shown. */
export function Page({ title, back, actions, intro, children }) {
  const heading = useRef();
  useEffect(() => {
    document.title = `${title} · Doorward Console`;
  }, [title]);
  useEffect(() => {
    window.scrollTo(0, 0);
    // At the very first page the browser's own focus is right.
    if (Page.shown) heading.current?.focus({ preventScroll: true });
    Page.shown = true;
  }, []);
  return html`<header class="page-head">
      ${back && html`<p class="back"><${Link} href=${back.href}>${back.title}</${Link}></p>`}
      <div class="page-title"><h1 ref=${heading} tabindex="-1">${title}</h1>${actions && html`<div class="actions">${actions}</div>`}</div>
      ${intro && html`<div class="intro">${typeof intro === 'string' ? html`<p>${intro}</p>` : intro}</div>`}
    </header>
    ${children}`;
}

/** A part of a page under a heading. */
export function Card({ title, intro, actions, danger, children, class: className = '' }) {
  const id = useId();
  return html`<section class=${`card ${danger ? 'danger-zone' : ''} ${className}`} aria-labelledby=${title ? id : undefined}>
    ${title && html`<div class="card-head"><h2 id=${id}>${title}</h2>${actions && html`<div class="actions">${actions}</div>`}</div>`}
    ${intro && html`<div class="card-intro">${typeof intro === 'string' ? html`<p>${intro}</p>` : intro}</div>`}
    ${children}
  </section>`;
}

/**
 * Parts of one thing, one shown at a time: links, because each has its address. `tabs` are
 * `{id, title, href?}`; without `href` it is `?tab=id`, and `children(id)` draws it.
 */
export function Tabs({ tabs, label, current, children }) {
  const { query } = useLocation();
  const shown = current ?? tabs.find(({ id }) => id === query.tab)?.id ?? tabs[0].id;
  const show = (id) => (event) => {
    event.preventDefault();
    setQuery({ tab: id, page: '', search: '' });
  };
  return html`<nav class="tabs" aria-label=${label}><ul>
      ${tabs.map(({ id, title, href }) => html`<li key=${id}><a href=${href ? hrefOf(href) : `?tab=${id}`}
        aria-current=${id === shown ? 'page' : undefined}
        onClick=${href ? undefined : show(id)}>${title}</a></li>`)}
    </ul></nav>
    ${children?.(shown)}`;
}

/** Saves a form, or takes back what was typed. */
export function SaveBar({ form, label = 'Save', idle = 'Nothing to save', always = false }) {
  const readOnly = useReadOnly();
  if (readOnly) return null;
  const ready = always || form.dirty;
  return html`<div class=${`save-bar ${form.dirty ? 'dirty' : ''}`}>
    <button type="submit" class="primary" disabled=${form.busy || !ready}>${form.busy ? 'Saving…' : label}</button>
    ${form.dirty && !always && html`<button type="button" onClick=${form.undo} disabled=${form.busy}>Undo changes</button>`}
    <span class="muted small" role="status">${form.dirty ? 'Not saved yet.' : idle}</span>
  </div>`;
}

const ReadOnlyContext = createContext(null);

/** Why fields cannot be changed here, or nothing. */
export const useReadOnly = () => useContext(ReadOnlyContext);

/** Shows the fields inside as they are, and says once why they cannot be changed. */
export function ReadOnly({ when, reason = 'Your role allows you to look at this, not to change it.', children }) {
  return html`<${ReadOnlyContext.Provider} value=${when ? reason : null}>
    ${when && html`<${Notice} kind="info">${reason}</${Notice}>`}
    ${children}
  </${ReadOnlyContext.Provider}>`;
}

const KINDS = { info: 'Note', good: 'Done', warning: 'Warning', danger: 'Problem' };

/** A remark that belongs to the page. */
export function Notice({ kind = 'info', title, children, live }) {
  return html`<div class=${`notice ${kind}`} role=${live ? 'status' : undefined}>
    <p class="notice-kind">${title ?? KINDS[kind]}</p>
    <div>${typeof children === 'string' ? html`<p>${children}</p>` : children}</div>
  </div>`;
}

/** Nothing is here yet: says what it would be, and what to do. */
export function Empty({ title, children, action }) {
  return html`<div class="empty"><p class="empty-title">${title}</p>
    ${children && html`<p>${children}</p>`}${action && html`<p class="actions">${action}</p>`}</div>`;
}

/** Names and values: `[[name, value], …]`; what is undefined is left out. */
export function Facts({ facts }) {
  const shown = facts.filter((fact) => fact && fact[1] !== undefined && fact[1] !== null && fact[1] !== '');
  return html`<dl class="facts">${shown.map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

/** A word that tells a state; the word says it, the colour only helps. */
export const Badge = ({ kind = 'neutral', children }) => html`<span class=${`badge ${kind}`}>${children}</span>`;

/** A time, absolute; in words when pointed at and to the side. */
export function Time({ at, short }) {
  if (!at) return null;
  const iso = new Date(at).toISOString();
  return html`<time datetime=${iso} title=${iso}>${short ? relative(at)
    : html`${moment(at)} <span class="muted">(${relative(at)})</span>`}</time>`;
}

/** Puts a text on the clipboard. `of` says of what, for those who cannot see where the button stands. */
export function Copy({ text, of, label = 'Copy' }) {
  const [done, setDone] = useState('');
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setDone('Copied');
    } catch {
      setDone('Select it and copy it by hand');
    }
    setTimeout(() => setDone(''), 2_000);
  };
  return html`<button type="button" class="quiet copy" onClick=${copy}
    aria-label=${of ? `${label} ${of}` : undefined}>${done || label}</button>
    <span class="visually-hidden" role="status">${done}</span>`;
}

/** Code or JSON to read and to copy; scrolls inside its own box. */
export function Code({ text, label, of }) {
  return html`<figure class="code">
    <figcaption>${label}<${Copy} text=${text} of=${of ?? label} /></figcaption>
    <pre tabindex="0" aria-label=${label}><code>${text}</code></pre>
  </figure>`;
}

/** An identifier in its row, with a button that copies it. */
export const Identifier = ({ value, of }) => html`<span class="identifier"><code>${value}</code><${Copy} text=${value} of=${of} /></span>`;
