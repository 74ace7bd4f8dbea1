// auth0 (node-auth0) 6, the last version with an authentication client. It speaks https only.

import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { AuthApiError, AuthenticationClient, UserInfoClient, UserInfoError } from 'auth0';
import { createRemoteJWKSet, importPKCS8, jwtVerify, SignJWT } from 'jose';
import { management } from '../server.mjs';
import { addApplication, CONNECTION, stage } from './cast.mjs';
import { errorPaths } from './error_paths.mjs';
import { mailTo } from './mailbox.mjs';
import { serves } from './resource_server.mjs';
import { logIn, Visitor } from './visitor.mjs';

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

  /** An application that signs with a key, registered in two steps as Auth0's dashboard does. */
  async function withKey() {
    const application = await addApplication(server, { app_type: 'regular_web' });
    const call = management(server);
    const { publicKey, privateKey } = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    });
    const { id } = await call('POST', `clients/${application.client_id}/credentials`,
      { credential_type: 'public_key', name: 'key of the judge', pem: publicKey, alg: 'RS256' });
    await call('PATCH', `clients/${application.client_id}`, {
      token_endpoint_auth_method: null,
      client_authentication_methods: { private_key_jwt: { credentials: [{ id }] } },
    });
    const { oauth } = new AuthenticationClient({
      domain: new URL(server.issuer).host, clientId: application.client_id, clientAssertionSigningKey: privateKey,
    });
    return { ...application, privateKey, oauth };
  }

  test('auth0: a signed assertion in place of a secret (private_key_jwt), good once', async () => {
    const { client_id, privateKey, oauth } = await withKey();
    const { begin } = await sdk(server, { client_id, client_secret: 'it has none' });
    const { url, verifier } = await begin({ audience: first.audience, scope: `openid offline_access ${first.scope}` });
    const code = (await logIn(url, server.user)).searchParams.get('code');
    const tokens = await oauth.authorizationCodeGrantWithPKCE({ code, code_verifier: verifier, redirect_uri: server.callback });
    const { data } = await oauth.refreshTokenGrant({ refresh_token: tokens.data.refresh_token, audience: second.audience });
    await serves(scene, data.access_token, second.audience, second.scope);

    // As the SDK signs it, but kept: somebody who has seen it on its way sends it again.
    const client_assertion = await new SignJWT({}).setProtectedHeader({ alg: 'RS256' }).setIssuedAt()
      .setIssuer(client_id).setSubject(client_id).setAudience(server.issuer).setExpirationTime('2mins')
      .setJti(randomBytes(16).toString('hex')).sign(await importPKCS8(privateKey, 'RS256'));
    const again = () => oauth.refreshTokenGrant({
      refresh_token: data.refresh_token, client_assertion,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    });
    assert.ok((await again()).data.access_token);
    const unknown = (error) => error instanceof AuthApiError && error.statusCode === 401 && error.error === 'access_denied';
    await assert.rejects(again(), unknown);
    const { oauth: impostor } = new AuthenticationClient({
      domain: new URL(server.issuer).host, clientId: client_id, clientAssertionSigningKey: (await withKey()).privateKey,
    });
    await assert.rejects(impostor.refreshTokenGrant({ refresh_token: data.refresh_token }), unknown);
  });

  test('auth0: a pushed request', async () => {
    const { client_id, oauth } = await withKey();
    const verifier = randomBytes(32).toString('base64url');
    const request = {
      client_id, response_type: 'code', redirect_uri: server.callback, audience: first.audience,
      scope: `openid ${first.scope}`, code_challenge_method: 'S256',
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    };
    // The SDK writes its assertion into what it is given, and an assertion is good once: so a copy.
    const { data, status } = await oauth.pushedAuthorization({ ...request });
    assert.equal(status, 201);
    assert.ok(data.expires_in > 0);
    const url = new URL('authorize', server.issuer);
    url.search = new URLSearchParams({ client_id, request_uri: data.request_uri });
    const code = (await logIn(url, server.user)).searchParams.get('code');
    const got = await oauth.authorizationCodeGrantWithPKCE({ code, code_verifier: verifier, redirect_uri: server.callback });
    await serves(scene, got.data.access_token, first.audience, first.scope);
    await assert.rejects(oauth.pushedAuthorization({ ...request, redirect_uri: 'https://evil.example/' }),
      (error) => error instanceof AuthApiError && error.statusCode === 400);
  });

  test('auth0: a person signs up, and forgets the password', async () => {
    const { client_id: clientId } = server.applications.spa;
    const { database } = new AuthenticationClient({ domain: new URL(server.issuer).host, clientId });
    const person = { email: `${randomBytes(6).toString('hex')}@example.com`, password: 'a long password of somebody new' };
    const { data } = await database.signUp({ ...person, connection: CONNECTION });
    assert.ok(data.id, 'the SDK finds an id');
    assert.equal(data.email, person.email);
    await assert.rejects(database.signUp({ ...person, connection: CONNECTION }), (error) => {
      assert.ok(error instanceof AuthApiError, error);
      return error.statusCode === 400 && error.error === 'invalid_signup';
    });
    await assert.rejects(database.signUp({ email: 'other@example.com', password: '1', connection: CONNECTION }),
      (error) => error instanceof AuthApiError && error.error === 'invalid_password');
    const adapter = await sdk(server);
    const { url, ...memory } = await adapter.begin({ audience: first.audience, scope: 'openid' });
    assert.ok((await adapter.redeem(await logIn(url, person), memory)).id_token);

    const answered = await database.changePassword({ email: person.email, connection: CONNECTION });
    const nobody = await database.changePassword({ email: 'nobody@example.com', connection: CONNECTION });
    assert.equal(answered.data, nobody.data, 'the answer tells nobody who is known');
    const [link] = await mailTo(server, person.email, /https?:\S+reset-password\S*/);
    const visitor = new Visitor();
    const password = 'another long password of somebody new';
    const page = await visitor.submit(await visitor.follow(link), { password, password_again: password });
    assert.equal(page.status, 200, page.html);
    const { oauth } = await sdk(server);
    const ask = (given) => oauth.passwordGrant({ username: person.email, password: given, scope: 'openid' });
    assert.ok((await ask(password)).data.id_token);
    await assert.rejects(ask(person.password), { error: 'invalid_grant' });
  });

  test('auth0: a code that was mailed, right and wrong', async () => {
    const application = await addApplication(server, {
      app_type: 'regular_web', token_endpoint_auth_method: 'client_secret_post',
      grant_types: ['http://auth0.com/oauth/grant-type/passwordless/otp', 'refresh_token'],
    });
    const { passwordless, oauth } = new AuthenticationClient({
      domain: new URL(server.issuer).host, clientId: application.client_id, clientSecret: application.client_secret,
    });
    const email = `${randomBytes(6).toString('hex')}@example.com`;
    await passwordless.sendEmail({ email, send: 'code' });
    const [code] = await mailTo(server, email, /\b\d{6}\b/);
    const ask = (given) => passwordless.loginWithEmail({
      email, code: given, audience: first.audience, scope: `openid offline_access ${first.scope}`,
    });
    const wrong = code === '000000' ? '111111' : '000000';
    await assert.rejects(ask(wrong), (error) => {
      assert.ok(error instanceof AuthApiError, error);
      assert.equal(error.error_description, 'Wrong email or verification code.');
      return error.error === 'invalid_grant';
    });
    const { data } = await ask(code);
    await serves(scene, data.access_token, first.audience, first.scope);
    const got = await oauth.refreshTokenGrant({ refresh_token: data.refresh_token, audience: second.audience });
    await serves(scene, got.data.access_token, second.audience, second.scope);
    await assert.rejects(ask(code), { error: 'invalid_grant' });
    await assert.rejects(passwordless.sendEmail({ email: 'no address' }),
      (error) => error instanceof AuthApiError && error.statusCode === 400 && error.error === 'bad.email');
    await assert.rejects(passwordless.sendEmail({ email, send: 'link' }), (error) => error instanceof AuthApiError);
  });

  errorPaths('auth0', scene, sdk);
}
