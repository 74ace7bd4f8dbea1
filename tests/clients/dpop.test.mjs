// Tokens that are bound to a key of the application (RFC 9449): the unmodified Auth0 SDK for
// single-page applications with `useDpop`, and openid-client.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, before, describe, test } from 'node:test';
import { calculateJwkThumbprint, decodeJwt, exportJWK } from 'jose';
import * as client from 'openid-client';
import { freshPage, launch, logIn, needsBrowser } from './browser.mjs';
import { management, startApplication, startDoorward } from './server.mjs';

const SDK = createRequire(import.meta.url)
  .resolve('@auth0/auth0-spa-js/dist/auth0-spa-js.production.js');

let doorward;
let call;
let application;
let browser;
let clientId;

before(async () => {
  doorward = await startDoorward();
  call = management(doorward);
  application = await startApplication(
    '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><script src="/sdk.js"></script>',
    { '/sdk.js': SDK });
  const created = await call('POST', 'clients', {
    name: 'Application with a key',
    app_type: 'spa',
    token_endpoint_auth_method: 'none',
    require_proof_of_possession: true,
    grant_types: ['authorization_code', 'refresh_token'],
    callbacks: [application.origin, 'http://127.0.0.1:9/callback'],
    web_origins: [application.origin],
    refresh_token: {
      rotation_type: 'rotating',
      expiration_type: 'expiring',
      leeway: 10,
      policies: doorward.apis.map(({ audience, scope }) => ({ audience, scope: scope.split(' ') })),
    },
  });
  clientId = created.client_id;
  if (!needsBrowser.skip) browser = await launch();
});
after(async () => {
  await browser?.close();
  await application?.stop();
  await doorward?.stop();
});

function options(cache) {
  const [first] = doorward.apis;
  const scope = { default: `openid profile email offline_access ${first.scope}` };
  for (const api of doorward.apis) scope[api.audience] = `openid profile email offline_access ${api.scope}`;
  return {
    domain: doorward.issuer.replace(/\/$/, ''),
    clientId,
    useDpop: true,
    useRefreshTokens: true,
    useMrrt: true,
    ...cache,
    authorizationParams: { redirect_uri: application.origin, audience: first.audience, scope },
  };
}

/** A logged-in page; `page.answers` are the status, body and nonce of each token request. */
async function loggedInPage(cache) {
  const page = await freshPage(browser);
  page.answers = [];
  page.context().on('response', async (response) => {
    const request = response.request();
    if (request.method() !== 'POST' || request.url() !== `${doorward.issuer}oauth/token`) return;
    const [, claims] = request.headers().dpop.split('.');
    page.answers.push({
      status: response.status(),
      form: Object.fromEntries(new URLSearchParams(request.postData() ?? '')),
      proof: JSON.parse(Buffer.from(claims, 'base64url')),
    });
  });
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (url.pathname === '/authorize') page.dpopJkt = url.searchParams.get('dpop_jkt');
  });
  await page.goto(application.origin);
  await page.evaluate((config) => new auth0.Auth0Client(config).loginWithRedirect(), options(cache))
    .catch((error) => { if (!/destroyed|navigat/i.test(error.message)) throw error; });
  await logIn(page, doorward.user);
  await page.waitForURL(/[?&]code=/);
  await page.evaluate(async (config) => {
    window.client = new auth0.Auth0Client(config);
    await client.handleRedirectCallback();
    history.replaceState(null, '', '/');
  }, options(cache));
  return page;
}

function getToken(page, audience, more = {}) {
  return page.evaluate(([wanted, rest]) => client.getTokenSilently({
    ...rest, detailedResponse: true, authorizationParams: { audience: wanted },
  }), [audience, more]);
}

for (const [mode, cache] of [
  ['tokens in local storage', { cacheLocation: 'localstorage' }],
  ['tokens in a worker, the default', {}],
]) {
  describe(`auth0-spa-js with useDpop and ${mode}`, needsBrowser, () => {
    test('the login survives the nonce, and every API gets a token bound to the key', needsBrowser, async () => {
      const page = await loggedInPage(cache);
      const [first, second] = doorward.apis;
      assert.match(page.dpopJkt, /^[\w-]{43}$/);
      const [challenged, retried, ...others] = page.answers;
      assert.deepEqual([challenged.status, retried.status, others.length], [400, 200, 0]);
      assert.equal(challenged.form.code, retried.form.code, 'the same code');
      assert.equal(challenged.proof.nonce, undefined);
      assert.ok(retried.proof.nonce);

      for (const [api, more] of [
        [first, {}],
        [second, {}],
        [first, { cacheMode: 'off' }],
        [second, { cacheMode: 'off' }],
      ]) {
        const got = await getToken(page, api.audience, more);
        const claims = decodeJwt(got.access_token);
        assert.equal([claims.aud].flat()[0], api.audience);
        assert.deepEqual(claims.cnf, { jkt: page.dpopJkt });
      }
      const refreshes = page.answers.slice(2);
      assert.deepEqual(refreshes.map(({ status }) => status), [200, 200, 200], 'no second challenge');
      assert.equal((await getToken(page, second.audience, { cacheMode: 'off' })).token_type, 'DPoP');
      await page.context().close();
    });
  });
}

test('auth0-spa-js: the fetcher reads /userinfo, after one challenge', needsBrowser, async () => {
  const page = await loggedInPage({ cacheLocation: 'localstorage' });
  const statuses = [];
  page.on('response', (response) => {
    if (response.url().endsWith('/userinfo') && response.request().method() === 'GET') {
      statuses.push(response.status());
    }
  });
  const read = () => page.evaluate(async (baseUrl) => {
    window.fetcher ??= client.createFetcher({ dpopNonceId: 'userinfo', baseUrl });
    const response = await fetcher.fetchWithAuth('/userinfo');
    return response.json();
  }, doorward.issuer);
  assert.equal((await read()).email, doorward.user.email);
  assert.equal((await read()).email, doorward.user.email);
  assert.deepEqual(statuses, [401, 200, 200]);
  await page.context().close();
});

test('auth0-spa-js: a stolen refresh token is of no use, and its owner goes on', needsBrowser, async () => {
  const page = await loggedInPage({ cacheLocation: 'localstorage' });
  const stolen = await page.evaluate(() => Object.values(localStorage)
    .map((text) => /"refresh_token":"([^"]+)"/.exec(text)?.[1]).find(Boolean));
  const form = { grant_type: 'refresh_token', client_id: clientId, refresh_token: stolen };
  const answer = await fetch(`${doorward.issuer}oauth/token`, { method: 'POST', body: new URLSearchParams(form) });
  assert.equal((await answer.json()).error, 'invalid_grant');
  assert.ok((await getToken(page, doorward.apis[1].audience)).access_token);
  await page.context().close();
});

/** From the authorize URL through the login form to the callback, by hand. */
async function callback(url, redirectUri) {
  const cookies = new Map();
  const go = async (to, init = {}) => {
    const headers = { Cookie: [...cookies].map((pair) => pair.join('=')).join('; ') };
    const response = await fetch(to, { ...init, headers, redirect: 'manual' });
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
      cookies.set(name, value);
    }
    const location = response.headers.get('location');
    return { response, next: location && new URL(location, to) };
  };
  let { response, next } = await go(url);
  for (let hop = 0; hop < 10; hop += 1) {
    if (next?.href.startsWith(redirectUri)) return next;
    if (next) {
      ({ response, next } = await go(next));
      continue;
    }
    const state = /name="state" value="([^"]*)"/.exec(await response.text())?.[1];
    const { email, password } = doorward.user;
    const body = new URLSearchParams({ state, username: email, password, action: 'default' });
    ({ response, next } = await go(new URL('u/login', doorward.issuer), { method: 'POST', body }));
  }
  throw new Error('too many redirects');
}

test('openid-client with DPoP logs in, refreshes for every API and reads /userinfo', async () => {
  const redirectUri = 'http://127.0.0.1:9/callback';
  const config = await client.discovery(new URL(doorward.issuer), clientId, undefined, client.None(),
    { execute: [client.allowInsecureRequests] });
  assert.ok(config.serverMetadata().dpop_signing_alg_values_supported.includes('ES256'));
  const keys = await client.randomDPoPKeyPair('ES256', { extractable: true });
  const DPoP = client.getDPoPHandle(config, keys);
  const thumbprint = await DPoP.calculateThumbprint();
  assert.equal(thumbprint, await calculateJwkThumbprint(await exportJWK(keys.publicKey)));

  const verifier = client.randomPKCECodeVerifier();
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: redirectUri,
    scope: `openid profile email offline_access ${doorward.apis[0].scope}`,
    audience: doorward.apis[0].audience,
    dpop_jkt: thumbprint,
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  });
  const current = await callback(url, redirectUri);
  const checks = { pkceCodeVerifier: verifier, idTokenExpected: true };
  const tokens = await client.authorizationCodeGrant(config, current, checks, undefined, { DPoP });
  assert.equal(tokens.token_type, 'dpop');
  assert.deepEqual(decodeJwt(tokens.access_token).cnf, { jkt: thumbprint });

  const who = await client.fetchUserInfo(config, tokens.access_token, tokens.claims().sub, { DPoP });
  assert.equal(who.email, doorward.user.email);
  await assert.rejects(client.fetchUserInfo(config, tokens.access_token, tokens.claims().sub), { status: 401 });

  let refreshToken = tokens.refresh_token;
  for (const { audience } of doorward.apis) {
    const got = await client.refreshTokenGrant(config, refreshToken, { audience }, { DPoP });
    assert.deepEqual(decodeJwt(got.access_token).cnf, { jkt: thumbprint });
    refreshToken = got.refresh_token;
  }
  for (const alg of ['ES256', 'RS256', 'PS256', 'Ed25519']) {
    const other = client.getDPoPHandle(config, await client.randomDPoPKeyPair(alg));
    await assert.rejects(client.refreshTokenGrant(config, refreshToken, {}, { DPoP: other }),
      { error: 'invalid_grant' }, `${alg}: a proof that is good, of another key`);
  }
  assert.ok((await client.refreshTokenGrant(config, refreshToken, {}, { DPoP })).access_token);
});
