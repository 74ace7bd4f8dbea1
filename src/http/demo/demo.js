// A browser application like any other: it knows its client id and the public endpoints.
// Tokens live in the variables below and nowhere else; a reload forgets them.

const TRANSACTION = 'doorward-demo-transaction';
const LOCK = 'doorward-demo-refresh';

const $ = (id) => document.getElementById(id);
const encoder = new TextEncoder();

let config;
let refreshToken;
let idToken;
/** What each API got last: audience → { token, payload }. */
const accessTokens = new Map();

// --- encodings ---------------------------------------------------------------------------------

function base64url(bytes) {
  return btoa(String.fromCharCode(...new Uint8Array(bytes)))
    .replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

function fromBase64url(text) {
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(binary, (char) => char.charCodeAt(0));
}

function decodeJwt(token) {
  const [header, payload] = token.split('.', 2)
    .map((part) => JSON.parse(new TextDecoder().decode(fromBase64url(part))));
  return { header, payload };
}

const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));
const sha256 = (text) => crypto.subtle.digest('SHA-256', encoder.encode(text));

async function fingerprint(token) {
  const bytes = new Uint8Array(await sha256(token)).slice(0, 6);
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** A refresh token is `v1.` and base64url of key id (4), family (16), generation (4), MAC (32). */
function generation(token) {
  return new DataView(fromBase64url(token.slice(3)).buffer).getUint32(20);
}

// --- log in and out ----------------------------------------------------------------------------

const redirectUri = () => `${config.issuer}demo/`;

async function logIn() {
  const transaction = { state: random(), nonce: random(), verifier: random() };
  // The redirect leaves this page, so what the callback is checked against has to outlive it.
  sessionStorage.setItem(TRANSACTION, JSON.stringify(transaction));
  const [first] = config.apis;
  location.assign(`${config.issuer}authorize?${new URLSearchParams({
    response_type: 'code',
    client_id: config.client_id,
    redirect_uri: redirectUri(),
    audience: first.audience,
    scope: `openid profile email offline_access ${first.scope}`,
    state: transaction.state,
    nonce: transaction.nonce,
    code_challenge: base64url(await sha256(transaction.verifier)),
    code_challenge_method: 'S256',
  })}`);
}

function logOut() {
  const query = new URLSearchParams({ client_id: config.client_id, returnTo: redirectUri() });
  location.assign(`${config.issuer}v2/logout?${query}`);
}

/** Takes the answer of `/authorize` out of the address bar, if there is one. */
function takeCallback() {
  const answer = new URLSearchParams(location.search);
  if (!answer.has('code') && !answer.has('error')) return undefined;
  history.replaceState(null, '', location.pathname);
  const transaction = JSON.parse(sessionStorage.getItem(TRANSACTION) ?? 'null');
  sessionStorage.removeItem(TRANSACTION);
  if (!transaction || answer.get('state') !== transaction.state) {
    throw new Error('This answer does not belong to a login that this page began.');
  }
  if (answer.has('iss') && answer.get('iss') !== config.issuer) {
    throw new Error('This answer comes from another server.');
  }
  if (answer.has('error')) {
    throw new Error(answer.get('error_description') ?? answer.get('error'));
  }
  return { code: answer.get('code'), ...transaction };
}

async function finishLogin({ code, nonce, verifier }) {
  const [first, ...others] = config.apis;
  const answer = await tokenRequest(`Log in, ${first.name}`, {
    grant_type: 'authorization_code',
    client_id: config.client_id,
    redirect_uri: redirectUri(),
    code,
    code_verifier: verifier,
  });
  const { payload } = decodeJwt(answer.id_token);
  // It came straight from the token endpoint, so its signature adds nothing (OIDC Core §3.1.3.7).
  if (payload.nonce !== nonce || payload.iss !== config.issuer
      || ![payload.aud].flat().includes(config.client_id)) {
    throw new Error('The ID token was not made for this login.');
  }
  idToken = payload;
  keep(first.audience, answer);
  await show();
  for (const api of others) await exchange(api);
}

// --- tokens ------------------------------------------------------------------------------------

async function tokenRequest(label, parameters) {
  const begun = performance.now();
  let outcome = 'the server could not be reached';
  let good = false;
  try {
    const response = await fetch(`${config.issuer}oauth/token`, {
      method: 'POST',
      body: new URLSearchParams(parameters),
    });
    const body = await response.json();
    if (!response.ok) {
      outcome = `${response.status} ${body.error}: ${body.error_description ?? ''}`;
      throw new Error(body.error_description ?? body.error);
    }
    const { payload } = decodeJwt(body.access_token);
    outcome = `${response.status} token for ${[payload.aud].flat()[0]}, `
      + `refresh token generation ${generation(body.refresh_token)}`;
    good = true;
    return body;
  } finally {
    log(label, outcome, good, performance.now() - begun);
  }
}

function refresh(api, token) {
  return tokenRequest(api.name, {
    grant_type: 'refresh_token',
    client_id: config.client_id,
    refresh_token: token,
    audience: api.audience,
  });
}

function keep(audience, answer) {
  const token = answer.access_token;
  accessTokens.set(audience, { ...decodeJwt(token), scope: answer.scope });
  refreshToken = answer.refresh_token;
}

/** One exchange at a time: the next must use the successor that this one brings. */
const alone = (work) => navigator.locks.request(LOCK, work);

function exchange(api) {
  return alone(async () => {
    keep(api.audience, await refresh(api, refreshToken));
    await show();
  });
}

/** Deliberately what a careless application does: every request carries the same refresh token. */
function exchangeAll() {
  return alone(async () => {
    const same = refreshToken;
    const answers = await Promise.all(config.apis.map((api) => refresh(api, same)));
    config.apis.forEach((api, i) => keep(api.audience, answers[i]));
    const successors = new Set(answers.map((answer) => answer.refresh_token));
    $('verdict').classList.toggle('good', successors.size === 1);
    $('verdict').dataset.successors = successors.size;
    $('verdict').textContent = successors.size === 1
      ? `${answers.length} requests with one refresh token, and all got the same successor.`
      : `${answers.length} requests got ${successors.size} different successors.`;
    await show();
  });
}

// --- what is seen ------------------------------------------------------------------------------

function log(label, outcome, good, milliseconds) {
  const line = document.createElement('li');
  line.dataset.outcome = good ? 'answered' : 'refused';
  const now = new Date();
  const cells = [
    ['time', '', now.toLocaleTimeString([], { hourCycle: 'h23' })],
    ['span', 'ask', label],
    ['span', 'outcome', outcome],
    ['span', 'took', `${Math.round(milliseconds)} ms`],
  ];
  for (const [tag, name, text] of cells) {
    const cell = document.createElement(tag);
    if (name) cell.className = name;
    cell.textContent = text;
    line.append(cell);
  }
  line.firstChild.dateTime = now.toISOString();
  $('log').prepend(line);
}

function cardOf(api) {
  const found = [...$('cards').children].find((card) => card.dataset.audience === api.audience);
  if (found) return found;
  const card = $('card').content.firstElementChild.cloneNode(true);
  card.dataset.audience = api.audience;
  card.querySelector('.name').textContent = api.name;
  card.querySelector('.exchange').setAttribute('aria-label', `Exchange again for ${api.name}`);
  card.querySelector('.exchange').addEventListener('click', guarded(() => exchange(api)));
  $('cards').append(card);
  return card;
}

async function show() {
  $('out').hidden = Boolean(refreshToken);
  $('in').hidden = $('account').hidden = !refreshToken;
  if (!refreshToken) return;
  const name = idToken.email ?? idToken.name ?? idToken.sub;
  $('user').textContent = name;
  $('initial').textContent = name.slice(0, 1).toUpperCase();
  for (const api of config.apis) {
    const card = cardOf(api);
    const got = accessTokens.get(api.audience);
    if (!got) continue;
    const audiences = [got.payload.aud].flat();
    card.querySelector('.aud').textContent = audiences[0];
    card.querySelector('.aud').title = audiences.join('\n');
    card.querySelector('.scope').textContent = got.payload.scope ?? '';
    card.querySelector('.payload').textContent = JSON.stringify(got.payload, null, 2);
    card.querySelector('.header').textContent = JSON.stringify(got.header, null, 2);
  }
  countDown();
  const token = refreshToken;
  const print = await fingerprint(token);
  $('rt-fingerprint').textContent = print;
  $('rt-generation').textContent = generation(token);
}

function countDown() {
  for (const api of config.apis) {
    const got = accessTokens.get(api.audience);
    if (!got) continue;
    const left = Math.max(0, got.payload.exp - Math.floor(Date.now() / 1000));
    const parts = [left / 3600, (left / 60) % 60, left % 60].map(Math.floor);
    const clock = parts.map((part) => String(part).padStart(2, '0')).join(':');
    cardOf(api).querySelector('.expiry').textContent = left ? `expires in ${clock}` : 'expired';
  }
}

function complain(error) {
  $('message').textContent = error.message;
  $('message').hidden = false;
}

/** An event handler that shows what went wrong, and cannot be started twice at once. */
function guarded(work) {
  return async (event) => {
    const button = event.currentTarget;
    button.disabled = true;
    $('message').hidden = true;
    try {
      await work();
    } catch (error) {
      complain(error);
    } finally {
      button.disabled = false;
    }
  };
}

// --- begin -------------------------------------------------------------------------------------

async function begin() {
  config = await (await fetch('/demo/config.json')).json();
  const home = new URL(redirectUri());
  if (home.origin !== location.origin) {
    // Opened as localhost instead of 127.0.0.1, say: the callback would come back elsewhere.
    location.replace(home);
    return;
  }
  if (!crypto.subtle) {
    throw new Error('This browser offers no cryptography here: open the page over HTTPS or on 127.0.0.1.');
  }
  for (const api of config.apis) {
    const line = document.createElement('li');
    const [name, audience] = [document.createElement('strong'), document.createElement('code')];
    name.textContent = api.name;
    audience.textContent = api.audience;
    line.append(name, audience);
    $('apis').append(line);
  }
  $('login').addEventListener('click', guarded(logIn));
  $('logout').addEventListener('click', guarded(logOut));
  $('exchange-all').addEventListener('click', guarded(exchangeAll));
  setInterval(countDown, 1000);
  try {
    const callback = takeCallback();
    if (callback) await finishLogin(callback);
  } finally {
    await show();
  }
}

begin().catch(complain);
