// @auth0/auth0-auth-js, the authentication client that follows the one of node-auth0. https only.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  AuthClient, TokenByClientCredentialsError, TokenByCodeError, TokenByPasswordError, TokenByRefreshTokenError,
} from '@auth0/auth0-auth-js';
import { CONNECTION, stage } from './cast.mjs';
import { errorPaths } from './error_paths.mjs';
import { serves } from './resource_server.mjs';
import { logIn } from './visitor.mjs';

const scene = stage();
const { server } = scene;
const [first, second] = server.apis;

async function sdk(on, application = on.applications.web) {
  const { client_id: clientId, client_secret: clientSecret } = application;
  const client = new AuthClient({
    domain: new URL(on.issuer).host, clientId, clientSecret, authorizationParams: { redirect_uri: on.callback },
  });
  const snake = ({ accessToken, refreshToken, idToken, ...rest }) => ({
    ...rest, access_token: accessToken, refresh_token: refreshToken, id_token: idToken,
  });
  return {
    client,
    readsCallback: true,
    async begin(authorizationParams) {
      const { authorizationUrl, codeVerifier } = await client.buildAuthorizationUrl({ authorizationParams });
      return { url: authorizationUrl, verifier: codeVerifier };
    },
    async redeem(callback, { verifier, redirectUri }) {
      const url = redirectUri ? new URL(redirectUri + callback.search) : callback;
      return snake(await client.getTokenByCode(url, { codeVerifier: verifier }));
    },
    refresh: async (refreshToken, more) => snake(await client.getTokenByRefreshToken({ refreshToken, ...more })),
    revoke: (token) => client.revokeToken({ token, tokenTypeHint: 'refresh_token' }),
    refused(error, { error: code, description, status }) {
      assert.ok(error instanceof TokenByCodeError || error instanceof TokenByRefreshTokenError, error);
      assert.equal(error.cause.error, code);
      if (status && error.statusCode) assert.equal(error.statusCode, status);
      if (description) assert.equal(error.cause.error_description, description);
    },
  };
}

async function loggedIn(adapter) {
  const scope = `openid profile email offline_access ${first.scope}`;
  const { url, ...memory } = await adapter.begin({ audience: first.audience, scope });
  return adapter.redeem(await logIn(url, server.user), memory);
}

if (scene.transport === 'https') {
  test('auth0-auth-js: a login, and a token for the other API', async () => {
    const adapter = await sdk(server);
    const tokens = await loggedIn(adapter);
    assert.equal(tokens.claims.email, server.user.email);
    await serves(scene, tokens.access_token, first.audience, first.scope);
    const got = await adapter.refresh(tokens.refresh_token, { audience: second.audience, scope: 'read:b' });
    assert.equal(got.scope, 'read:b');
    await serves(scene, got.access_token, second.audience, 'read:b');
    const who = await adapter.client.getUserInfo({ accessToken: tokens.access_token, expectedSubject: tokens.claims.sub });
    assert.equal(who.email, server.user.email);
  });

  test('auth0-auth-js: client credentials', async () => {
    const { client } = await sdk(server, server.applications.machine);
    const got = await client.getTokenByClientCredentials({ audience: first.audience });
    await serves(scene, got.accessToken, first.audience, 'read:a');
    await assert.rejects(client.getTokenByClientCredentials({ audience: second.audience }),
      (error) => error instanceof TokenByClientCredentialsError && error.cause.error === 'access_denied');
  });

  test('auth0-auth-js: a password, right and wrong', async () => {
    const { client } = await sdk(server);
    const ask = (password) => client.getTokenByPassword({
      username: server.user.email, password, audience: first.audience, scope: 'openid offline_access read:a',
      realm: CONNECTION, auth0ForwardedFor: '192.0.2.7',
    });
    await serves(scene, (await ask(server.user.password)).accessToken, first.audience, 'read:a');
    await assert.rejects(ask('wrong'), (error) => {
      assert.ok(error instanceof TokenByPasswordError);
      assert.equal(error.cause.error_description, 'Wrong email or password.');
      return error.cause.error === 'invalid_grant';
    });
  });

  errorPaths('auth0-auth-js', scene, sdk);
}
