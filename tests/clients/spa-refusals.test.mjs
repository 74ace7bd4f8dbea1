// What the unmodified Auth0 SDK for single-page applications makes of everything that can go wrong:
// always its documented error, never "Failed to fetch".

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { logIn, needsBrowser } from './browser.mjs';
import { setStage } from './stage.mjs';

let stage;
before(async () => { if (!needsBrowser.skip) stage = await setStage(); });
after(() => stage?.stop());

const judge = (name, run) => test(`auth0-spa-js: ${name}`, needsBrowser, run);
const appState = { seen: 7 };
const anew = () => client.getTokenSilently({ cacheMode: 'off' });
const callback = (url) => client.handleRedirectCallback(url);

const invalidGrant = (description) => ({ name: 'GenericError', error: 'invalid_grant', description });

/** Up to the moment when the application has the answer, and has not read it. */
async function answered(options) {
  const visit = await stage.visitWithSession(options ?? stage.options(await stage.register()));
  await visit.leave({ appState });
  await visit.page.waitForURL((url) => url.origin === stage.origin && url.searchParams.has('state'));
  await visit.page.waitForLoadState();
  return visit;
}

/** Changes what the SDK has noted about the login under way. */
const edit = (visit, change) => visit.run((changed) => {
  const [key] = Object.keys(sessionStorage).filter((one) => one.startsWith('a0.spajs.txs.'));
  sessionStorage.setItem(key, JSON.stringify({ ...JSON.parse(sessionStorage.getItem(key)), ...changed }));
}, change);

/** The same login once more: the SDK forgets a transaction before it uses its code. */
async function transactionOf(visit) {
  const saved = await visit.run(() => JSON.stringify(sessionStorage));
  return () => visit.run((text) => Object.assign(sessionStorage, JSON.parse(text)), saved);
}

judge('consent that the person denies', async () => {
  const strict = { name: 'Strict API', audience: 'https://strict.example/', scope: 'read:strict' };
  await stage.addApi({ ...strict, skip_consent_for_verifiable_first_party_clients: false });
  const visit = await stage.visitWithSession(stage.options(await stage.register()));
  const { audience, scope } = strict;
  await visit.leave({ appState, authorizationParams: { audience, scope } });
  await visit.page.waitForURL(/\/u\/consent\b/);
  await visit.page.click('button[name="action"][value="decline"]');
  await visit.page.waitForURL(/[?&]error=/);
  assert.deepEqual(await visit.refusal(callback), {
    name: 'AuthenticationError', error: 'access_denied', description: 'User did not authorize the request', appState,
  });
  assert.equal(await visit.run(() => client.isAuthenticated()), false);

  // The same in a popup.
  const opened = visit.page.waitForEvent('popup');
  const refused = visit.refusal((authorizationParams) => client.loginWithPopup({ authorizationParams }), { audience, scope });
  const popup = await opened;
  await popup.waitForURL(/\/u\/consent\b/);
  await popup.click('button[name="action"][value="decline"]');
  assert.deepEqual(await refused, {
    name: 'GenericError', error: 'access_denied', description: 'User did not authorize the request',
  });
  await visit.close();
});

judge('a code that is used again, which ends what the first use began', async () => {
  const visit = await answered();
  const again = await transactionOf(visit);
  const url = visit.page.url();
  await visit.run(callback);
  assert.deepEqual(await visit.refusal(callback, url),
    { name: 'GenericError', error: 'missing_transaction', description: 'Invalid state' });
  await visit.run(anew);

  await again();
  assert.deepEqual(await visit.refusal(callback, url), invalidGrant('Invalid authorization code'));
  assert.deepEqual(await visit.refusal(anew), invalidGrant('Unknown or invalid refresh token.'));
  await visit.close();
});

judge('a code that has expired', async () => {
  const hasty = await setStage({ config: '[oauth]\ncode_lifetime = 1\n' });
  try {
    const clientId = await hasty.register();
    const visit = await hasty.visit(hasty.options(clientId));
    await visit.leave();
    await logIn(visit.page, hasty.user);
    await visit.page.waitForURL((url) => url.searchParams.has('code'));
    await sleep(1100);
    assert.deepEqual(await visit.refusal(callback), invalidGrant('Invalid authorization code'));
  } finally {
    await hasty.stop();
  }
});

judge('a wrong verifier, which leaves the code alone', async () => {
  const visit = await answered();
  const again = await transactionOf(visit);
  await edit(visit, { code_verifier: 'x'.repeat(43) });
  assert.deepEqual(await visit.refusal(callback), invalidGrant('Failed to verify code verifier'));
  await again();
  await visit.run(callback);
  assert.ok(await visit.run(() => client.isAuthenticated()));
  await visit.close();
});

judge('another redirect URI at the token endpoint', async () => {
  const visit = await answered();
  await edit(visit, { redirect_uri: `${stage.origin}/elsewhere` });
  assert.deepEqual(await visit.refusal(callback), invalidGrant('The redirect URI is wrong.'));
  await visit.close();
});

judge('a redirect URI that is not registered: the browser stays with the server', async () => {
  const options = stage.options(await stage.register(), { authorizationParams: { redirect_uri: `${stage.origin}/elsewhere` } });
  const visit = await stage.visitWithSession(options);
  const response = visit.page.waitForResponse((one) => one.url().includes('/authorize?'));
  await visit.leave();
  assert.equal((await response).status(), 400);
  await visit.page.waitForURL(`${stage.issuer}authorize?**`);
  assert.match(await visit.page.textContent('main'), /elsewhere/);
  await visit.close();
});

judge('a state of somebody else', async () => {
  const visit = await answered();
  const url = new URL(visit.page.url());
  url.searchParams.set('state', 'forged');
  assert.deepEqual(await visit.refusal(callback, url.href),
    { name: 'GenericError', error: 'state_mismatch', description: 'Invalid state' });
  assert.equal(visit.sent.length, 0, 'the code is not used');
  await visit.close();
});

judge('an API that does not exist', async () => {
  const options = stage.options(await stage.register(), { authorizationParams: { audience: 'https://nowhere.example/' } });
  const visit = await answered(options);
  assert.deepEqual(await visit.refusal(callback), {
    name: 'AuthenticationError', error: 'access_denied', description: 'Service not found: https://nowhere.example/', appState,
  });
  // In a frame, and from a refresh token.
  await visit.open({ ...options, useRefreshTokens: false, useMrrt: false });
  assert.equal((await visit.refusal(anew)).error, 'access_denied');
  await visit.open(stage.options(options.clientId));
  await visit.logIn();
  const { name, error } = await visit.refusal(() => client.getTokenSilently(
    { authorizationParams: { audience: 'https://nowhere.example/' } }));
  assert.deepEqual([name, error], ['GenericError', 'invalid_target']);
  await visit.close();
});

judge('a user who is blocked: the page says so, a frame login_required, and a code is void', async () => {
  const user = await stage.addUser();
  const clientId = await stage.register();
  const visit = await stage.visit(stage.options(clientId));
  await visit.logIn({ user });
  await visit.leave({ appState });
  await visit.page.waitForURL((url) => url.searchParams.has('code'));
  await visit.page.waitForLoadState();
  await stage.change(user, { blocked: true });
  assert.deepEqual(await visit.refusal(callback), invalidGrant('user is blocked'));

  await visit.open(stage.options(clientId, { useRefreshTokens: false, useMrrt: false }));
  assert.equal((await visit.refusal(anew)).error, 'login_required');
  await visit.leave();
  await logIn(visit.page, user);
  assert.match(await visit.page.locator('[role="alert"]').textContent(), /Your account has been blocked\./);
  await visit.close();
});

judge('an application that is gone', async () => {
  const visit = await stage.visitWithSession(stage.options(await stage.register()));
  await visit.logIn();
  await stage.call('DELETE', `clients/${visit.options.clientId}`);
  // Its origin stays readable while another application has it.
  const { name, error } = await visit.refusal(anew);
  assert.deepEqual([name, error], ['GenericError', 'invalid_client']);
  await visit.close();
});

judge('a clock that is nearly right is forgiven, a wrong one is named', async () => {
  for (const seconds of [-50, 50]) {
    const visit = await stage.visitWithSession(stage.options(await stage.register()));
    await visit.page.clock.setSystemTime(Date.now() + seconds * 1000);
    await visit.logIn();
    await visit.close();
  }
  const visit = await answered();
  await visit.page.clock.setSystemTime(Date.now() + 48 * 3600 * 1000);
  const { name, description } = await visit.refusal(callback);
  assert.equal(name, 'Error');
  assert.match(description, /^Expiration Time \(exp\) claim error in the ID token/);
  await visit.close();
});

judge('too much of everything', async () => {
  const visit = await answered();
  const long = 'x'.repeat(100_000);
  const { name, error } = await visit.refusal((scope) => client.getTokenSilently(
    { cacheMode: 'off', authorizationParams: { scope } }), long);
  // There is no refresh token yet.
  assert.deepEqual([name, error], ['MissingRefreshTokenError', 'missing_refresh_token']);
  await visit.run(callback);
  const refused = await visit.refusal((scope) => client.getTokenSilently(
    { cacheMode: 'off', authorizationParams: { scope } }), long);
  assert.equal(refused.name, 'GenericError');
  assert.ok(['invalid_request', 'invalid_scope'].includes(refused.error), refused.error);
  await visit.run(anew);
  await visit.close();
});
