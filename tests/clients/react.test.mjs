// The unmodified Auth0 SDK for React, and the quick starts of the README for browsers as they stand.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { freshPage, logIn, needsBrowser } from './browser.mjs';
import { startApplication } from './server.mjs';
import { SPA_JS, setStage } from './stage.mjs';

const { resolve } = createRequire(import.meta.url);
const FILES = {
  '/auth0-spa-js.production.js': SPA_JS,
  // The packages export no path to these.
  '/react.production.min.js': resolve('react').replace('index.js', 'umd/react.production.min.js'),
  '/react-dom.production.min.js': resolve('react-dom').replace('index.js', 'umd/react-dom.production.min.js'),
  '/auth0-react.min.js': resolve('@auth0/auth0-react').replace('auth0-react.cjs.js', 'auth0-react.min.js'),
};

// Everything that the hook offers, on one page.
const EVERYTHING = `<!doctype html><meta charset="utf-8"><title>React</title><link rel="icon" href="data:,"><div id="root"></div>
<script src="/react.production.min.js"></script><script src="/react-dom.production.min.js"></script>
<script src="/auth0-react.min.js"></script>
<script>
const h = React.createElement;
const Page = () => {
  window.hook = reactAuth0.useAuth0();
  const { isLoading, isAuthenticated, error, user } = hook;
  return h('p', { id: 'said' }, isLoading ? 'loading' : error ? error.constructor.name + error.error + ': ' + error.message
    : isAuthenticated ? user.email : 'nobody');
};
const options = JSON.parse(localStorage.getItem('application'));
const onRedirectCallback = (appState) => { window.came = appState; history.replaceState({}, '', appState.returnTo ?? '/'); };
if (options) ReactDOM.createRoot(document.getElementById('root')).render(
  h(reactAuth0.Auth0Provider, { ...options, onRedirectCallback }, h(Page)));
</script>`;

let stage;
before(async () => { if (!needsBrowser.skip) stage = await setStage({ page: EVERYTHING, files: FILES }); });
after(() => stage?.stop());

const said = async (visit, text) => {
  await visit.page.locator('#said', { hasText: text }).waitFor();
};
const ask = (audience) => hook.getAccessTokenSilently({ cacheMode: 'off', authorizationParams: { audience } });

for (const cacheLocation of ['memory', 'localstorage']) {
  test(`auth0-react: one login serves every API, tokens in ${cacheLocation}`, needsBrowser, async () => {
    const visit = await stage.visit(stage.options(await stage.register(), { cacheLocation }));
    await said(visit, 'nobody');
    await visit.run(() => { hook.loginWithRedirect({ appState: { returnTo: '/orders', seen: 7 } }); });
    await logIn(visit.page, stage.user);
    await said(visit, stage.user.email);
    assert.equal(visit.page.url(), `${stage.origin}/orders`, 'the code is gone');
    assert.equal((await visit.run(() => came)).seen, 7);

    const name = visit.page.waitForRequest(`${stage.issuer}oauth/token`);
    for (const api of stage.apis) await stage.assertServes(await visit.run(ask, api.audience), api);
    const telemetry = JSON.parse(Buffer.from((await name).headers()['auth0-client'], 'base64'));
    assert.equal(telemetry.name, 'auth0-react');
    const tokens = await visit.run((audiences) => Promise.all(audiences.map((audience) => hook.getAccessTokenSilently(
      { cacheMode: 'off', authorizationParams: { audience } }))), stage.apis.map((api) => api.audience));
    for (const [i, api] of stage.apis.entries()) await stage.assertServes(tokens[i], api);
    for (const api of stage.apis) await stage.assertServes(await visit.run(ask, api.audience), api);
    assert.equal(visit.authorized.length, 1);

    await visit.run((returnTo) => { hook.logout({ logoutParams: { returnTo } }); }, `${stage.origin}/bye`);
    await visit.page.waitForURL(`${stage.origin}/bye`);
    await said(visit, 'nobody');
    assert.deepEqual(visit.page.problems, []);
    await visit.close();
  });
}

test('auth0-react: a popup logs in', needsBrowser, async () => {
  const visit = await stage.visit(stage.options(await stage.register()));
  await said(visit, 'nobody');
  const opened = visit.page.waitForEvent('popup');
  await visit.run(() => { hook.loginWithPopup(); });
  await logIn(await opened, stage.user);
  await said(visit, stage.user.email);
  await visit.close();
});

test('auth0-react: a refused login is the error of the hook, and the address is clean afterwards', needsBrowser, async () => {
  const strict = { name: 'Strict API', audience: 'https://strict.example/', scope: 'read:strict' };
  await stage.addApi({ ...strict, skip_consent_for_verifiable_first_party_clients: false });
  const visit = await stage.visit(stage.options(await stage.register()));
  await said(visit, 'nobody');
  const { audience, scope } = strict;
  await visit.run((authorizationParams) => { hook.loginWithRedirect({ authorizationParams }); }, { audience, scope });
  await logIn(visit.page, stage.user);
  await visit.page.click('button[name="action"][value="decline"]');
  await said(visit, 'access_denied: User did not authorize the request');
  await visit.close();
});

test('auth0-react: who is blocked is logged out by the next refresh', needsBrowser, async () => {
  const user = await stage.addUser();
  const visit = await stage.visit(stage.options(await stage.register()));
  await said(visit, 'nobody');
  await visit.run(() => { hook.loginWithRedirect(); });
  await logIn(visit.page, user);
  await said(visit, user.email);
  await stage.change(user, { blocked: true });
  const refused = await visit.run((audience) => hook.getAccessTokenSilently(
    { cacheMode: 'off', authorizationParams: { audience } }).catch(({ error, message }) => ({ error, message })), stage.apis[1].audience);
  assert.deepEqual(refused, { error: 'invalid_grant', message: 'user is blocked' });
  await said(visit, 'nobody');
  await visit.close();
});

/** A quick start, with the address of our server and a client of its own; nothing else is changed. */
async function quickstart(name, t) {
  const html = await readFile(new URL(`quickstarts/${name}`, import.meta.url), 'utf8');
  const script = html.split('<script').at(-1).split('\n').slice(1, -2);
  assert.ok(script.length <= 10, `${name}: ${script.length} lines of application code`);
  let clientId;
  const application = await startApplication(
    () => html.replace('http://127.0.0.1:8484', stage.issuer.slice(0, -1)).replace('YOUR_CLIENT_ID', clientId), FILES);
  t.after(application.stop);
  clientId = await stage.register({
    callbacks: [application.origin], web_origins: [application.origin], allowed_logout_urls: [application.origin],
  });
  return application;
}

test('the quick start for single-page applications logs in and has a token for two APIs', needsBrowser, async (t) => {
  const application = await quickstart('spa.html', t);
  const page = await freshPage(stage.browser);
  await page.goto(application.origin);
  await logIn(page, stage.user);
  await page.getByText(`${stage.user.email} may call 2 APIs`).waitFor();
  assert.equal(page.url(), `${application.origin}/`);
  assert.deepEqual(page.problems, []);
  await page.reload();
  await page.getByText(`${stage.user.email} may call 2 APIs`).waitFor();
  await page.context().close();
});

test('the quick start for React logs in, gets a token for another API, and logs out', needsBrowser, async (t) => {
  const application = await quickstart('react.html', t);
  const page = await freshPage(stage.browser);
  await page.goto(application.origin);
  await page.getByRole('button', { name: 'Log in' }).click();
  await logIn(page, stage.user);
  await page.getByText(stage.user.email).waitFor();
  assert.equal(page.url(), `${application.origin}/`);
  await page.getByRole('button', { name: 'Bill' }).click();
  const token = await page.locator('pre', { hasText: 'ey' }).textContent();
  const claims = await stage.assertServes(token, { ...stage.apis[1], scope: 'read:invoices' });
  assert.equal(claims.iss, stage.issuer);
  await page.getByRole('button', { name: 'Log out' }).click();
  await page.getByRole('button', { name: 'Log in' }).waitFor();
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.waitForURL(/\/u\/login\b/);
  await page.context().close();
});
