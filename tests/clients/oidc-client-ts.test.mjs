// The unmodified oidc-client-ts, the library for standards in browsers: it asks for nothing that
// only Auth0 has, but for the audience.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { logIn, needsBrowser } from './browser.mjs';
import { setStage } from './stage.mjs';

// The package exports its modules alone; the file for script elements makes the global `oidc`.
const SDK = fileURLToPath(new URL('node_modules/oidc-client-ts/dist/browser/oidc-client-ts.min.js', import.meta.url));
// The silent callback is the same page in a hidden frame.
const PAGE = `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><title>Application</title>
<script src="/sdk.js"></script>
<script>const options = JSON.parse(localStorage.getItem('application'));
if (options) window.manager = new oidc.UserManager({ ...options, userStore: new oidc.WebStorageStateStore({ store: localStorage }) });
if (location.pathname === '/silent') manager.signinSilentCallback();
if (location.pathname === '/popup') manager.signinPopupCallback();</script>`;

let stage;
before(async () => {
  if (!needsBrowser.skip) stage = await setStage({ page: PAGE, files: { '/sdk.js': SDK } });
});
after(() => stage?.stop());

const judge = (name, run) => test(`oidc-client-ts: ${name}`, needsBrowser, run);

/** The application, open in a fresh profile. */
async function visit({ scope = 'openid profile email offline_access', ...more } = {}) {
  const [api] = stage.apis;
  const client_id = await stage.register({
    callbacks: [stage.origin, `${stage.origin}/silent`, `${stage.origin}/popup`],
  });
  return stage.visit({
    authority: stage.issuer.slice(0, -1),
    client_id,
    redirect_uri: stage.origin,
    silent_redirect_uri: `${stage.origin}/silent`,
    popup_redirect_uri: `${stage.origin}/popup`,
    post_logout_redirect_uri: `${stage.origin}/bye`,
    scope: `${scope} ${api.scope}`,
    extraQueryParams: { audience: api.audience },
    automaticSilentRenew: false,
    // An access token is a signed statement that nobody can take back.
    revokeTokenTypes: ['refresh_token'],
    loadUserInfo: true,
    ...more,
  });
}

/** Logs in by redirect and returns what the SDK says of the user. */
async function signIn(visit) {
  await visit.run(() => { manager.signinRedirect({ state: { seen: 7 } }); });
  await logIn(visit.page, stage.user);
  await visit.page.waitForURL((url) => url.origin === stage.origin && url.searchParams.has('code'));
  await visit.page.waitForLoadState();
  return visit.run(async () => {
    const user = await manager.signinRedirectCallback();
    history.replaceState(null, '', '/');
    return { ...user };
  });
}

/** What the SDK says of a refusal. */
const refusal = (visit, action) => visit.run(async (source) => {
  try {
    return { value: await (0, eval)(`(${source})`)() };
  } catch (error) {
    return { name: error.constructor === oidc.ErrorResponse ? 'ErrorResponse' : error.name, error: error.error, description: error.error_description ?? error.message };
  }
}, action.toString());

judge('a redirect brings the user, the state of the application and a token for its API', async () => {
  const opened = await visit();
  const user = await signIn(opened);
  assert.deepEqual(user.state, { seen: 7 });
  assert.equal(user.profile.email, stage.user.email);
  assert.ok(user.refresh_token);
  await stage.assertServes(user.access_token, stage.apis[0]);
  assert.deepEqual(opened.page.problems, []);
  await opened.close();
});

judge('a popup logs in and closes', async () => {
  const opened = await visit();
  const waiting = opened.page.waitForEvent('popup');
  const loggedIn = opened.run(() => manager.signinPopup().then((user) => user.profile.email));
  const popup = await waiting;
  await logIn(popup, stage.user);
  assert.equal(await loggedIn, stage.user.email);
  await opened.close();
});

judge('the refresh token brings tokens for every API, and rotates', async () => {
  const opened = await visit();
  let { refresh_token: before } = await signIn(opened);
  for (const api of [...stage.apis].reverse()) {
    // Without a scope the SDK asks for the one of the login, which is of another API.
    const extraTokenParams = { audience: api.audience, scope: `openid offline_access ${api.scope}` };
    const got = await opened.run(async (passed) => ({ ...await manager.signinSilent({ extraTokenParams: passed }) }), extraTokenParams);
    await stage.assertServes(got.access_token, api);
    assert.notEqual(got.refresh_token, before);
    before = got.refresh_token;
    assert.equal(opened.sent.at(-1).grant_type, 'refresh_token');
    assert.equal(opened.sent.at(-1).audience, api.audience);
  }
  assert.equal(opened.authorized.length, 1, 'no frame was needed');
  assert.deepEqual(opened.page.problems, []);
  await opened.close();
});

judge('`resource` (RFC 8707) names an API too', async () => {
  const opened = await visit();
  await signIn(opened);
  const [, second] = stage.apis;
  const options = { resource: second.audience, extraTokenParams: { scope: `openid ${second.scope}` } };
  const token = await opened.run((passed) => manager.signinSilent(passed).then((user) => user.access_token), options);
  await stage.assertServes(token, second);
  await opened.close();
});

judge('a frame brings a token without a refresh token, and says login_required when nobody is there', async () => {
  const opened = await visit({ scope: 'openid profile email' });
  const user = await signIn(opened);
  assert.equal(user.refresh_token, undefined);
  const got = await opened.run(async () => ({ ...await manager.signinSilent() }));
  await stage.assertServes(got.access_token, stage.apis[0]);
  assert.deepEqual(opened.authorized.map(({ prompt }) => prompt), [undefined, 'none']);
  assert.equal(opened.page.url(), `${stage.origin}/`);
  assert.deepEqual(opened.page.problems, []);

  await opened.page.context().clearCookies({ name: /doorward/ });
  const { name, error } = await refusal(opened, () => manager.signinSilent());
  assert.deepEqual([name, error], ['ErrorResponse', 'login_required']);
  await opened.close();
});

judge('an audience outside the policies is refused, and the refresh token lives on', async () => {
  const opened = await visit();
  await signIn(opened);
  const { name, error } = await refusal(opened,
    () => manager.signinSilent({ extraTokenParams: { audience: 'https://nobody.example/' } }));
  assert.deepEqual([name, error], ['ErrorResponse', 'invalid_target']);
  await stage.assertServes(await opened.run(() => manager.signinSilent().then((user) => user.access_token)), stage.apis[0]);
  await opened.close();
});

judge('revoked tokens are of no use', async () => {
  const opened = await visit();
  const { refresh_token } = await signIn(opened);
  await opened.run(() => manager.revokeTokens());
  const kept = await opened.run(() => manager.getUser().then(({ refresh_token: token }) => token ?? null));
  assert.equal(kept, null);
  await opened.run(async (token) => {
    const user = await manager.getUser();
    user.refresh_token = token;
    await manager.storeUser(user);
  }, refresh_token);
  const { name, error, description } = await refusal(opened, () => manager.signinSilent());
  assert.deepEqual([name, error, description], ['ErrorResponse', 'invalid_grant', 'Unknown or invalid refresh token.']);
  await opened.close();
});

judge('a log out ends the session and returns, with the state of the application', async () => {
  const opened = await visit();
  await signIn(opened);
  const asking = opened.page.waitForRequest((request) => request.url().startsWith(`${stage.issuer}oidc/logout`));
  await opened.run(() => { manager.signoutRedirect({ state: { seen: 8 } }); });
  await opened.page.waitForURL((url) => url.pathname === '/bye');
  const asked = new URL((await asking).url());
  assert.ok(asked.searchParams.get('id_token_hint'));
  const { state } = await opened.run(() => manager.signoutRedirectCallback().then(({ userState }) => ({ state: userState })));
  assert.deepEqual(state, { seen: 8 });
  assert.equal(await opened.run(() => manager.getUser()), null);
  await opened.run(() => { manager.signinRedirect(); });
  await opened.page.waitForURL(/\/u\/login\b/);
  await opened.close();
});
