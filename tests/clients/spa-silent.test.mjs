// The unmodified Auth0 SDK for single-page applications without refresh tokens: every token comes
// through a hidden frame, which the session of the browser answers.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { needsBrowser } from './browser.mjs';
import { setStage } from './stage.mjs';

let stage;
before(async () => { if (!needsBrowser.skip) stage = await setStage(); });
after(() => stage?.stop());

const judge = (name, run) => test(`auth0-spa-js: ${name}`, needsBrowser, run);

const FRAMES = { useRefreshTokens: false, useMrrt: false };
const anew = () => client.getTokenSilently({ cacheMode: 'off' });

judge('a frame brings a token to an application that has just been opened', async () => {
  const visit = await stage.visitWithSession(stage.options(await stage.register(), FRAMES));
  const token = await visit.run(() => client.getTokenSilently());
  await stage.assertServes(token, stage.apis[0]);
  const [asked] = visit.authorized;
  assert.equal(asked.prompt, 'none');
  assert.equal(asked.response_mode, 'web_message');
  assert.equal(visit.sent[0].audience, undefined, 'the code knows its audience');
  assert.equal((await visit.run(() => client.getUser())).email, stage.user.email);
  assert.ok(await visit.isRemembered());
  assert.deepEqual(visit.page.problems, []);
  await visit.close();
});

judge('a frame brings a token for each API in turn', async () => {
  const visit = await stage.visitWithSession(stage.options(await stage.register(), FRAMES));
  for (const api of stage.apis) await stage.assertServes(await visit.token(api), api);
  assert.equal(visit.authorized.length, stage.apis.length);
  await visit.close();
});

judge('a frame needs no redirect URI and no callback but the origin', async () => {
  const clientId = await stage.register({ callbacks: [`${stage.origin}/callback`] });
  const options = stage.options(clientId, FRAMES);
  delete options.authorizationParams.redirect_uri;
  const visit = await stage.visitWithSession(options);
  await stage.assertServes(await visit.run(() => client.getTokenSilently()), stage.apis[0]);
  assert.equal(visit.authorized[0].redirect_uri, stage.origin);
  await visit.close();
});

judge('the frame of somebody who is not logged in says login_required, and the SDK forgets the user', async () => {
  const visit = await stage.visitWithSession(stage.options(await stage.register(), FRAMES));
  await visit.run(() => client.getTokenSilently());
  assert.ok(await visit.run(() => client.isAuthenticated()));
  await visit.page.context().clearCookies({ name: /doorward/ });
  assert.deepEqual(await visit.refusal(anew),
    { name: 'GenericError', error: 'login_required', description: 'Login required' });
  assert.equal(await visit.run(() => client.isAuthenticated()), false);
  assert.deepEqual(await visit.refreshTokens(), {}, 'the cache is empty');
  assert.equal(await visit.isRemembered(), false);
  await visit.close();
});

judge('checkSession asks only for somebody who was logged in, and swallows the refusal', async () => {
  const options = stage.options(await stage.register(), { ...FRAMES, cacheLocation: 'memory' });
  const visit = await stage.visitWithSession(options);
  await visit.run(() => client.checkSession());
  assert.equal(visit.authorized.length, 0);
  await visit.run(() => client.getTokenSilently());
  await visit.page.reload();
  await visit.run(() => client.checkSession());
  assert.equal(visit.authorized.length, 2);
  assert.equal((await visit.run(() => client.getUser())).email, stage.user.email);
  await visit.close();
});

judge('an API that asks for consent says consent_required to a frame, and the user stays logged in', async () => {
  const strict = { name: 'Strict API', audience: `https://strict-${Date.now()}.example/`, scope: 'read:strict' };
  await stage.addApi({ ...strict, skip_consent_for_verifiable_first_party_clients: false });
  const visit = await stage.visitWithSession(stage.options(await stage.register(), FRAMES));
  await visit.run(() => client.getTokenSilently());
  const refused = await visit.refusal(({ audience, scope }) => client.getTokenSilently(
    { authorizationParams: { audience, scope } }), strict);
  assert.deepEqual(refused, { name: 'GenericError', error: 'consent_required', description: 'Consent required' });
  assert.ok(await visit.run(() => client.isAuthenticated()));
  assert.ok(await visit.isRemembered());

  // What the person allows on the page the frame finds allowed.
  await visit.leave({ authorizationParams: strict });
  await visit.page.waitForURL(/\/u\/consent\b/);
  await visit.page.click('button[name="action"][value="accept"]');
  await visit.comeBack();
  const token = await visit.run(({ audience, scope }) => client.getTokenSilently(
    { cacheMode: 'off', authorizationParams: { audience, scope } }), strict);
  assert.ok(token);
  assert.equal(visit.authorized.at(-1).prompt, 'none');
  await visit.close();
});

for (const [what, registered] of [
  ['an origin that is not registered', (origin) => ({ callbacks: [origin], web_origins: [] })],
  ['another origin that is registered', (origin) => ({ callbacks: [origin], web_origins: ['https://elsewhere.example'] })],
]) {
  judge(`${what} is told nothing: the frame times out and no code leaves`, async () => {
    const clientId = await stage.register(registered(stage.origin));
    const options = stage.options(clientId, { ...FRAMES, authorizeTimeoutInSeconds: 1 });
    const visit = await stage.visitWithSession(options);
    await visit.run(() => {
      window.heard = [];
      addEventListener('message', ({ data }) => heard.push(data));
    });
    const answered = visit.page.waitForResponse((response) => response.url().includes('/authorize?'));
    const refused = await visit.refusal(() => client.getTokenSilently());
    assert.deepEqual(refused, { name: 'TimeoutError', error: 'timeout', description: 'Timeout' });
    const response = await answered;
    assert.ok(response.status() >= 400 && response.status() < 500, `${response.status()}`);
    assert.equal(response.headers()['x-frame-options'], 'DENY');
    assert.deepEqual(await visit.run(() => heard), []);
    assert.equal(visit.sent.length, 0);
    await visit.close();
  });
}

judge('the answer is for the origin that asked: another page that frames it hears nothing', async () => {
  const visit = await stage.visitWithSession(stage.options(await stage.register(), FRAMES));
  await visit.run(() => client.getTokenSilently());
  const stolen = `${stage.issuer}authorize?${new URLSearchParams(visit.authorized[0])}`;
  // Another port is another origin, but of the same site: the session travels with its frames too.
  const stranger = await visit.page.context().newPage();
  const strange = new URL(stage.origin);
  strange.port = '59999';
  await stranger.route(strange.href, (route) => route.fulfill({ contentType: 'text/html', body: '<!doctype html>' }));
  await stranger.goto(strange.href);
  const heard = await stranger.evaluate(async (address) => {
    const messages = [];
    addEventListener('message', ({ data }) => messages.push(data));
    const frame = document.createElement('iframe');
    const loaded = new Promise((resolve) => { frame.onload = resolve; });
    frame.src = address;
    document.body.append(frame);
    await loaded;
    await new Promise((resolve) => { setTimeout(resolve, 300); });
    return messages;
  }, stolen);
  assert.deepEqual(heard, []);
  assert.equal(visit.authorized.length, 2);
  await visit.close();
});
