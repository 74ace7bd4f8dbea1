// Multi-resource refresh tokens as the unmodified Auth0 SDK for single-page applications uses them:
// `useRefreshTokens` and `useMrrt`, with tokens in local storage and in a worker.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { decodeJwt } from 'jose';
import { needsBrowser } from './browser.mjs';
import { BASE, policiesOf, setStage } from './stage.mjs';

let stage;
before(async () => { if (!needsBrowser.skip) stage = await setStage(); });
after(() => stage?.stop());

const judge = (name, run) => test(`auth0-spa-js: ${name}`, needsBrowser, run);
const anew = { cacheMode: 'off' };

/**
 * Asks for every API at once: a token or an error each. The SDK locks per audience, so no request waits for another's
 * answer, and here none has one before all have left with the refresh token of that moment.
 */
async function allAtOnce(visit) {
  const left = [];
  await visit.page.route('**/oauth/token', async (route) => {
    left.push(route);
    if (left.length === stage.apis.length) await Promise.all(left.map((one) => one.continue()));
  }, { times: stage.apis.length });
  return visit.run((audiences) => Promise.all(audiences.map((audience) => client
    .getTokenSilently({ cacheMode: 'off', authorizationParams: { audience } })
    .then((token) => ({ token }), ({ message }) => ({ message })))), stage.apis.map((api) => api.audience));
}

/** What the SDK makes of being asked for a token of `api`. */
const refused = (visit, api, more = {}) => visit.refusal(([audience, scope, rest]) => client.getTokenSilently(
  { ...rest, authorizationParams: { audience, scope } }), [api.audience, api.scope, more]);

for (const [mode, cache] of [
  ['tokens in local storage', { cacheLocation: 'localstorage' }],
  ['tokens in a worker, the default', { cacheLocation: 'memory' }],
]) {
  describe(`auth0-spa-js with ${mode}`, needsBrowser, () => {
    // The worker and its tokens live as long as the page: it logs in through a popup.
    const loggedIn = async (clientOptions) => {
      const visit = await stage.visitWithSession(stage.options(await stage.register(clientOptions), cache));
      await visit.run(() => client.loginWithPopup());
      return visit;
    };

    test('one login serves every API, and each API only its own', needsBrowser, async () => {
      const visit = await loggedIn();
      const [first, second] = stage.apis;
      await stage.assertServes(await visit.run(() => client.getTokenSilently()), first);
      assert.equal(visit.sent.length, 1, 'that one came with the login');
      await stage.assertServes(await visit.token(second), second);
      await stage.assertServes(await visit.token(first, anew), first);
      await stage.assertServes(await visit.token(second, anew), second);
      const tokens = visit.sent.map((request) => request.refresh_token).filter(Boolean);
      assert.equal(new Set(tokens).size, 3, 'each refresh token is used once');
      assert.equal(visit.authorized.length, 1, 'one login');
      await visit.close();
    });

    test('tokens asked for in parallel all arrive, and the login survives', needsBrowser, async () => {
      const visit = await loggedIn();
      const answers = await allAtOnce(visit);
      for (const [i, api] of stage.apis.entries()) await stage.assertServes(answers[i].token, api);
      const sent = visit.sent.slice(1);
      assert.equal(sent.length, stage.apis.length);
      assert.equal(new Set(sent.map((request) => request.refresh_token)).size, 1);
      for (const api of [...stage.apis, ...stage.apis]) {
        await stage.assertServes(await visit.token(api, anew), api);
      }
      await visit.close();
    });

    test('without a leeway one of three parallel requests succeeds, and the login ends', needsBrowser, async () => {
      const visit = await loggedIn({ refresh_token: { leeway: 0 } });
      const messages = (await allAtOnce(visit)).map(({ message }) => message).filter(Boolean);
      const dead = 'Unknown or invalid refresh token.';
      assert.deepEqual(messages, [dead, dead]);
      const { error } = await refused(visit, stage.apis[0], anew);
      assert.ok(['invalid_grant', 'missing_refresh_token'].includes(error), error);
      await visit.close();
    });
  });
}

judge('every API finds the newest refresh token in local storage', async () => {
  const visit = await stage.visitWithSession(stage.options(await stage.register()));
  await visit.logIn();
  const seen = new Set();
  for (const api of [stage.apis[1], stage.apis[2], stage.apis[0]]) {
    await visit.token(api, anew);
    const kept = Object.values(await visit.refreshTokens());
    assert.equal(new Set(kept).size, 1, 'all entries hold the same');
    assert.ok(!seen.has(kept[0]));
    seen.add(kept[0]);
  }
  await visit.close();
});

judge('two tabs that want the same API both get it, and the login survives', async () => {
  const visit = await stage.visitWithSession(stage.options(await stage.register()));
  await visit.logIn();
  const other = await visit.page.context().newPage();
  await other.goto(stage.origin);
  const ask = (audience) => client.getTokenSilently({ authorizationParams: { audience } });
  const { audience } = stage.apis[1];
  const [one, two] = await Promise.all([visit.page.evaluate(ask, audience), other.evaluate(ask, audience)]);
  // The SDK's lock lets one tab ask and the other find the answer in the storage that they share,
  // unless the browser has not carried it over yet: then both ask with the same refresh token.
  for (const token of [one, two]) await stage.assertServes(token, stage.apis[1]);
  assert.ok([2, 3].includes(visit.sent.length), 'the code, and the refresh token at most twice');
  await stage.assertServes(await visit.token(stage.apis[0], anew), stage.apis[0]);
  await visit.close();
});

judge('without an audience anywhere a refresh is for the audience of the login', async () => {
  const clientId = await stage.register();
  const options = stage.options(clientId, { authorizationParams: { scope: 'profile email' } });
  delete options.authorizationParams.audience;
  const visit = await stage.visitWithSession(options);
  await visit.logIn();
  const token = await visit.run(() => client.getTokenSilently({ cacheMode: 'off' }));
  const { audience, scope } = visit.sent.at(-1);
  assert.equal(audience, undefined);
  assert.equal(scope, BASE);
  const claims = decodeJwt(token);
  assert.deepEqual([claims.aud].flat(), [`${stage.issuer}userinfo`]);
  const userinfo = await fetch(`${stage.issuer}userinfo`, { headers: { Authorization: `Bearer ${token}` } });
  assert.equal((await userinfo.json()).email, stage.user.email);

  const [, second] = stage.apis;
  await stage.assertServes(await visit.token(second, { scope: second.scope }), second);
  await visit.close();
});

judge('a request without a scope gets what was granted and what the policy adds', async () => {
  const [first] = stage.apis;
  const more = { ...first, scope: `${first.scope} write:orders` };
  const { id, scopes } = await stage.call('GET', `resource-servers/${encodeURIComponent(first.audience)}`);
  await stage.call('PATCH', `resource-servers/${id}`, { scopes: [...scopes, { value: 'write:orders' }] });
  const clientId = await stage.register({ refresh_token: { policies: policiesOf([more]) } });
  const visit = await stage.visitWithSession(stage.options(clientId));
  await visit.logIn();
  const [refresh_token] = Object.values(await visit.refreshTokens());
  const response = await fetch(`${stage.issuer}oauth/token`, {
    method: 'POST', body: new URLSearchParams({ grant_type: 'refresh_token', client_id: clientId, refresh_token }),
  });
  const { scope } = await response.json();
  assert.deepEqual(scope.split(' ').toSorted(), `${BASE} ${more.scope}`.split(' ').toSorted());
  await visit.close();
});

judge('a scope outside the policy is missed by name, and the fallback asks in a frame', async () => {
  const [first, second] = stage.apis;
  const clientId = await stage.register();
  const wanted = { audience: second.audience, scope: 'delete:everything' };
  const visit = await stage.visitWithSession(stage.options(clientId));
  await visit.logIn();
  const { name, error, description } = await refused(visit, wanted);
  assert.equal(name, 'MissingScopesError');
  assert.equal(error, 'missing_scopes');
  assert.match(description, /missing scope: 'delete:everything'/);
  await stage.assertServes(await visit.token(first, anew), first);

  await visit.open(stage.options(clientId, { useRefreshTokensFallback: true }));
  const before = visit.authorized.length;
  await stage.assertServes(await visit.token(second, { scope: wanted.scope }), second);
  const [frame, ...others] = visit.authorized.slice(before);
  assert.deepEqual(others, []);
  assert.equal(frame.prompt, 'none');
  assert.equal(frame.audience, second.audience);
  assert.ok(frame.scope.split(' ').includes(wanted.scope));
  await visit.close();
});

judge('an API outside the policies is refused, until a policy names it', async () => {
  const [first, second, third] = stage.apis;
  const clientId = await stage.register({ refresh_token: { policies: policiesOf([first, second]) } });
  const visit = await stage.visitWithSession(stage.options(clientId));
  await visit.logIn();
  const { name, error } = await refused(visit, third);
  assert.deepEqual([name, error], ['GenericError', 'invalid_target']);
  assert.deepEqual(Object.keys(await visit.refreshTokens()), [first.audience]);

  const { refresh_token: current } = await stage.call('GET', `clients/${clientId}`);
  const refreshToken = { ...current, policies: policiesOf(stage.apis) };
  await stage.call('PATCH', `clients/${clientId}`, { refresh_token: refreshToken });
  await stage.assertServes(await visit.token(third), third);
  await stage.assertServes(await visit.token(first, anew), first);
  await visit.close();
});

judge('without useMrrt the SDK itself refuses another API', async () => {
  const visit = await stage.visitWithSession(stage.options(await stage.register(), { useMrrt: false }));
  await visit.logIn();
  const { name, error } = await refused(visit, stage.apis[1]);
  assert.deepEqual([name, error], ['MissingRefreshTokenError', 'missing_refresh_token']);
  const token = await visit.run(() => client.getTokenSilently({ cacheMode: 'off' }));
  await stage.assertServes(token, stage.apis[0]);
  assert.equal(visit.sent.at(-1).audience, undefined);
  await visit.close();
});

test('auth0-spa-js: where unknown audiences fall back, a token for the wrong API is not kept', needsBrowser, async () => {
  const lenient = await setStage({ config: '[refresh_tokens]\nmrrt_unknown_audience = "fallback"\n' });
  try {
    const [first, , third] = lenient.apis;
    const clientId = await lenient.register({ refresh_token: { policies: policiesOf([first]) } });
    const visit = await lenient.visit(lenient.options(clientId));
    await visit.logIn({ user: lenient.user });
    const { name, description } = await refused(visit, third);
    assert.equal(name, 'MissingScopesError');
    assert.match(description, new RegExp(`missing scope: '${third.scope}'`));
    assert.deepEqual(Object.keys(await visit.refreshTokens()), [first.audience]);
    await lenient.assertServes(await visit.token(first, anew), first);
  } finally {
    await lenient.stop();
  }
});
