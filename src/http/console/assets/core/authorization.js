// Code + PKCE (RFC 6749 §4.1, RFC 7636) as any browser application does it.
//
// 1. A request is made: state, nonce and verifier stay here.
// 2. The server answers: by redirect, or with a message to this window (`web_message`).
// 3. The code is exchanged, and the ID token is checked against the request.

const RENEWAL_DEADLINE = 20_000;
const encoder = new TextEncoder();

/** An error that `/authorize` or `/oauth/token` answered with. */
export class AuthorizationError extends Error {
  constructor({ error, error_description: description }) {
    super(description || error || 'The server refused the login.');
    this.code = error;
  }
}

/** The server could not be reached. */
export class Unreachable extends Error {
  constructor() {
    super('The server cannot be reached.');
  }
}

function base64url(bytes) {
  return btoa(String.fromCharCode(...new Uint8Array(bytes)))
    .replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));

function partOf(part) {
  const binary = atob(part.replaceAll('-', '+').replaceAll('_', '/'));
  return JSON.parse(new TextDecoder().decode(Uint8Array.from(binary, (char) => char.charCodeAt(0))));
}

/** The claims that a token says, unverified: to look at, not to rely on. */
export function decode(jwt) {
  const [header, payload] = jwt.split('.', 2).map(partOf);
  return { header, payload };
}

/**
 * A request to `/authorize`, and what has to be remembered of it. `config` is of the application: issuer, client_id,
 * redirect_uri, audience, scope.
 */
export async function request(config, more = {}) {
  const kept = { state: random(), nonce: random(), verifier: random() };
  const url = `${config.issuer}authorize?${new URLSearchParams({
    response_type: 'code',
    client_id: config.client_id,
    redirect_uri: config.redirect_uri,
    ...(config.audience && { audience: config.audience }),
    scope: config.scope,
    state: kept.state,
    nonce: kept.nonce,
    code_challenge: base64url(await crypto.subtle.digest('SHA-256', encoder.encode(kept.verifier))),
    code_challenge_method: 'S256',
    ...more,
  })}`;
  return { url, kept };
}

/** Posts to the token endpoint. */
export async function tokenRequest(config, parameters) {
  const response = await fetch(`${config.issuer}oauth/token`, {
    method: 'POST', body: new URLSearchParams({ client_id: config.client_id, ...parameters }),
  }).catch(() => { throw new Unreachable(); });
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw new AuthorizationError(body);
  return body;
}

/** Checks the answer to a request, and tells what exchanges its code. */
export function codeRequest(config, kept, answer) {
  if (answer.state !== kept.state) throw new AuthorizationError({ error: 'state_mismatch' });
  if (answer.iss && answer.iss !== config.issuer) throw new AuthorizationError({ error: 'issuer_mismatch' });
  if (answer.error) throw new AuthorizationError(answer);
  return {
    grant_type: 'authorization_code',
    redirect_uri: config.redirect_uri,
    code: answer.code,
    code_verifier: kept.verifier,
  };
}

/** Exchanges the code of an answer. The tokens, with the claims of the ID token as `claims`. */
export async function exchange(config, kept, answer) {
  const body = await tokenRequest(config, codeRequest(config, kept, answer));
  const { payload: claims } = decode(body.id_token);
  // It came straight from the token endpoint, so its signature adds nothing (OIDC Core §3.1.3.7).
  if (claims.nonce !== kept.nonce || claims.iss !== config.issuer || claims.aud !== config.client_id) {
    throw new AuthorizationError({ error: 'The ID token was not made for this login.' });
  }
  return { ...body, claims };
}

/** Waits for the answer that `source` posts, in the way of `response_mode=web_message`. */
function answerOf(source, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => {
      window.removeEventListener('message', listen);
      signal.removeEventListener('abort', abort);
    };
    const abort = () => { stop(); reject(signal.reason); };
    function listen(event) {
      if (event.source !== source() || event.origin !== location.origin) return;
      if (event.data?.type !== 'authorization_response') return;
      stop();
      resolve(event.data.response);
    }
    window.addEventListener('message', listen);
    signal.addEventListener('abort', abort);
  });
}

/** New tokens from the session of the browser, without the person (`prompt=none`). */
export async function renew(config) {
  const { url, kept } = await request(config, { prompt: 'none', response_mode: 'web_message' });
  const frame = document.createElement('iframe');
  frame.hidden = true;
  frame.title = 'Renews the login';
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(new Unreachable()), RENEWAL_DEADLINE);
  const answered = answerOf(() => frame.contentWindow, late.signal);
  // A frame that shows an error of the browser, or a page instead of a message, answers nothing.
  frame.addEventListener('load', () => setTimeout(() => late.abort(new Unreachable()), 3_000));
  frame.src = url;
  document.body.append(frame);
  try {
    return await exchange(config, kept, await answered);
  } finally {
    clearTimeout(timer);
    frame.remove();
  }
}

/**
 * New tokens from a person who signs in in a window of its own, so that this page stays as it is.
 * Must be called while a click is handled: browsers open no windows otherwise.
 */
export async function signInInWindow(config) {
  const opened = window.open('', 'doorward-sign-in', 'popup,width=480,height=720');
  if (!opened) throw new Error('The browser did not open a window. Allow windows of this site, and try again.');
  const { url, kept } = await request(config, { response_mode: 'web_message' });
  const given = new AbortController();
  const watch = setInterval(() => {
    if (opened.closed) given.abort(new Error('The window was closed before you had signed in.'));
  }, 500);
  try {
    const answered = answerOf(() => opened, given.signal);
    opened.location.replace(url);
    return await exchange(config, kept, await answered);
  } finally {
    clearInterval(watch);
    opened.close();
  }
}
