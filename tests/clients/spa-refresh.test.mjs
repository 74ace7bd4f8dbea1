// The life of a refresh token in the unmodified Auth0 SDK for single-page applications: lost answers,
// theft, revocation, blocked users, lifetimes.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { needsBrowser } from './browser.mjs';
import { BASE, setStage } from './stage.mjs';

let stage;
before(async () => { if (!needsBrowser.skip) stage = await setStage(); });
after(() => stage?.stop());

const judge = (name, run) => test(`auth0-spa-js: ${name}`, needsBrowser, run);

const WORKER = { cacheLocation: 'memory' };
const FALLBACK = { useRefreshTokensFallback: true };
const DEAD = { name: 'GenericError', error: 'invalid_grant', description: 'Unknown or invalid refresh token.' };
const anew = () => client.getTokenSilently({ cacheMode: 'off' });

async function loggedIn(more = {}, clientOptions = {}) {
  const visit = await stage.visitWithSession(stage.options(await stage.register(clientOptions), more));
  await visit.logIn();
  return visit;
}

/** Sends a refresh token as somebody would who has stolen it. */
async function replay(visit, refresh_token) {
  const response = await fetch(`${stage.issuer}oauth/token`, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'refresh_token', client_id: visit.options.clientId, refresh_token }),
  });
  return { status: response.status, body: await response.json() };
}

const newest = async (visit) => Object.values(await visit.refreshTokens())[0];

/** Stands between the application and the token endpoint. */
const between = (visit, handler) => visit.page.route(`${stage.issuer}oauth/token`, handler);

judge('an answer that got lost is asked for again with the same refresh token', async () => {
  const visit = await loggedIn({ httpTimeoutInSeconds: 1 });
  const answers = [];
  await between(visit, async (route) => {
    const response = await route.fetch();
    answers.push(await response.json());
    // The server has answered; the application hears of it only the second time.
    if (answers.length > 1) await route.fulfill({ response });
  });
  await stage.assertServes(await visit.run(anew), stage.apis[0]);
  const sent = visit.sent.slice(1);
  assert.equal(sent.length, 2);
  assert.equal(sent[0].refresh_token, sent[1].refresh_token);
  assert.equal(answers[0].refresh_token, answers[1].refresh_token, 'the same successor');
  await visit.page.unroute(`${stage.issuer}oauth/token`);
  await stage.assertServes(await visit.run(anew), stage.apis[0]);
  await visit.close();
});

judge('a proxy that answers with a page in place of the server makes the SDK try again, without harm', async () => {
  const visit = await loggedIn();
  let failures = 0;
  await between(visit, async (route) => {
    const response = await route.fetch();
    failures += 1;
    if (failures < 3) await route.fulfill({ response, status: 502, contentType: 'text/html', body: '<h1>Bad gateway</h1>' });
    else await route.fulfill({ response });
  });
  await stage.assertServes(await visit.run(anew), stage.apis[0]);
  assert.equal(new Set(visit.sent.slice(1).map((request) => request.refresh_token)).size, 1);
  assert.equal(visit.sent.length, 4);
  await visit.close();
});

judge('a refresh token that is used again after the leeway ends the login', async () => {
  // A leeway of zero is over at once.
  const visit = await loggedIn({}, { refresh_token: { leeway: 0 } });
  const stolen = await newest(visit);
  await visit.run(anew);
  const current = await newest(visit);
  assert.notEqual(current, stolen);

  const { status, body } = await replay(visit, stolen);
  assert.equal(status, 400);
  assert.deepEqual(body, { error: DEAD.error, error_description: DEAD.description });
  assert.equal((await replay(visit, current)).status, 400, 'every token of the login');
  assert.deepEqual(await visit.refusal(anew), DEAD);
  assert.ok(await visit.run(() => client.isAuthenticated()), 'what the SDK does with this error');

  // The session is another thing: with the fallback the SDK finds it, and begins anew.
  await visit.open({ ...visit.options, ...FALLBACK });
  await stage.assertServes(await visit.run(anew), stage.apis[0]);
  assert.equal(visit.authorized.at(-1).prompt, 'none');
  assert.notEqual(await newest(visit), current);
  await stage.assertServes(await visit.run(anew), stage.apis[0]);
  await visit.close();
});

judge('revokeRefreshToken ends it for every API', async () => {
  const visit = await loggedIn();
  await visit.token(stage.apis[1]);
  const last = await newest(visit);
  const revoked = visit.page.waitForResponse(`${stage.issuer}oauth/revoke`);
  await visit.run(() => client.revokeRefreshToken());
  assert.equal((await revoked).status(), 200);
  assert.deepEqual(Object.values(await visit.refreshTokens()), [undefined, undefined]);
  assert.equal((await visit.refusal(anew)).name, 'MissingRefreshTokenError');
  assert.equal((await replay(visit, last)).status, 400);
  await visit.close();
});

judge('revokeRefreshToken works from the worker', async () => {
  const visit = await stage.visitWithSession(stage.options(await stage.register(), WORKER));
  await visit.run(() => client.loginWithPopup());
  await visit.run(anew);
  const last = visit.sent.at(-1).refresh_token;
  await visit.run(() => client.revokeRefreshToken());
  assert.equal((await visit.refusal(anew)).name, 'MissingRefreshTokenError');
  assert.equal((await replay(visit, last)).status, 400);
  await visit.close();
});

judge('a login that the operator revoked is a documented error, and a new login with the fallback', async () => {
  const user = await stage.addUser();
  const visit = await stage.visit(stage.options(await stage.register()));
  await visit.logIn({ user });
  await stage.call('DELETE', `users/${encodeURIComponent(user.user_id)}/refresh-tokens`);
  assert.deepEqual(await visit.refusal(anew), DEAD);
  await visit.open({ ...visit.options, ...FALLBACK });
  await stage.assertServes(await visit.run(anew), stage.apis[0]);

  // And without a session there is nobody left.
  await stage.call('DELETE', `users/${encodeURIComponent(user.user_id)}/refresh-tokens`);
  await stage.call('DELETE', `users/${encodeURIComponent(user.user_id)}/sessions`);
  assert.equal((await visit.refusal(anew)).error, 'login_required');
  assert.equal(await visit.run(() => client.isAuthenticated()), false);
  await visit.close();
});

judge('everything works with JSON in place of forms', async () => {
  const visit = await loggedIn({ useFormData: false });
  const types = [];
  visit.page.on('request', (request) => {
    if (request.method() === 'POST') types.push(request.headers()['content-type']);
  });
  await stage.assertServes(await visit.token(stage.apis[1]), stage.apis[1]);
  await visit.run(() => client.revokeRefreshToken());
  assert.deepEqual(types, ['application/json', 'application/json']);
  assert.equal((await visit.refusal(anew)).name, 'MissingRefreshTokenError');
  await visit.close();
});

judge('a blocked user is logged out at the next refresh', async () => {
  const user = await stage.addUser();
  const visit = await stage.visit(stage.options(await stage.register()));
  await visit.logIn({ user });
  await stage.change(user, { blocked: true });
  assert.deepEqual(await visit.refusal(anew),
    { name: 'GenericError', error: 'invalid_grant', description: 'user is blocked' });
  assert.equal(await visit.run(() => client.isAuthenticated()), false);
  assert.deepEqual(await visit.refreshTokens(), {});
  assert.equal(await visit.isRemembered(), false);
  await visit.close();
});

judge('a refresh token that does not rotate is returned, so the SDK keeps it', async () => {
  const visit = await loggedIn({}, { refresh_token: { rotation_type: 'non-rotating', leeway: undefined } });
  const first = await newest(visit);
  for (const api of stage.apis) {
    await stage.assertServes(await visit.token(api, { cacheMode: 'off' }), api);
    assert.equal(await newest(visit), first);
  }
  await visit.close();
});

// The SDK fetches a new token when less than a minute is left.
for (const [lifetime, requests] of [[59, 2], [61, 1]]) {
  judge(`an access token of ${lifetime} seconds is fetched ${requests === 1 ? 'once' : 'again'}`, async () => {
    const api = {
      name: 'Short-lived API', audience: `https://short-${lifetime}.example/`, scope: 'read:short', token_lifetime: lifetime,
    };
    await stage.addApi(api);
    const visit = await loggedIn({ authorizationParams: { audience: api.audience, scope: { default: `${BASE} ${api.scope}` } } });
    // The clock of the page stands still: a slow machine changes nothing.
    await visit.page.clock.setFixedTime(new Date());
    const before = visit.sent.length;
    await visit.run(anew);
    for (let times = 0; times < 2; times += 1) await visit.run(() => client.getTokenSilently());
    assert.equal(visit.sent.length - before, requests === 1 ? 1 : 3);
    await visit.close();
  });
}

judge('the answers of the token endpoint are readable across origins, refusals too', async () => {
  const visit = await loggedIn();
  const answers = await visit.run(async ([url, clientId]) => {
    const send = async (headers, body) => {
      const response = await fetch(url, { method: 'POST', headers, body: new URLSearchParams(body) });
      return [response.status, (await response.json()).error];
    };
    const refresh = { client_id: clientId, grant_type: 'refresh_token', refresh_token: 'v1.none' };
    return {
      refused: await send({ 'Auth0-Client': 'e30=' }, refresh),
      proven: await send({ 'Auth0-Client': 'e30=', DPoP: 'no proof' }, refresh),
      stranger: await send({}, { ...refresh, client_id: 'nobody' }),
      nothing: await send({}, {}),
    };
  }, [`${stage.issuer}oauth/token`, visit.options.clientId]);
  assert.deepEqual(answers.refused, [400, 'invalid_grant']);
  assert.equal(answers.proven[0], 400);
  assert.deepEqual(answers.stranger, [401, 'invalid_client']);
  assert.ok(answers.nothing[0] >= 400);
  await visit.close();
});
