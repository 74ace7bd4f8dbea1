// Signing keys: which key signs, which is next, and which are still trusted.

import { api, at } from '../core/api.js';
import { html, useState } from '../core/html.js';
import { Loaded, useLoad } from '../core/load.js';
import { session } from '../core/session.js';
import { moment } from '../core/words.js';
import { confirm, toast } from '../parts/dialog.js';
import { Badge, Card, Notice, Page, Time } from '../parts/layout.js';
import { Table } from '../parts/table.js';

/** Characters of a key's id that have to be typed to revoke it. */
const TYPED = 8;

const STATES = {
  current: ['good', 'Current', 'Signs every new token.'],
  next: ['info', 'Next', 'Signs after the next rotation. It is published already, so that nobody is surprised by it.'],
  previous: ['neutral', 'Previous', 'Signs nothing any more. Tokens that it signed are still trusted.'],
  revoked: ['danger', 'Revoked', 'Nothing that it signed is trusted.'],
};

const stateOf = (key) => (key.revoked ? 'revoked' : ['current', 'next', 'previous'].find((state) => key[state]));

/** The keys with what the published key set says of their algorithm. */
async function read(signal) {
  const [keys, published] = await Promise.all([api.get('keys/signing', {}, { signal }), readPublished(signal)]);
  const algorithms = new Map(published.map(({ kid, kty, alg }) => [kid, alg ? `${kty} (${alg})` : kty]));
  const order = ['current', 'next', 'previous', 'revoked'];
  const sorted = keys.map((key) => ({ ...key, state: stateOf(key), algorithm: algorithms.get(key.kid) }))
    .sort((one, other) => order.indexOf(one.state) - order.indexOf(other.state)
      || String(other.current_until ?? '').localeCompare(String(one.current_until ?? '')));
  return { keys: sorted, others: published.filter(({ kid }) => !keys.some((key) => key.kid === kid)) };
}

async function readPublished(signal) {
  try {
    const response = await fetch('/.well-known/jwks.json', { signal, cache: 'no-store' });
    return response.ok ? (await response.json()).keys : [];
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    return [];
  }
}

function Since({ of: key }) {
  if (key.state === 'current') return html`since <${Time} at=${key.current_since} />`;
  if (key.state === 'revoked') return html`revoked <${Time} at=${key.revoked_at} />`;
  if (key.state === 'previous') return html`until <${Time} at=${key.current_until} />`;
  return html`<span class="muted">not used yet</span>`;
}

const columns = (revoke) => [
  {
    title: 'Key',
    main: true,
    cell: (key) => html`<code class="kid">${key.kid}</code>
      <p class="hint fingerprint">SHA-1 of the certificate: <code>${key.fingerprint}</code></p>`,
  },
  {
    title: 'State',
    cell: ({ state }) => html`<${Badge} kind=${STATES[state][0]}>${STATES[state][1]}</${Badge}><p class="hint">${STATES[state][2]}</p>`,
  },
  { title: 'Algorithm', cell: (key) => key.algorithm ?? html`<span class="muted">not published</span>` },
  {
    title: 'In use',
    cell: (key) => html`<${Since} of=${key} />
      ${revoke && key.state === 'previous' && html`<p><button type="button" class="danger" onClick=${() => revoke(key)}
        aria-label=${`Revoke the key ${key.kid}`}>Revoke…</button></p>`}`,
  },
];

const askToRotate = ({ current, next }) => confirm({
  title: 'Rotate the signing keys?',
  text: html`<ul>
    <li>From now on new tokens are signed with the next key, <code>${next.kid}</code>, and a new next key is made.</li>
    <li>Tokens that <code>${current.kid}</code> signed stay good until they expire: it becomes a previous key.</li>
    <li>APIs know the next key already if they have read the key set since it was published. Those that keep the key
      set for good, or a single key, refuse new tokens until they read it again.</li>
  </ul>`,
  act: 'Rotate',
});

const askToRevoke = (key) => confirm({
  title: 'Revoke this key?',
  text: html`<p>Every token that <code>${key.kid}</code> signed is worth nothing from then on: access tokens and ID
      tokens from before ${moment(key.current_until)} that have not expired yet. Refresh tokens stay good.</p>
    <p>This server refuses them at once, and APIs as soon as they read the key set again; it may be kept for five
      minutes, and longer by some. A revoked key does not come back.</p>`,
  act: 'Revoke',
  danger: true,
  type: key.kid.slice(0, TYPED),
});

function Keys({ load }) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState();
  const { keys, others } = load.data;
  const mayRotate = session.can('create:signing_keys') && session.can('update:signing_keys');
  const mayRevoke = session.can('update:signing_keys');
  const run = async (act, done) => {
    setBusy(true);
    setProblem(undefined);
    try {
      await act();
      toast(done);
    } catch (error) {
      setProblem(error.message);
    } finally {
      await load.reload();
      setBusy(false);
    }
  };
  const rotate = async () => {
    const [current, next] = ['current', 'next'].map((state) => keys.find((key) => key.state === state));
    if (await askToRotate({ current, next })) await run(() => api.post('keys/signing/rotate'), 'The keys were rotated');
  };
  const revoke = async (key) => {
    if (await askToRevoke(key)) await run(() => api.put(at`keys/signing/${key.kid}/revoke`, {}), 'The key was revoked');
  };
  return html`
    ${problem && html`<${Notice} kind="danger" live>${problem}</${Notice}>`}
    <${Card} title="Keys"
      actions=${mayRotate && html`<button type="button" onClick=${rotate} disabled=${busy}>
        ${busy ? 'Working…' : 'Rotate…'}</button>`}
      intro="Tokens are signed with the current key. Rotate now and then, and whenever a key may have leaked; then also revoke the previous one.">
      ${!mayRotate && html`<${Notice}>Your role allows you to look at the keys, not to rotate or revoke them.</${Notice}>`}
      <${Table} caption="Signing keys" columns=${columns(mayRevoke && revoke)} rows=${keys} rowKey=${(key) => key.kid} />
    </${Card}>
    <${Card} title="For your APIs">
      <p>APIs find the public keys here and should read them again when a token names a key that they do not know:</p>
      <p><a href="/.well-known/jwks.json" target="_blank" rel="noreferrer">${session.config.issuer}.well-known/jwks.json</a></p>
      ${others.length > 0 && html`<p>It also holds ${others.length === 1 ? 'a key' : 'keys'} of other algorithms, which
        APIs or applications asked for: ${others.map(({ kid, kty, alg }, i) =>
          html`${i > 0 && ', '}<code key=${kid}>${alg ?? kty}</code>`)}.
        They are not rotated.</p>`}
    </${Card}>`;
}

function KeysPage() {
  const load = useLoad(read);
  return html`<${Page} title="Signing keys"
    intro="With these keys this server signs its tokens. Whoever reads a token verifies it with their public halves.">
    <${Loaded} load=${load}>${() => html`<${Keys} load=${load} />`}</${Loaded}>
  </${Page}>`;
}

export const routes = [{ path: '/keys', page: KeysPage, needs: 'read:signing_keys' }];
