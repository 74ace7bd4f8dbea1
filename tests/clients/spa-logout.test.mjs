// Log out as the unmodified Auth0 SDK for single-page applications asks for it.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { needsBrowser } from './browser.mjs';
import { setStage } from './stage.mjs';

let stage;
let everybody;
before(async () => {
  if (needsBrowser.skip) return;
  everybody = 'https://everybody.example/bye';
  stage = await setStage({ config: `[logout]\nallowed_urls = ["${everybody}"]\n` });
});
after(() => stage?.stop());

const judge = (name, run) => test(`auth0-spa-js: ${name}`, needsBrowser, run);

async function loggedIn(clientOptions) {
  const visit = await stage.visit(stage.options(await stage.register(clientOptions)));
  await visit.logIn({ user: stage.user });
  return visit;
}

/** Logs out, and waits until the browser is at `address`. */
async function logOut(visit, options, address) {
  const asked = visit.page.waitForRequest((request) => request.url().startsWith(`${stage.issuer}v2/logout`));
  await visit.page.evaluate((passed) => { client.logout(passed); }, options);
  await visit.page.waitForURL(address);
  return (await asked).url();
}

async function hasSession(visit) {
  await visit.open(visit.options);
  await visit.leave();
  await visit.page.waitForURL((url) => url.pathname === '/u/login' || url.searchParams.has('code'));
  return new URL(visit.page.url()).pathname !== '/u/login';
}

judge('a log out ends the session and returns', async () => {
  const visit = await loggedIn();
  const returnTo = `${stage.origin}/bye`;
  const asked = await logOut(visit, { logoutParams: { returnTo } }, returnTo);
  assert.equal(new URL(asked).searchParams.get('client_id'), visit.options.clientId);
  assert.equal(await visit.run(() => client.isAuthenticated()), false);
  assert.deepEqual(await visit.refreshTokens(), {});
  assert.equal(await visit.isRemembered(), false);
  assert.equal(await hasSession(visit), false);
  await visit.close();
});

judge('federated, a bare key, changes nothing for the users of the database', async () => {
  const visit = await loggedIn();
  const returnTo = `${stage.origin}/bye`;
  const asked = await logOut(visit, { logoutParams: { federated: true, returnTo } }, returnTo);
  assert.ok(asked.endsWith('&federated'), asked);
  assert.equal(await hasSession(visit), false);
  await visit.close();
});

judge('without returnTo the first registered address is where it ends', async () => {
  const visit = await loggedIn({ allowed_logout_urls: [`${stage.origin}/first`, `${stage.origin}/bye`] });
  await logOut(visit, {}, `${stage.origin}/first`);
  assert.equal(await hasSession(visit), false);
  await visit.close();
});

judge('without a client the list of the server counts', async () => {
  const visit = await loggedIn();
  const [asked, followed] = ['v2/logout', everybody].map(
    (part) => visit.page.waitForRequest((request) => request.url().includes(part)));
  await visit.page.evaluate((returnTo) => { client.logout({ clientId: null, logoutParams: { returnTo } }); }, everybody);
  assert.equal(new URL((await asked).url()).searchParams.has('client_id'), false);
  await followed;
  // Nobody is there, so this page never arrives.
  const next = await visit.page.context().newPage();
  await visit.page.close();
  visit.page = next;
  assert.equal(await hasSession(visit), false);
  await visit.close();
});

judge('an address that is not registered is not followed, and the session stays', async () => {
  const visit = await loggedIn();
  for (const options of [
    { logoutParams: { returnTo: `${stage.origin}/elsewhere` } },
    { clientId: null, logoutParams: { returnTo: `${stage.origin}/bye` } },
  ]) {
    await visit.page.goto(stage.origin);
    await logOut(visit, options, `${stage.issuer}v2/logout?**`);
    assert.ok(await hasSession(visit));
  }
  await visit.close();
});

judge('a log out in the application alone leaves the session to the others', async () => {
  const visit = await loggedIn();
  await visit.run(() => client.logout({ openUrl: false }));
  assert.equal(await visit.run(() => client.isAuthenticated()), false);
  assert.ok(await hasSession(visit));
  await visit.close();
});

judge('a log out in one application ends the session of the other, whose tokens live on', async () => {
  const visit = await loggedIn();
  const frames = stage.options(await stage.register(), { useRefreshTokens: false, useMrrt: false });
  const first = visit.options;
  await visit.open(frames);
  await visit.run(() => client.getTokenSilently());
  await logOut(visit, { logoutParams: { returnTo: `${stage.origin}/bye` } }, `${stage.origin}/bye`);
  const { error } = await visit.refusal(() => client.getTokenSilently({ cacheMode: 'off' }));
  assert.equal(error, 'login_required');
  // The refresh token of the first application: the setting revoke_on_logout is off.
  await visit.open(first);
  await stage.assertServes(await visit.run(() => client.getTokenSilently({ cacheMode: 'off' })), stage.apis[0]);
  await visit.close();
});
