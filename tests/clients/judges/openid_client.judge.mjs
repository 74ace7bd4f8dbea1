// openid-client 6, the library for standards, and jose.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import * as client from 'openid-client';
import { stage } from './cast.mjs';
import { errorPaths } from './error_paths.mjs';
import { serves } from './resource_server.mjs';
import { logIn } from './visitor.mjs';

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

errorPaths('openid-client', scene, sdk);
