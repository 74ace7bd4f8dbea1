// express-openid-connect 3 in an Express application: by default it has the ID token posted to it.

import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import express from 'express';
import { auth } from 'express-openid-connect';
import { addApplication, addUser, block, stage } from './cast.mjs';
import { serves } from './resource_server.mjs';
import { Visitor } from './visitor.mjs';

const scene = stage();
const { server, hasty } = scene;
const [first, second, outside] = server.apis;

const CODE = {
  response_type: 'code', audience: first.audience, scope: `openid profile email offline_access ${first.scope}`,
};

/** Sessions on the server's side, as the SDK wants them of a store (that of express-session). */
function sessions() {
  const kept = new Map();
  return {
    get: (id, done) => done(null, kept.get(id)),
    set: (id, value, done) => { kept.set(id, value); done(null); },
    destroy: (id, done) => { kept.delete(id); done(null); },
  };
}

/** Starts an application of its own; `registered` changes its client, `options` the SDK's. */
async function application(t, { on = server, registered = {}, ...options } = {}) {
  const app = express();
  const listening = app.listen(0, '127.0.0.1');
  t.after(() => { listening.closeAllConnections(); listening.close(); });
  await once(listening, 'listening');
  const baseURL = `http://127.0.0.1:${listening.address().port}`;
  const client = await addApplication(on, {
    app_type: 'regular_web', callbacks: [`${baseURL}/callback`], allowed_logout_urls: [baseURL],
    oidc_logout: {
      backchannel_logout_urls: [`${baseURL}/backchannel-logout`],
      backchannel_logout_initiators: { mode: 'all' },
    },
    ...registered,
  });
  const calls = new EventEmitter();
  app.post('/backchannel-logout', (request, response, next) => {
    response.on('finish', () => calls.emit('logout', response.statusCode));
    next();
  });
  app.use(auth({
    issuerBaseURL: on.issuer, baseURL, clientID: client.client_id, clientSecret: client.client_secret,
    secret: 'a long secret of the application', authRequired: false, idpLogout: true,
    authorizationParams: CODE, ...options,
  }));
  app.get('/me', (request, response) => {
    const { user, idToken, accessToken, refreshToken } = request.oidc;
    response.json(request.oidc.isAuthenticated() ? { user, idToken, accessToken, refreshToken } : {});
  });
  app.get('/refresh', async (request, response) => {
    const tokenEndpointParams = request.query;
    const got = await request.oidc.accessToken.refresh({ tokenEndpointParams });
    response.json({ ...got, refreshToken: request.oidc.refreshToken });
  });
  app.get('/userinfo', async (request, response) => response.json(await request.oidc.fetchUserInfo()));
  app.use((error, request, response, next) => {
    if (response.headersSent) return next(error);
    const { status, error: code, error_description: description, cause, message } = error;
    return response.status(status ?? 500)
      .json({ error: code ?? cause?.error, description: description ?? cause?.error_description, message });
  });
  return { baseURL, calls };
}

/** What the application answers, as JSON. */
async function ask(visitor, url) {
  const { response } = await visitor.go(url);
  return { status: response.status, ...await response.json() };
}

/** To the callback of the application, which the application has not seen yet. */
async function toCallback(visitor, { baseURL }, user = server.user) {
  const { callback: authorize } = await visitor.follow(`${baseURL}/login`);
  return visitor.visit(authorize, user);
}

async function loggedIn(app, user = server.user, visitor = new Visitor()) {
  const { callback } = await toCallback(visitor, app, user);
  const { next } = await visitor.go(callback);
  assert.equal(next?.origin, app.baseURL);
  return visitor;
}

test('express-openid-connect: a login, and a token for the other API', async (t) => {
  const app = await application(t);
  const visitor = await loggedIn(app);
  const me = await ask(visitor, `${app.baseURL}/me`);
  assert.equal(me.user.email, server.user.email);
  await serves(scene, me.accessToken.access_token, first.audience, first.scope);
  assert.equal((await ask(visitor, `${app.baseURL}/userinfo`)).email, server.user.email);

  const query = new URLSearchParams({ audience: second.audience, scope: 'openid read:b' });
  const got = await ask(visitor, `${app.baseURL}/refresh?${query}`);
  await serves(scene, got.access_token, second.audience, 'read:b');
  assert.notEqual(got.refreshToken, me.refreshToken, 'it rotates');
  const again = await ask(visitor, `${app.baseURL}/me`);
  assert.equal(again.refreshToken, got.refreshToken, 'and the session has the new one');
  const back = await ask(visitor, `${app.baseURL}/refresh`);
  await serves(scene, back.access_token, first.audience, first.scope);
});

test('express-openid-connect: as it comes, an ID token is posted to the application', async (t) => {
  const registered = { grant_types: ['implicit'], refresh_token: undefined };
  const app = await application(t, { registered, authorizationParams: {}, clientSecret: undefined });
  const visitor = new Visitor();
  const { callback: authorize } = await visitor.follow(`${app.baseURL}/login`);
  const asked = Object.fromEntries(authorize.searchParams);
  assert.equal(asked.response_type, 'id_token');
  assert.equal(asked.response_mode, 'form_post');
  const page = await visitor.visit(authorize, server.user);
  await visitor.submit(page);
  const me = await ask(visitor, `${app.baseURL}/me`);
  assert.equal(me.user.email, server.user.email);
  assert.equal(me.accessToken, undefined);

  // The answer in the browser of somebody else, who never asked to log in.
  assert.equal((await new Visitor().submit(page)).status, 400);
});

test('express-openid-connect: a code and an ID token together, posted', async (t) => {
  const registered = { grant_types: ['authorization_code', 'implicit', 'refresh_token'] };
  const app = await application(t, { registered, authorizationParams: { ...CODE, response_type: 'code id_token' } });
  const visitor = new Visitor();
  await visitor.submit(await toCallback(visitor, app));
  const me = await ask(visitor, `${app.baseURL}/me`);
  assert.equal(me.user.email, server.user.email);
  await serves(scene, me.accessToken.access_token, first.audience, first.scope);
});

test('express-openid-connect: a pushed login', async (t) => {
  const registered = { require_pushed_authorization_requests: true };
  const app = await application(t, { registered, pushedAuthorizationRequests: true });
  const { callback: authorize } = await new Visitor().follow(`${app.baseURL}/login`);
  assert.deepEqual([...authorize.searchParams.keys()].sort(), ['client_id', 'request_uri']);
  const me = await ask(await loggedIn(app), `${app.baseURL}/me`);
  await serves(scene, me.accessToken.access_token, first.audience, first.scope);
});

for (const [auth0Logout, path] of [[false, '/oidc/logout'], [true, '/v2/logout']]) {
  test(`express-openid-connect: a log out at ${path}`, async (t) => {
    const app = await application(t, { auth0Logout });
    const visitor = await loggedIn(app);
    const { callback: logout } = await visitor.follow(`${app.baseURL}/logout`);
    assert.equal(logout.pathname, path);
    // With the ID token as a hint nobody is asked.
    const { callback } = await visitor.follow(logout);
    assert.equal(callback?.href, `${app.baseURL}/`);
    assert.deepEqual(await ask(visitor, `${app.baseURL}/me`), { status: 200 });
    const { callback: authorize } = await visitor.follow(`${app.baseURL}/login`);
    const page = await visitor.follow(authorize);
    assert.equal(new URL(page.url).pathname, '/u/login', 'there is no session');
  });
}

test('express-openid-connect: a log out in one application ends the session in the other', async (t) => {
  const [one, other] = [await application(t), await application(t, {
    backchannelLogout: true, session: { store: sessions() },
  })];
  const visitor = await loggedIn(one);
  // Both are on one host, and in browsers cookies do not see the port: so a jar for each.
  const elsewhere = new Visitor();
  elsewhere.cookies = new Map([...visitor.cookies].filter(([name]) => /doorward/.test(name)));
  await loggedIn(other, server.user, elsewhere);
  assert.equal((await ask(elsewhere, `${other.baseURL}/me`)).user.email, server.user.email);

  const told = once(other.calls, 'logout', { signal: AbortSignal.timeout(15_000) });
  const { callback: logout } = await visitor.follow(`${one.baseURL}/logout`);
  await visitor.follow(logout);
  assert.deepEqual(await told, [204]);
  assert.deepEqual(await ask(elsewhere, `${other.baseURL}/me`), { status: 200 });
});

test('express-openid-connect: a logout token that the server did not sign ends nothing', async (t) => {
  const app = await application(t, { backchannelLogout: true, session: { store: sessions() } });
  const visitor = await loggedIn(app);
  const { idToken } = await ask(visitor, `${app.baseURL}/me`);
  // An ID token of the same login is signed, but it is no logout token.
  const { response } = await new Visitor().go(`${app.baseURL}/backchannel-logout`, {
    method: 'POST', body: new URLSearchParams({ logout_token: idToken }),
  });
  assert.equal(response.status, 400);
  assert.equal((await ask(visitor, `${app.baseURL}/me`)).user.email, server.user.email);
});

test('express-openid-connect: an audience outside the policies is refused, and the session lives on', async (t) => {
  const app = await application(t);
  const visitor = await loggedIn(app);
  const refused = await ask(visitor, `${app.baseURL}/refresh?${new URLSearchParams({ audience: outside.audience })}`);
  assert.equal(refused.error, 'invalid_target');
  const got = await ask(visitor, `${app.baseURL}/refresh?${new URLSearchParams({ audience: second.audience })}`);
  await serves(scene, got.access_token, second.audience, second.scope);
});

test('express-openid-connect: a user who was blocked after the login', async (t) => {
  const user = await addUser(server);
  const app = await application(t);
  const visitor = await loggedIn(app, user);
  await block(server, user);
  const refused = await ask(visitor, `${app.baseURL}/refresh`);
  assert.equal(refused.error, scene.errorStatus === 'auth0' ? 'unauthorized' : 'invalid_grant');
  assert.equal(refused.description, 'user is blocked');
});

test('express-openid-connect: a code that has expired, or was used before, is no login', async (t) => {
  const late = await application(t, { on: hasty });
  const visitor = new Visitor();
  const { callback } = await toCallback(visitor, late, hasty.user);
  await sleep(1_500);
  const expired = await ask(visitor, callback);
  assert.deepEqual([expired.status, expired.error, expired.description], [400, 'invalid_grant', 'Invalid authorization code']);

  const app = await application(t);
  const twice = new Visitor();
  const login = await toCallback(twice, app);
  const cookies = new Map(twice.cookies);
  await twice.go(login.callback);
  // The application forgets what it has asked for; the server does not rely on it.
  twice.cookies = cookies;
  const used = await ask(twice, login.callback);
  assert.deepEqual([used.status, used.error, used.description], [400, 'invalid_grant', 'Invalid authorization code']);
});

test('express-openid-connect: a person who declines, and a secret that is wrong', async (t) => {
  const stranger = await application(t, { registered: { is_first_party: false } });
  const visitor = new Visitor();
  const page = await toCallback(visitor, stranger);
  const { callback } = await visitor.submit(page, { action: 'decline' });
  const declined = await ask(visitor, callback);
  assert.deepEqual([declined.status, declined.error], [400, 'access_denied']);

  const impostor = await application(t, { clientSecret: 'not the secret of it' });
  const other = new Visitor();
  const refused = await ask(other, (await toCallback(other, impostor)).callback);
  assert.equal(refused.status, 400);
  // Who uses the header is answered with one (RFC 6749 §5.2), and the SDK reads no further.
  assert.equal(refused.error, 'OAUTH_WWW_AUTHENTICATE_CHALLENGE');
});
