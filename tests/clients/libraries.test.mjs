// Tokens as the libraries see them that APIs and server-side applications use.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createRemoteJWKSet, exportSPKI, generateKeyPair, jwtVerify } from 'jose';
import * as client from 'openid-client';
import { management, startDoorward } from './server.mjs';

let doorward;
before(async () => { doorward = await startDoorward(); });
after(() => doorward?.stop());

/** A browser without the browser: follows redirects and keeps cookies, by hand. */
class Visitor {
  cookies = new Map();

  async go(url, options = {}) {
    const headers = { ...options.headers, Cookie: [...this.cookies].map((pair) => pair.join('=')).join('; ') };
    const response = await fetch(url, { ...options, headers, redirect: 'manual' });
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
      if (/max-age=0\b/i.test(line)) this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
    const location = response.headers.get('location');
    return { response, next: location && new URL(location, url) };
  }

  /** From the authorize URL through the login form to the callback. */
  async logIn(url, redirectUri, { email, password }) {
    let { response, next } = await this.go(url);
    for (let hop = 0; hop < 10; hop += 1) {
      if (next?.href.startsWith(redirectUri)) return next;
      if (next) {
        url = next;
        ({ response, next } = await this.go(url));
        continue;
      }
      const html = await response.text();
      assert.equal(response.status, 200, html);
      const state = /name="state" value="([^"]*)"/.exec(html)?.[1];
      assert.ok(state, `a login form: ${html}`);
      ({ response, next } = await this.go(new URL('/u/login', url), {
        method: 'POST',
        body: new URLSearchParams({ state, username: email, password, action: 'default' }),
      }));
    }
    throw new Error('too many redirects');
  }
}

async function discover(clientId, secret) {
  return authenticatingBy(clientId, secret ? client.ClientSecretPost(secret) : client.None());
}

async function authenticatingBy(clientId, authentication) {
  return client.discovery(new URL(doorward.issuer), clientId, undefined, authentication,
    { execute: [client.allowInsecureRequests] });
}

async function codeFlow(config, redirectUri, audience, scope) {
  const verifier = client.randomPKCECodeVerifier();
  const expectedState = client.randomState();
  const expectedNonce = client.randomNonce();
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: redirectUri,
    scope,
    audience,
    state: expectedState,
    nonce: expectedNonce,
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  });
  const callback = await new Visitor().logIn(url, redirectUri, doorward.user);
  return client.authorizationCodeGrant(config, callback,
    { pkceCodeVerifier: verifier, expectedState, expectedNonce, idTokenExpected: true });
}

test('openid-client logs in, and refreshes for every API; jose verifies every token', async () => {
  const { apis, demo_client_id, demo_url, issuer } = doorward;
  const config = await discover(demo_client_id);
  const keys = createRemoteJWKSet(new URL(config.serverMetadata().jwks_uri));
  const [first] = apis;
  const tokens = await codeFlow(config, demo_url, first.audience,
    `openid profile email offline_access ${first.scope}`);
  assert.equal(tokens.claims().email, doorward.user.email);

  await jwtVerify(tokens.id_token, keys, { issuer, audience: demo_client_id, algorithms: ['RS256'] });
  await jwtVerify(tokens.access_token, keys, { issuer, audience: first.audience, algorithms: ['RS256'] });

  let refreshToken = tokens.refresh_token;
  for (const api of [...apis].reverse()) {
    const got = await client.refreshTokenGrant(config, refreshToken, { audience: api.audience });
    assert.notEqual(got.refresh_token, refreshToken, 'it rotates');
    refreshToken = got.refresh_token;
    const options = { issuer, audience: api.audience, algorithms: ['RS256'] };
    const { payload, protectedHeader } = await jwtVerify(got.access_token, keys, options);
    assert.ok(protectedHeader.kid);
    for (const scope of api.scope.split(' ')) assert.ok(payload.scope.split(' ').includes(scope));
    for (const other of apis.filter((one) => one !== api)) {
      await assert.rejects(jwtVerify(got.access_token, keys, { ...options, audience: other.audience }),
        { code: 'ERR_JWT_CLAIM_VALIDATION_FAILED' });
    }
    await jwtVerify(got.id_token, keys, { issuer, audience: demo_client_id });
  }

  const who = await client.fetchUserInfo(config, tokens.access_token, tokens.claims().sub);
  assert.equal(who.email, doorward.user.email);
});

test('an audience outside the policies is refused, and that costs nothing', async () => {
  const { apis, demo_client_id, demo_url } = doorward;
  const config = await discover(demo_client_id);
  const tokens = await codeFlow(config, demo_url, apis[0].audience, 'openid offline_access');
  await assert.rejects(
    client.refreshTokenGrant(config, tokens.refresh_token, { audience: 'https://nobody.example/' }),
    { error: 'invalid_target' });
  const got = await client.refreshTokenGrant(config, tokens.refresh_token);
  assert.ok(got.access_token);
});

test('a code works once, and only with its verifier', async () => {
  const { apis, demo_client_id, demo_url } = doorward;
  const config = await discover(demo_client_id);
  const verifier = client.randomPKCECodeVerifier();
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: demo_url,
    scope: 'openid',
    audience: apis[0].audience,
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  });
  const callback = await new Visitor().logIn(url, demo_url, doorward.user);
  const redeem = (pkceCodeVerifier) => client.authorizationCodeGrant(config, callback, { pkceCodeVerifier });
  await assert.rejects(redeem(client.randomPKCECodeVerifier()), { error: 'invalid_grant' });
  // The refused attempt consumed nothing: who only stole the code cannot spoil the login.
  assert.ok((await redeem(verifier)).access_token);
  await assert.rejects(redeem(verifier), { error: 'invalid_grant' });
});

test('a confidential application with a secret logs in the same way', async () => {
  const { apis, issuer } = doorward;
  const redirectUri = 'http://127.0.0.1:9/callback';
  const created = await management(doorward)('POST', 'clients', {
    name: 'Server-side application',
    app_type: 'regular_web',
    token_endpoint_auth_method: 'client_secret_post',
    callbacks: [redirectUri],
    grant_types: ['authorization_code', 'refresh_token'],
  });
  const config = await discover(created.client_id, created.client_secret);
  const tokens = await codeFlow(config, redirectUri, apis[0].audience, 'openid offline_access');
  assert.equal(tokens.claims().iss, issuer);
  const got = await client.refreshTokenGrant(config, tokens.refresh_token);
  assert.ok(got.access_token);

  const impostor = await discover(created.client_id, 'not the secret');
  await assert.rejects(client.refreshTokenGrant(impostor, got.refresh_token), { error: 'invalid_client' });
});

const REDIRECT_URI = 'http://127.0.0.1:9/callback';

/** A server-side application that may log people in, with more of its own. */
function application(more) {
  return management(doorward)('POST', 'clients', {
    name: 'Server-side application',
    app_type: 'regular_web',
    callbacks: [REDIRECT_URI],
    grant_types: ['authorization_code', 'refresh_token'],
    ...more,
  });
}

async function keyPair(algorithm) {
  const pair = await generateKeyPair(algorithm, { extractable: true });
  return { privateKey: pair.privateKey, pem: await exportSPKI(pair.publicKey) };
}

for (const alg of ['RS256', 'PS256', 'ES256']) {
  test(`an application that signs with its own key (private_key_jwt, ${alg}) logs in and refreshes`, async () => {
    const { privateKey, pem } = await keyPair(alg);
    const credential = { credential_type: 'public_key', name: 'key of the test', pem, alg };
    const created = await application({
      client_authentication_methods: { private_key_jwt: { credentials: [credential] } },
    });
    assert.equal(created.client_secret, undefined, 'there is no secret to steal');
    const config = await authenticatingBy(created.client_id, client.PrivateKeyJwt(privateKey));
    const tokens = await codeFlow(config, REDIRECT_URI, doorward.apis[0].audience, 'openid offline_access');
    const got = await client.refreshTokenGrant(config, tokens.refresh_token);
    assert.ok((await client.tokenIntrospection(config, got.access_token)).active);
    await client.tokenRevocation(config, got.refresh_token);

    const [{ kid }] = await management(doorward)('GET', `clients/${created.client_id}/credentials`);
    const named = await authenticatingBy(created.client_id, client.PrivateKeyJwt({ key: privateKey, kid }));
    await assert.rejects(client.refreshTokenGrant(named, got.refresh_token), { error: 'invalid_grant' });

    const stolen = await authenticatingBy(created.client_id,
      client.PrivateKeyJwt((await keyPair(alg)).privateKey));
    await assert.rejects(client.refreshTokenGrant(stolen, got.refresh_token), { error: 'invalid_client' });
  });
}

test('an application that signs with its secret (client_secret_jwt) logs in and refreshes', async () => {
  const { client_id: id, client_secret: secret } =
    await application({ token_endpoint_auth_method: 'client_secret_basic' });
  const config = await authenticatingBy(id, client.ClientSecretJwt(secret));
  const tokens = await codeFlow(config, REDIRECT_URI, doorward.apis[0].audience, 'openid offline_access');
  assert.ok((await client.refreshTokenGrant(config, tokens.refresh_token)).access_token);
  const impostor = await authenticatingBy(id, client.ClientSecretJwt('another secret, long enough to sign with'));
  await assert.rejects(client.refreshTokenGrant(impostor, tokens.refresh_token), { error: 'invalid_client' });
});

test('an application that must push its requests does, and nobody else can', async () => {
  const { privateKey, pem } = await keyPair('RS256');
  const created = await application({
    require_pushed_authorization_requests: true,
    client_authentication_methods: {
      private_key_jwt: { credentials: [{ credential_type: 'public_key', pem }] },
    },
  });
  const config = await authenticatingBy(created.client_id, client.PrivateKeyJwt(privateKey));
  const verifier = client.randomPKCECodeVerifier();
  const expectedState = client.randomState();
  const request = {
    redirect_uri: REDIRECT_URI,
    scope: 'openid offline_access',
    audience: doorward.apis[0].audience,
    state: expectedState,
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  };
  const url = await client.buildAuthorizationUrlWithPAR(config, request);
  assert.deepEqual([...url.searchParams.keys()].sort(), ['client_id', 'request_uri']);
  const callback = await new Visitor().logIn(url, REDIRECT_URI, doorward.user);
  const tokens = await client.authorizationCodeGrant(config, callback,
    { pkceCodeVerifier: verifier, expectedState, idTokenExpected: true });
  assert.ok(tokens.refresh_token);

  const { response } = await new Visitor().go(url);
  assert.equal(response.status, 400, 'a request_uri is good once');
  const { next } = await new Visitor().go(client.buildAuthorizationUrl(config, request));
  assert.equal(next.searchParams.get('error'), 'invalid_request');
  await assert.rejects(
    client.buildAuthorizationUrlWithPAR(config, { ...request, redirect_uri: 'https://evil.example/' }),
    { error: 'invalid_request' });
});
