// The error path of an SDK for the code flow, the same for each: what goes wrong must arrive as
// the error class that the SDK documents, with the code of the server in it.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { addUser, block } from './cast.mjs';
import { logIn } from './visitor.mjs';

const GRANT = { error: 'invalid_grant' };
export const REFUSED_TOKEN = { ...GRANT, description: 'Unknown or invalid refresh token.' };

/**
 * `sdk(server)` makes an adapter of the SDK for the application `web` of a server:
 * - `begin({ audience, scope })` → `{ url, ...memory }`, the authorize URL as the SDK builds it;
 * - `redeem(callback, memory)` → `{ access_token, refresh_token, id_token }`; `memory.verifier` and
 *   `memory.redirectUri`, where given, replace what the SDK remembers;
 * - `refresh(token, { audience, scope })` → the same;
 * - `revoke(token)`, if the SDK can;
 * - `refused(error, { error, description, status })` asserts the class and what is in it.
 */
export function errorPaths(name, { server, hasty, errorStatus }, sdk) {
  const grant = { ...GRANT, status: errorStatus === 'auth0' ? 403 : 400 };
  const [first, , outside] = server.apis;
  const wanted = { audience: first.audience, scope: `openid offline_access ${first.scope}` };

  async function loggedIn(on, user = on.user) {
    const adapter = await sdk(on);
    const { url, ...memory } = await adapter.begin(wanted);
    return { adapter, memory, callback: await logIn(url, user) };
  }

  async function rejects(adapter, attempt, expected) {
    const error = await attempt.then(() => assert.fail('it was not refused'), (why) => why);
    if (error instanceof assert.AssertionError) throw error;
    adapter.refused(error, expected);
  }

  describe(`${name}: what is refused`, () => {
    test('a wrong verifier, and it costs the login nothing', async () => {
      const { adapter, memory, callback } = await loggedIn(server);
      const wrong = { ...memory, verifier: 'w'.repeat(43) };
      await rejects(adapter, adapter.redeem(callback, wrong), { ...grant, description: 'Failed to verify code verifier' });
      assert.ok((await adapter.redeem(callback, memory)).access_token);
    });

    test('a wrong redirect_uri', async () => {
      const { adapter, memory, callback } = await loggedIn(server);
      const wrong = { ...memory, redirectUri: 'http://127.0.0.1:9/elsewhere' };
      await rejects(adapter, adapter.redeem(callback, wrong), { ...grant, description: 'The redirect URI is wrong.' });
    });

    test('a code that was used before, and the tokens of its first use die', async () => {
      const { adapter, memory, callback } = await loggedIn(server);
      const tokens = await adapter.redeem(callback, memory);
      await rejects(adapter, adapter.redeem(callback, memory), { ...grant, description: 'Invalid authorization code' });
      await rejects(adapter, adapter.refresh(tokens.refresh_token), { ...REFUSED_TOKEN, status: grant.status });
    });

    test('a code that has expired', async () => {
      const { adapter, memory, callback } = await loggedIn(hasty);
      await sleep(1_500);
      await rejects(adapter, adapter.redeem(callback, memory), { ...grant, description: 'Invalid authorization code' });
    });

    test('an audience that is not in the policies, and the refresh token lives on', async () => {
      const { adapter, memory, callback } = await loggedIn(server);
      const { refresh_token } = await adapter.redeem(callback, memory);
      for (const audience of [outside.audience, 'https://nobody.example/']) {
        await rejects(adapter, adapter.refresh(refresh_token, { audience }), { error: 'invalid_target', status: 400 });
      }
      assert.ok((await adapter.refresh(refresh_token)).access_token);
    });

    test('an audience unknown to the login', async () => {
      const adapter = await sdk(server);
      const { url, ...memory } = await adapter.begin({ ...wanted, audience: 'https://nobody.example/' });
      const callback = await logIn(url, server.user);
      assert.ok(callback.searchParams.get('error'), callback.href);
      if (!adapter.readsCallback) return;
      await rejects(adapter, adapter.redeem(callback, memory), { error: callback.searchParams.get('error') });
    });

    test('a user who was blocked after the login', async () => {
      const user = await addUser(server);
      const { adapter, memory, callback } = await loggedIn(server, user);
      const { refresh_token } = await adapter.redeem(callback, memory);
      await block(server, user);
      await rejects(adapter, adapter.refresh(refresh_token), {
        error: errorStatus === 'auth0' ? 'unauthorized' : 'invalid_grant',
        description: 'user is blocked',
        status: grant.status,
      });
    });

    test('a refresh token that was revoked', async (t) => {
      const { adapter, memory, callback } = await loggedIn(server);
      const { refresh_token } = await adapter.redeem(callback, memory);
      if (!adapter.revoke) return t.skip('the SDK cannot revoke');
      await adapter.revoke(refresh_token);
      return rejects(adapter, adapter.refresh(refresh_token), { ...REFUSED_TOKEN, status: grant.status });
    });

    test('a refresh token that nobody issued', async () => {
      const adapter = await sdk(server);
      await rejects(adapter, adapter.refresh('v1.not-one-of-ours'), { ...REFUSED_TOKEN, status: grant.status });
    });

    test('a secret that is wrong', async () => {
      const impostor = { ...server.applications.web, client_secret: 'not the secret' };
      const adapter = await sdk({ ...server, applications: { ...server.applications, web: impostor } });
      await rejects(adapter, adapter.refresh('v1.not-one-of-ours'), {
        error: errorStatus === 'auth0' ? 'access_denied' : 'invalid_client', status: 401,
      });
    });
  });
}
