// What stands around every page: navigation, who is signed in, and the dialog for a login that ended.

import { navigation } from '../areas.js';
import { html, useEffect, useId, useState } from '../core/html.js';
import { askBeforeLeaving, hrefOf, navigate } from '../core/router.js';
import { session } from '../core/session.js';
import { useSignal } from '../core/signal.js';
import { chooseTheme, theme } from '../core/theme.js';
import { Dialog, confirm } from './dialog.js';

askBeforeLeaving(() => confirm({
  title: 'Leave without saving?',
  text: 'What you typed on this page is not saved. If you leave, it is gone.',
  act: 'Leave',
  danger: true,
  keep: 'Stay here',
}));

const isHere = (href, path) => (href === '/' ? path === '/' : path === href || path.startsWith(`${href}/`));

function Navigation({ path }) {
  const groups = navigation
    .map(({ title, entries }) => ({ title, entries: entries.filter(({ needs }) => !needs || session.can(needs)) }))
    .filter(({ entries }) => entries.length > 0);
  return html`${groups.map(({ title, entries }) => html`<div class="nav-group" key=${title}>
    <p class="nav-title" id=${`nav-${title}`}>${title}</p>
    <ul aria-labelledby=${`nav-${title}`}>${entries.map((entry) => html`<li key=${entry.href}>
      <a href=${hrefOf(entry.href)} aria-current=${isHere(entry.href, path) ? 'page' : undefined}>${entry.title}</a></li>`)}</ul>
  </div>`)}`;
}

function Mark() {
  return html`<svg class="mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
    <path class="mark-frame" d="M5 29V14.5a11 11 0 0 1 22 0V29z" />
    <path class="mark-door" d="M9.5 29V14.8A6.5 6.5 0 0 1 16 8.2l4.5 3.3V29z" />
    <circle class="mark-knob" cx="17.4" cy="20.2" r="1.35" />
  </svg>`;
}

function ThemeChoice() {
  const [choice, setChoice] = useState(theme());
  const id = useId();
  const choose = (event) => {
    setChoice(event.target.value);
    chooseTheme(event.target.value);
  };
  return html`<div class="theme"><label for=${id}>Appearance</label>
    <select id=${id} value=${choice} onChange=${choose}>
      ${[['system', 'System'], ['light', 'Light'], ['dark', 'Dark']].map(([value, title]) => html`
        <option key=${value} value=${value} selected=${value === choice}>${title}</option>`)}
    </select></div>`;
}

const signOut = async () => {
  if (await navigate('/', { force: false })) session.signOut();
};

/** The page of the address inside everything that all pages share. */
export function Frame({ path, children }) {
  const [open, setOpen] = useState(false);
  useEffect(() => setOpen(false), [path]);
  const { tenant, version } = session.config;
  const escape = (event) => {
    if (event.key === 'Escape') setOpen(false);
  };
  return html`<a class="skip" href="#main">Skip to the page</a>
    <div class="console">
      <header class="side" onKeyDown=${escape}>
        <div class="brand"><a href=${hrefOf('/')}><${Mark} /><span>Doorward</span></a>
          <button type="button" class="menu-button" aria-expanded=${open} aria-controls="menu"
            onClick=${() => setOpen(!open)}>Menu</button></div>
        <div id="menu" class=${open ? 'open' : ''}>
          <nav aria-label="Console"><${Navigation} path=${path} /></nav>
          <div class="person">
            <p class="person-name">${session.user.name}</p>
            ${session.user.email && session.user.email !== session.user.name && html`<p class="muted small">${session.user.email}</p>`}
            <p class="muted small">${tenant}, release ${version}</p>
            <${ThemeChoice} />
            <button type="button" onClick=${signOut}>Sign out</button>
          </div>
        </div>
      </header>
      <main id="main" tabindex="-1">${children}</main>
    </div>`;
}

/** Offers another login while everything stays as it is. */
export function LoginDialog() {
  const ended = useSignal(session.ended);
  if (!ended) return null;
  return html`<${Dialog} title="Your login has ended" onClose=${session.stayOut}>
    <div class="dialog-text"><p>Sign in again to go on. It happens in a window of its own: what you typed here stays.</p></div>
    ${ended.problem && html`<div class="notice danger" role="alert"><p>${ended.problem}</p></div>`}
    <p class="actions">
      <button type="button" class="primary" onClick=${session.signInAgain}>Sign in again</button>
      <button type="button" onClick=${session.stayOut}>Not now</button>
    </p>
  </${Dialog}>`;
}
