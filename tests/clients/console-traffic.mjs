// What people and programs do at the server, by the protocol alone: for the pages that tell of it.

import assert from 'node:assert/strict';

const PASSWORD = 'a long password for the tests';
const MESSAGES = 'https://messages.traffic.example';

/** Two APIs' worth of nothing but what is needed: an API, an application with passwords, a user. */
export async function setTraffic({ issuer, call }) {
  const api = await call('POST', 'resource-servers', {
    identifier: MESSAGES, name: 'Messages', scopes: [{ value: 'read:messages' }], allow_offline_access: true,
  });
  const client = await call('POST', 'clients', {
    name: 'Traffic', app_type: 'native', token_endpoint_auth_method: 'none', grant_types: ['password', 'refresh_token'],
    refresh_token: { rotation_type: 'rotating', expiration_type: 'expiring', leeway: 0 },
  });
  const user = await call('POST', 'users', {
    connection: 'Username-Password-Authentication', email: 'traffic@example.com', password: PASSWORD,
  });
  const token = async (form) => {
    const body = new URLSearchParams({ client_id: client.client_id, ...form });
    const response = await fetch(`${issuer}oauth/token`, { method: 'POST', body });
    return { status: response.status, ...await response.json() };
  };
  const ok = (answer) => {
    assert.equal(answer.status, 200, JSON.stringify(answer));
    return answer;
  };
  const withPassword = (password) => token({
    grant_type: 'password', username: user.email, password, audience: MESSAGES, scope: 'openid offline_access read:messages',
  });
  const exchange = (refreshToken) => token({ grant_type: 'refresh_token', refresh_token: refreshToken });
  return {
    api, client, user,
    logIn: async () => ok(await withPassword(PASSWORD)),
    failLogin: async () => assert.notEqual((await withPassword('a wrong password')).status, 200),
    exchange: async (tokens) => ok(await exchange(tokens.refresh_token)),
    /** Presents a spent token: its login ends. */
    reuse: async (tokens) => assert.notEqual((await exchange(tokens.refresh_token)).status, 200),
  };
}

/** Waits until `found` answers something: what happens is written a moment later. */
export async function eventually(found) {
  const deadline = Date.now() + 20_000;
  for (;;) {
    const answer = await found();
    if (answer) return answer;
    assert.ok(Date.now() < deadline, 'it never happened');
    await new Promise((resolve) => { setTimeout(resolve, 100); });
  }
}
