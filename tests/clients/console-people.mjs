// What the tests of users and roles have in common: an application whose users log in with a
// password, an API with roles, and what the protocol says about a refresh token.

import assert from 'node:assert/strict';
import { inspect, settled } from './console.mjs';

export const DATABASE = 'Username-Password-Authentication';
export const AUDIENCE = 'https://notes.example/';
export const PASSWORD = 'Correct-horse-battery-1';

/** The application and the API; `log(email, password)` and `refresh(token)` answer `{status, body}`. */
export async function addApplication({ call, issuer }) {
  const api = await call('POST', 'resource-servers', {
    name: 'Notes', identifier: AUDIENCE, allow_offline_access: true, enforce_policies: true, token_dialect: 'access_token_authz',
    scopes: [{ value: 'read:notes', description: 'Read notes' }, { value: 'write:notes', description: 'Write notes' }],
  });
  const client = await call('POST', 'clients', {
    name: 'Notebook', app_type: 'native', token_endpoint_auth_method: 'none', grant_types: ['password', 'refresh_token'],
  });
  const token = async (form) => {
    const body = new URLSearchParams({ client_id: client.client_id, ...form });
    const answer = await fetch(`${issuer}oauth/token`, { method: 'POST', body, headers: { 'User-Agent': 'Notebook/2.1' } });
    return { status: answer.status, body: await answer.json() };
  };
  return {
    api,
    client,
    logIn: (username, password = PASSWORD) => token({
      grant_type: 'password', username, password, audience: AUDIENCE, scope: 'openid offline_access read:notes write:notes',
    }),
    refresh: (refreshToken) => token({ grant_type: 'refresh_token', refresh_token: refreshToken }),
  };
}

/** A user who can log in. */
export const addUser = (call, email, more = {}) => call('POST', 'users', {
  connection: DATABASE, email, password: PASSWORD, email_verified: true, ...more,
});

/** A path below /api/v2/ with an id in it. */
export const of = (id, rest = '') => `users/${encodeURIComponent(id)}${rest}`;

/** The answer is a refusal of the refresh token. */
export function assertDead({ status, body }) {
  assert.deepEqual([status, body.error], [400, 'invalid_grant']);
}

/** The answer is a refusal of a login. */
export function assertRefused({ status, body }) {
  assert.ok(status >= 400 && status < 500 && !body.access_token, `${status} ${JSON.stringify(body)}`);
}

/** `inspect`, once the page shows what it read. */
export async function look(page, name) {
  await settled(page);
  await inspect(page, name);
}
