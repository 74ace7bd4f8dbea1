// @auth0/auth0-server-js, on which Auth0's SDKs for server frameworks build. https only.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TokenByCodeError, TokenByRefreshTokenError } from '@auth0/auth0-auth-js';
import { MissingSessionError, MissingTransactionError, ServerClient } from '@auth0/auth0-server-js';
import { addApplication, addUser, block, stage } from './cast.mjs';
import { serves } from './resource_server.mjs';
import { logIn, Visitor } from './visitor.mjs';

const scene = stage();
const { server, hasty } = scene;
const [first, second, outside] = server.apis;
const returnTo = 'http://127.0.0.1:9/bye';

/** The stores that an application must bring, for one browser. */
class Memory extends Map {
  async set(key, value) { super.set(key, structuredClone(value)); }
  async get(key) { return structuredClone(super.get(key)); }
  async delete(key) { super.delete(key); }
  async deleteByLogoutToken({ sid }) {
    for (const [key, { internal }] of [...this]) if (internal.sid === sid) super.delete(key);
  }
}

function sdk(on = server, application = on.applications.web, authorizationParams = {}) {
  const [states, transactions] = [new Memory(), new Memory()];
  const client = new ServerClient({
    domain: new URL(on.issuer).host,
    clientId: application.client_id,
    clientSecret: application.client_secret,
    authorizationParams: {
      redirect_uri: on.callback, audience: first.audience,
      scope: `openid profile email offline_access ${first.scope}`, ...authorizationParams,
    },
    stateStore: states,
    transactionStore: transactions,
  });
  /** What the SDK keeps of the session. */
  const kept = () => [...states.values()][0];
  return { client, kept, transactions };
}

/** Logs in; `visitor` keeps the session at the server. */
async function loggedIn(adapter, user = server.user, visitor = new Visitor()) {
  const { callback } = await visitor.visit(await adapter.client.startInteractiveLogin(), user);
  await adapter.client.completeInteractiveLogin(callback);
  return { ...adapter, visitor, callback };
}

const refusedRefresh = (code, description) => (error) => {
  assert.ok(error instanceof TokenByRefreshTokenError, error);
  if (description) assert.equal(error.cause.error_description, description);
  return error.cause.error === code;
};

if (scene.transport === 'https') {
  test('auth0-server-js: one login, a token for the other API, and the second time from the cache', async () => {
    const { client, kept, callback } = await loggedIn(sdk());
    assert.equal(callback.searchParams.has('state'), false, 'none was sent');
    assert.equal((await client.getUser()).email, server.user.email);
    const { idToken } = await client.getSession();
    assert.equal(idToken.split('.').length, 3);
    const { accessToken } = await client.getAccessToken();
    await serves(scene, accessToken, first.audience, first.scope);

    const before = kept().refreshToken;
    const got = await client.getAccessToken({ audience: second.audience, scope: second.scope });
    await serves(scene, got.accessToken, second.audience, second.scope);
    const after = kept().refreshToken;
    assert.notEqual(after, before, 'it rotates, and the SDK keeps the new one');
    const again = await client.getAccessToken({ audience: second.audience, scope: second.scope });
    assert.equal(again.accessToken, got.accessToken);
    assert.equal(kept().refreshToken, after, 'the server was not asked');
    assert.equal((await client.getAccessToken()).accessToken, accessToken);
  });

  test('auth0-server-js: fewer scopes are asked for, and granted', async () => {
    const { client } = await loggedIn(sdk());
    const got = await client.getAccessToken({ audience: second.audience, scope: 'read:b' });
    const claims = await serves(scene, got.accessToken, second.audience, 'read:b');
    assert.ok(!claims.scope.split(' ').includes('write:b'), claims.scope);
  });

  test('auth0-server-js: a pushed login', async () => {
    const adapter = sdk();
    const url = await adapter.client.startInteractiveLogin({ pushedAuthorizationRequests: true });
    assert.deepEqual([...url.searchParams.keys()].sort(), ['client_id', 'request_uri']);
    await adapter.client.completeInteractiveLogin(await logIn(url, server.user));
    await serves(scene, (await adapter.client.getAccessToken()).accessToken, first.audience, first.scope);
  });

  test('auth0-server-js: a log out revokes the refresh token and ends the session', async () => {
    const application = await addApplication(server, {
      app_type: 'regular_web', token_endpoint_auth_method: 'client_secret_post', allowed_logout_urls: [returnTo],
    });
    const adapter = await loggedIn(sdk(server, application));
    const { client, kept, visitor } = adapter;
    const { refreshToken } = kept();
    const url = await client.logout({ returnTo });
    assert.equal(url.pathname, '/oidc/logout');
    assert.equal(url.searchParams.get('post_logout_redirect_uri'), returnTo);
    assert.equal(kept(), undefined);
    await assert.rejects(client.authClient.getTokenByRefreshToken({ refreshToken }),
      refusedRefresh('invalid_grant', 'Unknown or invalid refresh token.'));

    // Without an ID token as a hint anybody could have sent the browser here, so the person is asked.
    let page = await visitor.follow(url);
    if (page.html) page = await visitor.submit(page, { action: 'accept' });
    assert.equal(page.callback?.href, returnTo, page.html);
    const next = await visitor.follow(await client.startInteractiveLogin());
    assert.equal(new URL(next.url).pathname, '/u/login', 'there is no session');
  });

  test('auth0-server-js: an audience outside the policies is refused, and the session lives on', async () => {
    const { client } = await loggedIn(sdk());
    await assert.rejects(client.getAccessToken({ audience: outside.audience, scope: 'read:c' }),
      refusedRefresh('invalid_target'));
    const got = await client.getAccessToken({ audience: second.audience, scope: 'read:b' });
    await serves(scene, got.accessToken, second.audience, 'read:b');
  });

  test('auth0-server-js: a user who was blocked after the login', async () => {
    const user = await addUser(server);
    const { client } = await loggedIn(sdk(), user);
    await block(server, user);
    await assert.rejects(client.getAccessToken({ audience: second.audience, scope: 'read:b' }),
      refusedRefresh('unauthorized', 'user is blocked'));
  });

  test('auth0-server-js: a code that has expired, or was used before, is no login', async () => {
    for (const [on, wait] of [[hasty, 1_500], [server, 0]]) {
      const { client, transactions } = sdk(on);
      const callback = await logIn(await client.startInteractiveLogin(), on.user);
      const remembered = [...transactions];
      if (wait) await new Promise((resolve) => { setTimeout(resolve, wait); });
      else await client.completeInteractiveLogin(callback);
      // Only the SDK forgets what it has asked for; the server does not rely on it.
      for (const [key, value] of remembered) await transactions.set(key, value);
      await assert.rejects(client.completeInteractiveLogin(callback), (error) => {
        assert.ok(error instanceof TokenByCodeError, error);
        assert.equal(error.cause.error_description, 'Invalid authorization code');
        return error.cause.error === 'invalid_grant';
      });
    }
  });

  test('auth0-server-js: an error in the callback, and a callback nobody waits for', async () => {
    const { client } = sdk(server, server.applications.web, { audience: 'https://nobody.example/' });
    const callback = await logIn(await client.startInteractiveLogin(), server.user);
    const code = callback.searchParams.get('error');
    assert.ok(code, callback.href);
    await assert.rejects(client.completeInteractiveLogin(callback), (error) => {
      assert.ok(error instanceof TokenByCodeError, error);
      return error.cause.error === code;
    });
    await assert.rejects(sdk().client.completeInteractiveLogin(callback), MissingTransactionError);
    await assert.rejects(sdk().client.revokeRefreshToken(), MissingSessionError);
  });
}
