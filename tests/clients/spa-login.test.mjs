// The unmodified Auth0 SDK for single-page applications logs people in: by redirect, in a popup, with
// the parameters that change a login.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { logIn, needsBrowser } from './browser.mjs';
import { setStage } from './stage.mjs';

let stage;
before(async () => { if (!needsBrowser.skip) stage = await setStage(); });
after(() => stage?.stop());

const judge = (name, run) => test(`auth0-spa-js: ${name}`, needsBrowser, run);

judge('a redirect brings the user, the state of the application and a token for its API', async () => {
  const visit = await stage.visit(stage.options(await stage.register()));
  const { appState, user, claims } = await visit.logIn({ user: stage.user });
  assert.deepEqual(appState, { seen: 7 });
  assert.equal(user.email, stage.user.email);
  assert.equal(claims.iss, stage.issuer);
  assert.ok(claims.nonce && claims.sid);
  const token = await visit.run(() => client.getTokenSilently());
  await stage.assertServes(token, stage.apis[0]);
  assert.equal(visit.sent.length, 1, 'the token came with the login');
  assert.ok(await visit.isRemembered());
  assert.deepEqual(visit.page.problems, []);
  await visit.close();
});

judge('every state survives the redirect, thirty times and until one held a plus', async () => {
  const visit = await stage.visitWithSession(stage.options(await stage.register()));
  let plus = 0;
  for (let round = 0; round < 30 || plus === 0; round += 1) {
    assert.ok(round < 300, 'about one state in five holds a plus');
    const { appState } = await visit.logIn({ appState: { round } });
    assert.deepEqual(appState, { round });
    const { state } = visit.authorized.at(-1);
    assert.ok(state.endsWith('='), state);
    if (state.includes('+')) plus += 1;
  }
  await visit.close();
});

judge('a popup logs in and closes', async () => {
  const visit = await stage.visit(stage.options(await stage.register()));
  const opened = visit.page.waitForEvent('popup');
  const loggedIn = visit.run(() => client.loginWithPopup().then(() => client.getUser()));
  const popup = await opened;
  const closed = popup.waitForEvent('close');
  await logIn(popup, stage.user);
  assert.equal((await loggedIn).email, stage.user.email);
  await closed;
  assert.equal(visit.authorized[0].response_mode, 'web_message');
  await stage.assertServes(await visit.token(stage.apis[0]), stage.apis[0]);
  await visit.close();
});

judge('a popup brings a token for another API to somebody who is logged in', async () => {
  const [, second] = stage.apis;
  const visit = await stage.visitWithSession(stage.options(await stage.register()));
  await visit.logIn();
  const token = await visit.run(
    (audience) => client.getTokenWithPopup({ authorizationParams: { audience } }), second.audience);
  await stage.assertServes(token, second);
  await visit.close();
});

judge('a popup that is closed is a login that was cancelled', async () => {
  const visit = await stage.visit(stage.options(await stage.register()));
  visit.page.once('popup', async (popup) => {
    await popup.waitForURL(/\/u\/login\b/);
    await popup.close();
  });
  assert.deepEqual(await visit.refusal(() => client.loginWithPopup()),
    { name: 'PopupCancelledError', error: 'cancelled', description: 'Popup closed' });
  await visit.close();
});

judge('without a redirect URI the first callback is used', async () => {
  const options = stage.options(await stage.register({ callbacks: [`${stage.origin}/first`, stage.origin] }));
  delete options.authorizationParams.redirect_uri;
  const visit = await stage.visitWithSession(options);
  await visit.leave();
  await visit.page.waitForURL(`${stage.origin}/first?**`);
  const { user } = await visit.comeBack();
  assert.equal(user.email, stage.user.email);
  assert.equal(visit.authorized[0].redirect_uri, undefined);
  assert.equal(visit.sent[0].redirect_uri, undefined);
  await visit.close();
});

judge('prompt=login and max_age ask for the password again', async () => {
  const options = stage.options(await stage.register(), { authorizationParams: { max_age: 3600 } });
  const visit = await stage.visit(options);
  const { claims: first } = await visit.logIn({ user: stage.user });
  assert.equal(typeof first.auth_time, 'number');
  const { claims: silent } = await visit.logIn();
  assert.equal(silent.auth_time, first.auth_time, 'the session is young enough');
  for (const authorizationParams of [{ prompt: 'login' }, { max_age: 0 }]) {
    const { claims } = await visit.logIn({ user: stage.user, authorizationParams });
    assert.ok(claims.auth_time >= first.auth_time);
    assert.notEqual(claims.sid, silent.sid, 'a new session');
  }
  await visit.close();
});

judge('a wrong password is said on the page, and the right one goes on from there', async () => {
  const visit = await stage.visit(stage.options(await stage.register()));
  await visit.leave({ appState: { seen: 8 } });
  await logIn(visit.page, { ...stage.user, password: 'not the password' });
  assert.match(await visit.page.locator('[role="alert"]').textContent(), /Wrong email or password\./);
  await logIn(visit.page, stage.user);
  assert.deepEqual((await visit.comeBack()).appState, { seen: 8 });
  await visit.close();
});

judge('another user in the same browser finds nothing of the first', async () => {
  const visit = await stage.visit(stage.options(await stage.register()));
  const { user: first } = await visit.logIn({ user: stage.user });
  await visit.token(stage.apis[1]);
  assert.equal(Object.keys(await visit.refreshTokens()).length, 2);
  const { user: second } = await visit.logIn({
    user: await stage.addUser(), authorizationParams: { prompt: 'login' },
  });
  assert.notEqual(second.sub, first.sub);
  assert.deepEqual(Object.keys(await visit.refreshTokens()), [stage.apis[0].audience]);
  await visit.close();
});

judge('a login to an organization says which, by id and by name', async () => {
  const name = `acme-${Date.now()}`;
  const { id } = await stage.call('POST', 'organizations', { name, display_name: 'Acme' });
  const user = await stage.addUser();
  await stage.call('POST', `organizations/${id}/members`, { members: [user.user_id] });
  const clientId = await stage.register({ organization_usage: 'allow' });
  const visit = await stage.visit(stage.options(clientId));
  const byId = await visit.logIn({ user, authorizationParams: { organization: id } });
  assert.equal(byId.claims.org_id, id);

  // The SDK compares in lower case.
  const byName = await visit.logIn({ authorizationParams: { organization: name.toUpperCase() } });
  assert.equal(byName.claims.org_id, id);
  assert.equal(byName.claims.org_name, name);

  // The SDK remembers what it asked for, and asks the same in the next silent login.
  await visit.open(stage.options(clientId, { useRefreshTokens: false, useMrrt: false }));
  const token = await visit.run(() => client.getTokenSilently({ cacheMode: 'off' }));
  assert.equal(visit.authorized.at(-1).prompt, 'none');
  assert.equal(visit.authorized.at(-1).organization, name.toUpperCase());
  assert.equal((await stage.assertServes(token, stage.apis[0])).org_id, id);
  await visit.close();
});

judge('who is not a member of the organization is refused', async () => {
  const { id } = await stage.call('POST', 'organizations', { name: `closed-${Date.now()}` });
  const options = stage.options(await stage.register({ organization_usage: 'allow' }));
  const visit = await stage.visitWithSession(options);
  await visit.leave({ appState: { seen: 9 }, authorizationParams: { organization: id } });
  await visit.page.waitForURL(/[?&]error=/);
  assert.deepEqual(await visit.refusal(() => client.handleRedirectCallback()), {
    name: 'AuthenticationError', error: 'access_denied', appState: { seen: 9 },
    description: `user is not part of the ${id} organization`,
  });
  await visit.close();
});
