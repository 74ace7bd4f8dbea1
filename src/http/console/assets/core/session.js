// Who is signed in, and the access token, which lives in this module's memory and nowhere else: a
// reload gets a new one from the session of the browser.

import { AuthorizationError, exchange, renew, request, signInInWindow } from './authorization.js';
import { signal } from './signal.js';

const TRANSACTION = 'doorward-console-login';
/** Tokens are renewed this long before they end, milliseconds. */
const AHEAD = 30_000;

let config;
/** The access token: { token, until (milliseconds), scopes }. */
let access;
let renewal;
/** Set while a login has ended: the callbacks of those who wait for another. */
const ended = signal(null);

/** Why somebody who signed in may not use the console. */
export class NotAnAdministrator extends Error {}

/** A request was given up because nobody signed in again. */
export class LoginEnded extends Error {
  constructor(message = 'Your login has ended. Sign in again, then try once more.') {
    super(message);
  }
}

function keep(tokens) {
  const { claims } = tokens;
  access = {
    token: tokens.access_token,
    until: Date.now() + tokens.expires_in * 1000,
    scopes: new Set((tokens.scope ?? '').split(' ')),
  };
  session.user = { sub: claims.sub, name: claims.name ?? claims.email ?? claims.sub, email: claims.email };
}

const needsPerson = (error) => error instanceof AuthorizationError
  && ['login_required', 'interaction_required', 'consent_required', 'account_selection_required'].includes(error.code);

function refused(error) {
  if (error instanceof AuthorizationError && error.code === 'access_denied') return new NotAnAdministrator(error.message);
  return error;
}

/** Leaves for the login page; comes back to where the person is now. */
async function redirectToLogin() {
  const { url, kept } = await request(config);
  const back = location.pathname.startsWith('/admin/callback') ? '/admin/' : location.pathname + location.search;
  // The redirect leaves this page, so what the answer is checked against has to outlive it.
  sessionStorage.setItem(TRANSACTION, JSON.stringify({ ...kept, back }));
  location.assign(url);
  return new Promise(() => {});
}

/** Takes the answer out of the address bar. */
async function finishRedirect() {
  const answer = Object.fromEntries(new URLSearchParams(location.search));
  const kept = JSON.parse(sessionStorage.getItem(TRANSACTION) ?? 'null');
  sessionStorage.removeItem(TRANSACTION);
  history.replaceState(null, '', kept?.back ?? '/admin/');
  // Somebody else's answer, or an old one: begin again.
  if (!kept || answer.state !== kept.state) return false;
  keep(await exchange(config, kept, answer));
  return true;
}

function whoWaits(problem = null) {
  return new Promise((resolve, reject) => {
    ended.set({ waiting: [...(ended.get()?.waiting ?? []), { resolve, reject }], problem });
  });
}

async function renewed() {
  try {
    const tokens = await renew(config);
    // Somebody else has signed in in this browser: what this person began must not go on as that one.
    if (tokens.claims.sub === session.user.sub) keep(tokens);
    else await whoWaits(`This browser is signed in as ${tokens.claims.email ?? tokens.claims.name} now.`);
  } catch (error) {
    if (!needsPerson(error)) throw refused(error);
    await whoWaits();
  }
}

export const session = {
  /** `{sub, name, email}` of the person. */
  user: undefined,
  /** Whether and why the login has ended: watched by the dialog that offers another. */
  ended,

  /** What the server says of itself: issuer, client_id, audience, scope, tenant, version. */
  get config() {
    return config;
  },

  /** Signs in, or leaves for the login page. */
  async begin() {
    const response = await fetch('/admin/config.json');
    if (!response.ok) throw new Error(`The server answered ${response.status}.`);
    config = await response.json();
    config.redirect_uri = `${config.issuer}admin/callback`;
    if (new URL(config.issuer).origin !== location.origin) {
      // Opened as localhost instead of 127.0.0.1, say: logins come back to the issuer.
      location.replace(new URL(location.pathname + location.search, config.issuer));
      return new Promise(() => {});
    }
    if (!crypto.subtle) {
      throw new Error('This browser offers no cryptography here: open the console over https, or on 127.0.0.1.');
    }
    try {
      if (location.pathname === '/admin/callback' && await finishRedirect()) return undefined;
      keep(await renew(config));
      return undefined;
    } catch (error) {
      if (needsPerson(error)) return redirectToLogin();
      throw refused(error);
    }
  },

  /** Whether the person may do what needs this scope. The server decides again at every request. */
  can: (scope) => access.scopes.has(scope),

  /** An access token that is still good; waits for the person if the login has ended. */
  async token() {
    if (access.until - AHEAD > Date.now()) return access.token;
    renewal ??= renewed().finally(() => { renewal = undefined; });
    await renewal;
    return access.token;
  },

  /** The server refused this token: the next is a new one. */
  expire(token) {
    if (access.token === token) access.until = 0;
  },

  /** Signs in in a window, and lets those go on who wait. Call it while a click is handled. */
  async signInAgain() {
    const { waiting } = ended.get();
    const before = session.user.sub;
    try {
      const tokens = await signInInWindow(config);
      keep(tokens);
    } catch (error) {
      ended.set({ waiting: ended.get()?.waiting ?? waiting, problem: refused(error).message });
      return;
    }
    const everyone = ended.get().waiting;
    ended.set(null);
    const same = session.user.sub === before;
    const other = `You signed in as somebody else (${session.user.name}). Try again to go on as this person.`;
    for (const { resolve, reject } of everyone) {
      if (same) resolve();
      else reject(new LoginEnded(other));
    }
  },

  /** Leaves things as they are: what was typed stays, requests are given up. */
  stayOut() {
    const { waiting } = ended.get();
    ended.set(null);
    for (const { reject } of waiting) reject(new LoginEnded());
  },

  /** Ends the login here and in the browser's session. */
  signOut() {
    const query = new URLSearchParams({ client_id: config.client_id, returnTo: `${config.issuer}admin/` });
    location.assign(`${config.issuer}v2/logout?${query}`);
  },
};
