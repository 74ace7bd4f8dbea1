// auth0 (node-auth0) 6, the last version with an authentication client. It speaks https only.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { AuthApiError, AuthenticationClient, UserInfoClient, UserInfoError } from 'auth0';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { CONNECTION, stage } from './cast.mjs';
import { errorPaths } from './error_paths.mjs';
import { serves } from './resource_server.mjs';
import { logIn } from './visitor.mjs';

const scene = stage();
const { server } = scene;
const [first, second] = server.apis;

async function sdk(on, application = on.applications.web) {
  const { client_id: clientId, client_secret: clientSecret } = application;
  const { oauth } = new AuthenticationClient({ domain: new URL(on.issuer).host, clientId, clientSecret });
  return {
    oauth,
    // This SDK builds no authorize URL.
    async begin({ audience, scope }) {
      const verifier = randomBytes(32).toString('base64url');
      const url = new URL('authorize', on.issuer);
      url.search = new URLSearchParams({
        response_type: 'code', client_id: clientId, redirect_uri: on.callback, audience, scope,
        code_challenge: createHash('sha256').update(verifier).digest('base64url'),
        code_challenge_method: 'S256',
      });
      return { url, verifier, redirectUri: on.callback };
    },
    async redeem(callback, { verifier, redirectUri }) {
      const { data } = await oauth.authorizationCodeGrantWithPKCE({
        code: callback.searchParams.get('code'), code_verifier: verifier, redirect_uri: redirectUri,
      });
      return data;
    },
    async refresh(token, more) {
      return (await oauth.refreshTokenGrant({ refresh_token: token, ...more })).data;
    },
    revoke: (token) => oauth.revokeRefreshToken({ token }),
    refused(error, { error: code, description, status }) {
      assert.ok(error instanceof AuthApiError, error);
      assert.equal(error.error, code);
      assert.equal(error.statusCode, status);
      if (description) assert.equal(error.error_description, description);
    },
  };
}

async function loggedIn(adapter) {
  const scope = `openid profile email offline_access ${first.scope}`;
  const { url, ...memory } = await adapter.begin({ audience: first.audience, scope });
  return adapter.redeem(await logIn(url, server.user), memory);
}

const passwords = (oauth, more) => oauth.passwordGrant({
  username: server.user.email, password: server.user.password, audience: first.audience,
  scope: `openid offline_access ${first.scope}`, ...more,
});

if (scene.transport === 'https') {
  test('auth0: a login, and a token for the other API', async () => {
    const adapter = await sdk(server);
    const tokens = await loggedIn(adapter);
    await serves(scene, tokens.access_token, first.audience, first.scope);
    const got = await adapter.refresh(tokens.refresh_token, { audience: second.audience, scope: 'openid read:b' });
    assert.equal(got.scope, 'openid read:b');
    await serves(scene, got.access_token, second.audience, 'read:b');

    const keys = createRemoteJWKSet(new URL('.well-known/jwks.json', server.issuer));
    const { payload, protectedHeader } = await jwtVerify(got.id_token, keys,
      { issuer: server.issuer, audience: server.applications.web.client_id });
    assert.equal(protectedHeader.alg, 'RS256');
    assert.equal(payload.nonce, undefined);
    assert.equal((await adapter.oauth.revokeRefreshToken({ token: got.refresh_token })).status, 200);
  });

  test('auth0: client credentials', async () => {
    const { oauth } = await sdk(server, server.applications.machine);
    const { data } = await oauth.clientCredentialsGrant({ audience: first.audience });
    await serves(scene, data.access_token, first.audience, 'read:a');
    await assert.rejects(oauth.clientCredentialsGrant({ audience: second.audience }), (error) => {
      assert.ok(error instanceof AuthApiError);
      return error.error === 'access_denied' && error.statusCode === 403;
    });
  });

  test('auth0: the password grant, with and without a realm', async () => {
    const { oauth } = await sdk(server);
    for (const more of [{}, { realm: CONNECTION }]) {
      const { data } = await passwords(oauth, more);
      assert.ok(data.id_token && data.refresh_token);
      await serves(scene, data.access_token, first.audience, first.scope);
      await assert.rejects(passwords(oauth, { ...more, password: 'wrong' }), (error) => {
        assert.ok(error instanceof AuthApiError);
        assert.equal(error.error_description, 'Wrong email or password.');
        return error.error === 'invalid_grant';
      });
    }
  });

  test('auth0: userinfo', async () => {
    const { access_token } = await loggedIn(await sdk(server));
    const client = new UserInfoClient({ domain: new URL(server.issuer).host });
    const { data } = await client.getUserInfo(access_token);
    assert.equal(data.email, server.user.email);
    await assert.rejects(client.getUserInfo('not a token'), (error) => {
      assert.ok(error instanceof UserInfoError, error);
      return error.statusCode === 401;
    });
  });

  errorPaths('auth0', scene, sdk);
}
