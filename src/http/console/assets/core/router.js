// Addresses below /admin/: each shows one page, also after a reload or from a link.

import { html, useEffect } from './html.js';
import { signal, useSignal } from './signal.js';

const BASE = '/admin';
const guards = new Set();
let asked = async () => true;

const read = () => ({
  path: location.pathname.slice(BASE.length) || '/',
  query: Object.fromEntries(new URLSearchParams(location.search)),
});
const here = signal(read());
let shown = location.href;

/** How to ask whether unsaved input may be lost. */
export function askBeforeLeaving(ask) {
  asked = ask;
}

const mayLeave = async () => ![...guards].some((dirty) => dirty()) || asked();

function show() {
  shown = location.href;
  here.set(read());
}

/** The address of a page of the console. */
export const hrefOf = (path) => BASE + path;

/** Shows another page, unless the person wants to stay with what is not saved. */
export async function navigate(path, { replace = false, force = false } = {}) {
  if (!force && !(await mayLeave())) return false;
  history[replace ? 'replaceState' : 'pushState'](null, '', hrefOf(path));
  show();
  return true;
}

/** Changes parts of the query in the address; `undefined` and '' remove one. */
export function setQuery(changes, { replace = false } = {}) {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined || value === '' || value === null) query.delete(name);
    else query.set(name, value);
  }
  const search = query.toString();
  history[replace ? 'replaceState' : 'pushState'](null, '', location.pathname + (search && `?${search}`));
  show();
}

/** `{path, query}` of the address, without the `/admin` before it. */
export const useLocation = () => useSignal(here);

/** While `dirty`, leaving the page asks first. */
export function useLeaveGuard(dirty) {
  useEffect(() => {
    if (!dirty) return undefined;
    const guard = () => true;
    guards.add(guard);
    return () => guards.delete(guard);
  }, [dirty]);
}

/** A link to a page of the console. */
export function Link({ href, children, ...more }) {
  return html`<a href=${hrefOf(href)} ...${more}>${children}</a>`;
}

/** `/users/:id` against an address: its parameters, or nothing. */
export function match(pattern, path) {
  const wanted = pattern.split('/');
  const given = path.replace(/(.)\/$/, '$1').split('/');
  if (wanted.length !== given.length) return undefined;
  const parameters = {};
  for (const [i, part] of wanted.entries()) {
    if (part.startsWith(':')) {
      try {
        parameters[part.slice(1)] = decodeURIComponent(given[i]);
      } catch {
        return undefined;
      }
    } else if (part !== given[i]) return undefined;
  }
  return parameters;
}

/** Starts to follow links and the browser's back and forward. */
export function start() {
  // Signing in has led here by other addresses.
  show();
  document.addEventListener('click', (event) => {
    const link = event.target.closest?.('a[href]');
    const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
    if (!link || !plain || event.defaultPrevented || link.target || link.hasAttribute('download')) return;
    if (link.origin !== location.origin || !link.pathname.startsWith(`${BASE}/`)) return;
    if (link.hash && link.pathname === location.pathname) return;
    event.preventDefault();
    navigate(link.pathname.slice(BASE.length) + link.search);
  });
  window.addEventListener('popstate', async () => {
    const wanted = location.href;
    if (new URL(wanted).pathname === new URL(shown).pathname) return show();
    if (guards.size > 0) {
      // The address has changed already: it goes back while the person is asked.
      history.pushState(null, '', shown);
      if (!(await mayLeave())) return undefined;
      history.pushState(null, '', wanted);
    }
    return show();
  });
  window.addEventListener('beforeunload', (event) => {
    if ([...guards].some((dirty) => dirty())) event.preventDefault();
  });
}
