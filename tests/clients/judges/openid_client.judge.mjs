// openid-client 6, the library for standards, and jose.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import * as client from 'openid-client';
import { addApplication, stage } from './cast.mjs';
import { errorPaths } from './error_paths.mjs';
import { serves } from './resource_server.mjs';
import { logIn, Visitor } from './visitor.mjs';

const scene = stage();
const { server } = scene;
const [first, second] = server.apis;
const secure = scene.transport === 'https';

function discover({ issuer, callback }, { client_id, client_secret }, authentication = client.ClientSecretPost, more = {}) {
  const prove = client_secret && authentication ? authentication(client_secret) : client.None();
  const execute = secure ? [] : [client.allowInsecureRequests];
  return client.discovery(new URL(issuer), client_id, { redirect_uris: [callback], ...more }, prove, { execute });
}

async function sdk(on, application = on.applications.web, authentication = undefined, more = undefined) {
  const config = await discover(on, application, authentication, more);
  return {
    config,
    readsCallback: true,
    async begin({ audience, scope }) {
      const verifier = client.randomPKCECodeVerifier();
      const [state, nonce] = [client.randomState(), client.randomNonce()];
      const url = client.buildAuthorizationUrl(config, {
        redirect_uri: on.callback, scope, audience, state, nonce,
        code_challenge: await client.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
      });
      return { url, verifier, state, nonce };
    },
    redeem(callback, { verifier, state, nonce, redirectUri }) {
      const url = redirectUri ? new URL(redirectUri + callback.search) : callback;
      return client.authorizationCodeGrant(config, url,
        { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true });
    },
    refresh: (token, more) => client.refreshTokenGrant(config, token, more),
    revoke: (token) => client.tokenRevocation(config, token),
    refused(error, { error: code, description, status }) {
      if (error instanceof client.AuthorizationResponseError) return assert.equal(error.error, code);
      assert.ok(error instanceof client.ResponseBodyError, error);
      assert.equal(error.error, code);
      assert.equal(error.status, status);
      if (description) assert.equal(error.error_description, description);
    },
  };
}

async function loggedIn(adapter, scope = `openid profile email offline_access ${first.scope}`, user = server.user) {
  const { url, ...memory } = await adapter.begin({ audience: first.audience, scope });
  return adapter.redeem(await logIn(url, user), memory);
}

test('openid-client: one login, tokens for every API, verified by jose and by the APIs', async () => {
  const { client_id } = server.applications.native;
  const adapter = await sdk(server, server.applications.native, null);
  const { config } = adapter;
  const tokens = await loggedIn(adapter);
  const keys = createRemoteJWKSet(new URL(config.serverMetadata().jwks_uri));
  const idToken = { issuer: server.issuer, audience: client_id, algorithms: ['RS256'] };
  assert.equal((await jwtVerify(tokens.id_token, keys, idToken)).payload.email, server.user.email);
  await serves(scene, tokens.access_token, first.audience, first.scope);

  let { refresh_token } = tokens;
  for (const api of [second, first, second]) {
    const got = await adapter.refresh(refresh_token, { audience: api.audience });
    assert.notEqual(got.refresh_token, refresh_token, 'it rotates');
    refresh_token = got.refresh_token;
    await serves(scene, got.access_token, api.audience, api.scope);
    assert.equal((await jwtVerify(got.id_token, keys, idToken)).payload.nonce, undefined);
  }
  const who = await client.fetchUserInfo(config, tokens.access_token, tokens.claims().sub);
  assert.equal(who.email, server.user.email);
});

test('openid-client: the secret in the header, with its special characters encoded', async () => {
  const adapter = await sdk(server, server.applications.web, client.ClientSecretBasic);
  const { refresh_token } = await loggedIn(adapter);
  assert.ok((await adapter.refresh(refresh_token)).access_token);
});

test('openid-client: `resource` (RFC 8707) names the API; two of them, or another audience, do not', async () => {
  const adapter = await sdk(server);
  const { refresh_token } = await loggedIn(adapter);
  const got = await adapter.refresh(refresh_token, { resource: second.audience });
  assert.equal(got.resource, second.audience);
  await serves(scene, got.access_token, second.audience, second.scope);
  const conflict = { audience: first.audience, resource: second.audience };
  await assert.rejects(adapter.refresh(got.refresh_token, conflict), { error: 'invalid_request' });
  const both = new URLSearchParams([['resource', first.audience], ['resource', second.audience]]);
  await assert.rejects(adapter.refresh(got.refresh_token, both), { error: 'invalid_request' });
  assert.ok((await adapter.refresh(got.refresh_token)).access_token, 'the refusals cost nothing');
});

test('openid-client: client credentials', async () => {
  const { config } = await sdk(server, server.applications.machine);
  const got = await client.clientCredentialsGrant(config, { audience: first.audience });
  assert.equal(got.scope, 'read:a');
  assert.equal(got.refresh_token, undefined);
  await serves(scene, got.access_token, first.audience, 'read:a');
});

test('openid-client: introspection', async () => {
  const { config, ...adapter } = await sdk(server);
  const tokens = await loggedIn(adapter);
  assert.equal((await client.tokenIntrospection(config, tokens.refresh_token)).active, true);
  await adapter.revoke(tokens.refresh_token);
  assert.equal((await client.tokenIntrospection(config, tokens.refresh_token)).active, false);
});

test('openid-client: a person who declines consent', async () => {
  const adapter = await sdk(server, server.applications.stranger);
  const { url, ...memory } = await adapter.begin({ audience: first.audience, scope: 'openid' });
  const callback = await logIn(url, server.user, { consent: 'decline' });
  await assert.rejects(adapter.redeem(callback, memory), (error) => {
    assert.ok(error instanceof client.AuthorizationResponseError, error);
    return error.error === 'access_denied';
  });
});

test('openid-client: a clock that is far off is an error, one that is a little off is not', async () => {
  for (const [skew, passes] of [[20, true], [-20, true], [7 * 86_400, false]]) {
    const clock = { [client.clockSkew]: skew, [client.clockTolerance]: 30 };
    const adapter = await sdk(server, server.applications.web, undefined, clock);
    const attempt = loggedIn(adapter);
    if (passes) assert.ok((await attempt).access_token);
    else await assert.rejects(attempt, { code: 'OAUTH_JWT_TIMESTAMP_CHECK_FAILED' }, `${skew} s`);
  }
});

test('openid-client: a pushed request, good once', async () => {
  const { config } = await sdk(server);
  const verifier = client.randomPKCECodeVerifier();
  const [expectedState, expectedNonce] = [client.randomState(), client.randomNonce()];
  const url = await client.buildAuthorizationUrlWithPAR(config, {
    redirect_uri: server.callback, scope: `openid ${first.scope}`, audience: first.audience,
    state: expectedState, nonce: expectedNonce,
    code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
  });
  const got = await client.authorizationCodeGrant(config, await logIn(url, server.user),
    { pkceCodeVerifier: verifier, expectedState, expectedNonce, idTokenExpected: true });
  await serves(scene, got.access_token, first.audience, first.scope);
  const { status } = await new Visitor().follow(url);
  assert.equal(status, 400);
});

const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code';

for (const [action, does] of [['confirm', 'logs in'], ['decline', 'is refused']]) {
  test(`openid-client: a device ${does} when the person presses ${action}`, async () => {
    const tv = await addApplication(server, {
      app_type: 'native', token_endpoint_auth_method: 'none', grant_types: [DEVICE, 'refresh_token'],
    });
    const { config, refresh } = await sdk(server, { client_id: tv.client_id });
    const device = await client.initiateDeviceAuthorization(config, {
      scope: `openid offline_access ${first.scope}`, audience: first.audience,
    });
    // The poll waits as long as it was told before it asks for the first time.
    const polled = client.pollDeviceAuthorizationGrant(config, { ...device, interval: 1 })
      .catch((error) => error);
    const visitor = new Visitor();
    let page = await visitor.visit(device.verification_uri_complete, server.user);
    for (let step = 0; step < 3 && !/action="\/activate\/confirm"/.test(page.html); step += 1) {
      page = await visitor.submit(page, /action="\/u\/login"/.test(page.html)
        ? { username: server.user.email, password: server.user.password, action: 'default' } : { user_code: device.user_code });
    }
    await visitor.submit(page, { action });
    const tokens = await polled;
    if (action === 'decline') {
      assert.ok(tokens instanceof client.ResponseBodyError, tokens);
      assert.equal(tokens.error, 'access_denied');
      return;
    }
    assert.ok(tokens.access_token, tokens);
    await serves(scene, tokens.access_token, first.audience, first.scope);
    const got = await refresh(tokens.refresh_token, { audience: second.audience });
    await serves(scene, got.access_token, second.audience, second.scope);
  });
}

test('openid-client: a log out with the ID token as a hint returns at once, with the state', async () => {
  const returnTo = 'http://127.0.0.1:9/bye';
  const application = await addApplication(server, {
    app_type: 'regular_web', token_endpoint_auth_method: 'client_secret_post', allowed_logout_urls: [returnTo],
  });
  const adapter = await sdk(server, application);
  const visitor = new Visitor();
  const begin = () => adapter.begin({ audience: first.audience, scope: 'openid' });
  const { url, ...memory } = await begin();
  const { callback } = await visitor.visit(url, server.user);
  const { id_token: hint } = await adapter.redeem(callback, memory);
  const logout = (more) => client.buildEndSessionUrl(adapter.config,
    { post_logout_redirect_uri: returnTo, id_token_hint: hint, state: 'of the application', ...more });

  const elsewhere = await visitor.follow(logout({ post_logout_redirect_uri: 'http://127.0.0.1:9/elsewhere' }));
  assert.equal(elsewhere.callback, undefined);
  assert.ok((await visitor.follow((await begin()).url)).callback, 'the session stays');

  const { callback: back } = await visitor.follow(logout());
  assert.equal(back?.href, `${returnTo}?state=of+the+application`);
  const page = await visitor.follow((await begin()).url);
  assert.equal(new URL(page.url).pathname, '/u/login');
});

errorPaths('openid-client', scene, sdk);
