// The unmodified Auth0 SDK for single-page applications, on an origin of its own.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, before, describe, test } from 'node:test';
import { decodeJwt } from 'jose';
import { freshPage, launch, logIn, needsBrowser } from './browser.mjs';
import { management, startApplication, startDoorward } from './server.mjs';

const SDK = createRequire(import.meta.url)
  .resolve('@auth0/auth0-spa-js/dist/auth0-spa-js.production.js');

let doorward;
let application;
let clientId;
let browser;
/** The APIs of the quickstart and one more: three, so that three can be asked for at once. */
let apis;
/** An API that does not exist when the application is written. */
const late = { name: 'Late API', audience: 'https://late.example/', scope: 'read:late' };

const policiesOf = (list) => list.map(({ audience, scope }) => ({ audience, scope: scope.split(' ') }));

before(async () => {
  if (needsBrowser.skip) return;
  doorward = await startDoorward();
  application = await startApplication(
    '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><script src="/sdk.js"></script>',
    { '/sdk.js': SDK });
  const call = management(doorward);
  const third = { name: 'Third API', audience: 'https://third.example/', scope: 'read:third' };
  await createApi(call, third);
  apis = [...doorward.apis, third];
  const created = await call('POST', 'clients', {
    name: 'Application with auth0-spa-js',
    app_type: 'spa',
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code', 'refresh_token'],
    callbacks: [application.origin],
    web_origins: [application.origin],
    allowed_logout_urls: [`${application.origin}/bye`],
    refresh_token: {
      rotation_type: 'rotating',
      expiration_type: 'expiring',
      leeway: 10,
      policies: policiesOf(apis),
    },
  });
  clientId = created.client_id;
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await application?.stop();
  await doorward?.stop();
});

async function createApi(call, { name, audience, scope }) {
  await call('POST', 'resource-servers', {
    name, identifier: audience, scopes: [{ value: scope }], allow_offline_access: true,
  });
}

/** What the application passes to the SDK: the scopes of each API, and those of the login. */
function options(cache) {
  const { issuer } = doorward;
  const [first] = apis;
  const scope = { default: `openid profile email offline_access ${first.scope}` };
  for (const api of [...apis, late]) scope[api.audience] = `openid profile email offline_access ${api.scope}`;
  return {
    domain: issuer.replace(/\/$/, ''),
    clientId,
    useRefreshTokens: true,
    useMrrt: true,
    ...cache,
    authorizationParams: { redirect_uri: application.origin, audience: first.audience, scope },
  };
}

async function loggedInPage(cache) {
  const page = await freshPage(browser);
  page.tokenRequests = [];
  page.context().on('request', (request) => {
    if (request.method() === 'POST' && request.url() === `${doorward.issuer}oauth/token`) {
      page.tokenRequests.push(Object.fromEntries(new URLSearchParams(request.postData() ?? '')));
    }
  });
  await page.goto(application.origin);
  await page.evaluate((config) => new auth0.Auth0Client(config).loginWithRedirect({ appState: { seen: 7 } }),
    options(cache)).catch((error) => {
    // The redirect may destroy the page before the call has answered.
    if (!/destroyed|navigat/i.test(error.message)) throw error;
  });
  await logIn(page, doorward.user);
  await page.waitForURL(/[?&]code=/);
  const result = await page.evaluate(async (config) => {
    window.client = new auth0.Auth0Client(config);
    const { appState } = await client.handleRedirectCallback();
    history.replaceState(null, '', '/');
    return { appState, user: await client.getUser(), authenticated: await client.isAuthenticated() };
  }, options(cache));
  assert.deepEqual(result.appState, { seen: 7 });
  assert.equal(result.user.email, doorward.user.email);
  assert.ok(result.authenticated);
  return page;
}

function getToken(page, audience, more = {}) {
  return page.evaluate(([wanted, rest]) => client.getTokenSilently({
    ...rest, authorizationParams: { audience: wanted },
  }), [audience, more]);
}

function assertFor(api, token) {
  const claims = decodeJwt(token);
  assert.equal(claims.iss, doorward.issuer);
  assert.equal([claims.aud].flat()[0], api.audience);
  const scopes = claims.scope.split(' ');
  for (const scope of api.scope.split(' ')) assert.ok(scopes.includes(scope), `${api.name}: ${scope}`);
}

for (const [mode, cache] of [
  ['tokens in local storage', { cacheLocation: 'localstorage' }],
  ['tokens in a worker, the default', {}],
]) {
  describe(`auth0-spa-js with ${mode}`, needsBrowser, () => {
    test('one login serves every API', needsBrowser, async () => {
      const page = await loggedInPage(cache);
      const [first, second] = apis;

      assertFor(first, await page.evaluate(() => client.getTokenSilently()));
      assertFor(second, await getToken(page, second.audience));
      assertFor(first, await getToken(page, first.audience, { cacheMode: 'off' }));
      assertFor(second, await getToken(page, second.audience, { cacheMode: 'off' }));
      await page.context().close();
    });

    test('tokens asked for in parallel all arrive, and the login survives', needsBrowser, async () => {
      const page = await loggedInPage(cache);
      // The SDK locks per audience, so these leave at once, all with the same refresh token.
      const before = page.tokenRequests.length;
      const tokens = await page.evaluate((audiences) => Promise.all(audiences.map(
        (audience) => client.getTokenSilently({ cacheMode: 'off', authorizationParams: { audience } }))),
      apis.map((api) => api.audience));
      apis.forEach((api, i) => assertFor(api, tokens[i]));
      const sent = page.tokenRequests.slice(before);
      assert.equal(sent.length, apis.length);
      assert.equal(new Set(sent.map((request) => request.refresh_token)).size, 1);

      for (const api of [...apis, ...apis]) {
        assertFor(api, await getToken(page, api.audience, { cacheMode: 'off' }));
      }
      await page.context().close();
    });
  });
}

test('auth0-spa-js: an API added to the policies later needs no new login', needsBrowser, async () => {
  const call = management(doorward);
  const page = await loggedInPage({ cacheLocation: 'localstorage' });
  await createApi(call, late);
  const ask = () => page.evaluate(({ audience }) => client.getTokenSilently({
    authorizationParams: { audience },
  }).then((token) => ({ token }), (error) => ({ error: error.error })), late);

  assert.equal((await ask()).error, 'invalid_target', 'no policy, no token');
  const { refresh_token: current } = await call('GET', `clients/${clientId}`);
  const refreshToken = { ...current, policies: policiesOf([...apis, late]) };
  await call('PATCH', `clients/${clientId}`, { refresh_token: refreshToken });
  assertFor(late, (await ask()).token);
  assertFor(apis[0], await getToken(page, apis[0].audience, { cacheMode: 'off' }));
  await page.context().close();
});

test('auth0-spa-js: log out ends the session', needsBrowser, async () => {
  const page = await loggedInPage({ cacheLocation: 'localstorage' });
  await page.evaluate((returnTo) => client.logout({ logoutParams: { returnTo } }), `${application.origin}/bye`)
    .catch((error) => { if (!/destroyed|navigat/i.test(error.message)) throw error; });
  await page.waitForURL(`${application.origin}/bye`);
  await page.evaluate((config) => new auth0.Auth0Client(config).loginWithRedirect(),
    options({ cacheLocation: 'localstorage' })).catch(() => undefined);
  await page.waitForURL(/\/u\/login\b/);
  await page.context().close();
});
