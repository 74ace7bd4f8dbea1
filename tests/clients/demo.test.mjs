// What someone sees who runs `doorward quickstart` and opens the demo.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { freshPage, launch, logIn, needsBrowser, screenshot } from './browser.mjs';
import { management, startDoorward } from './server.mjs';

let doorward;
let browser;

before(async () => {
  if (needsBrowser.skip) return;
  doorward = await startDoorward();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await doorward?.stop();
});

const words = (text) => new Set(text.split(' ').filter(Boolean));

async function refreshToken(page) {
  return {
    fingerprint: await page.textContent('#rt-fingerprint'),
    generation: Number(await page.textContent('#rt-generation')),
  };
}

/** Every API has its token: the last of them has arrived when the log has a line for each. */
async function tokensFor(page, count) {
  await page.locator('#log li').nth(count - 1).waitFor();
  await page.waitForFunction(() => !document.querySelector('#in').hidden
    && [...document.querySelectorAll('.api-card .aud')].every((e) => e.textContent !== '–'));
}

async function waitForRotation(page, before) {
  await page.waitForFunction(
    (old) => document.querySelector('#rt-fingerprint').textContent !== old, before.fingerprint);
  return refreshToken(page);
}

test('one login on the demo page brings a token for every API', needsBrowser, async () => {
  const { apis, user } = doorward;
  const page = await freshPage(browser, { viewport: { width: 1240, height: 900 } });
  await page.goto(doorward.demo_url);
  await page.click('#login');
  await logIn(page, user);
  await tokensFor(page, apis.length);

  assert.equal(await page.textContent('#user'), user.email);
  assert.equal(page.url(), doorward.demo_url, 'the code is gone from the address bar');
  for (const api of apis) {
    const card = page.locator(`.api-card[data-audience="${api.audience}"]`);
    assert.equal(await card.locator('.aud').textContent(), api.audience);
    const scope = words(await card.locator('.scope').textContent());
    for (const wanted of words(`openid profile email offline_access ${api.scope}`)) {
      assert.ok(scope.has(wanted), `${api.name} has ${wanted}`);
    }
    for (const other of apis.filter((one) => one !== api)) {
      for (const foreign of words(other.scope)) {
        assert.equal(scope.has(foreign), words(api.scope).has(foreign), `${api.name}, ${foreign}`);
      }
    }
    const payload = JSON.parse(await card.locator('.payload').textContent());
    assert.equal(payload.iss, doorward.issuer);
    assert.equal(payload.azp, doorward.demo_client_id);
  }
  await screenshot(page, 'demo-logged-in-light');

  const first = await refreshToken(page);
  await page.locator('.api-card .exchange').last().click();
  const second = await waitForRotation(page, first);
  assert.equal(second.generation, first.generation + 1);

  await page.click('#exchange-all');
  await page.locator('#verdict[data-successors="1"]').waitFor();
  const third = await refreshToken(page);
  assert.equal(third.generation, second.generation + 1, 'parallel exchanges have one successor');
  assert.notEqual(third.fingerprint, second.fingerprint);

  await page.locator('.api-card .exchange').first().click();
  const fourth = await waitForRotation(page, third);
  assert.equal(fourth.generation, third.generation + 1, 'the successor is alive');
  assert.equal(await page.locator('#log li[data-outcome="refused"]').count(), 0);

  await page.emulateMedia({ colorScheme: 'dark' });
  await screenshot(page, 'demo-logged-in-dark');
  await page.setViewportSize({ width: 375, height: 740 });
  await screenshot(page, 'demo-logged-in-phone');

  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test('a second visit needs no password, and a log out ends that', needsBrowser, async () => {
  const { apis, user } = doorward;
  const page = await freshPage(browser);
  await page.goto(doorward.demo_url);
  await screenshot(page, 'demo-logged-out');
  await page.click('#login');
  await logIn(page, user);
  await tokensFor(page, apis.length);

  await page.goto(doorward.demo_url);
  // A reload forgets the tokens. The page asks the server who it is before it offers to log in.
  await page.locator('#login').waitFor({ state: 'visible' });
  const visited = [];
  page.on('framenavigated', (frame) => visited.push(new URL(frame.url()).pathname));
  await page.click('#login');
  await tokensFor(page, apis.length);
  assert.ok(!visited.includes('/u/login'), 'the session logs in without a password');

  await page.click('#logout');
  await page.waitForURL(doorward.demo_url);
  await page.locator('#login').click();
  await page.waitForURL(/\/u\/login\b/);
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test('a wrong password says so, keeps the username, and can be corrected', needsBrowser, async () => {
  const { apis, user } = doorward;
  const page = await freshPage(browser, { colorScheme: 'light' });
  await page.goto(doorward.demo_url);
  await page.click('#login');
  await page.waitForURL(/\/u\/login\b/);
  await screenshot(page, 'login-light');
  await page.emulateMedia({ colorScheme: 'dark' });
  await screenshot(page, 'login-dark');
  await page.setViewportSize({ width: 375, height: 740 });
  await screenshot(page, 'login-phone-dark');
  await page.emulateMedia({ colorScheme: 'light' });
  await screenshot(page, 'login-phone');

  assert.ok(await page.locator('#username').evaluate((e) => e === document.activeElement));
  await logIn(page, { email: user.email, password: 'not the password' });
  await page.locator('[role="alert"]').waitFor();
  await screenshot(page, 'login-error');
  assert.equal(await page.inputValue('#username'), user.email);
  assert.equal(await page.inputValue('#password'), '');
  assert.ok(await page.locator('#password').evaluate((e) => e === document.activeElement));

  await logIn(page, user);
  await tokensFor(page, apis.length);
  await page.context().close();
});

test('an API that demands consent asks for it, and a refusal reaches the application', needsBrowser, async () => {
  const { issuer, user } = doorward;
  const created = await management(doorward)('POST', 'resource-servers', {
    name: 'Medical records',
    identifier: 'https://records.example/',
    scopes: [
      { value: 'read:records', description: 'Read your medical records' },
      { value: 'share:records', description: 'Share your medical records with others' },
    ],
    allow_offline_access: true,
    skip_consent_for_verifiable_first_party_clients: false,
  });
  const page = await freshPage(browser);
  await page.goto(doorward.demo_url);
  await page.waitForSelector('#login:visible');
  // The demo's own way to the login, for another API.
  await page.route('**/authorize?*', (route) => {
    const url = new URL(route.request().url());
    url.searchParams.set('audience', created.identifier);
    url.searchParams.set('scope', 'openid offline_access read:records share:records');
    return route.continue({ url: url.href });
  }, { times: 1 });
  await page.click('#login');
  await logIn(page, user);
  await page.waitForURL(/\/u\/consent\b/);
  await screenshot(page, 'consent-light');
  await page.emulateMedia({ colorScheme: 'dark' });
  await screenshot(page, 'consent-dark');
  const text = await page.textContent('main');
  for (const said of ['Medical records', 'Read your medical records', 'share:records', user.email]) {
    assert.ok(text.includes(said), `the page says ${said}`);
  }
  await page.click('button[name="action"][value="decline"]');
  await page.waitForURL(`${issuer}demo/**`);
  await page.locator('#message:visible').waitFor();
  assert.equal(await page.locator('.api-card').count(), 0);
  await page.context().close();
});

test('the login works without JavaScript', needsBrowser, async () => {
  const { apis, demo_client_id, demo_url, issuer, user } = doorward;
  const page = await freshPage(browser, { javaScriptEnabled: false });
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: demo_client_id,
    redirect_uri: demo_url,
    audience: apis[0].audience,
    scope: 'openid',
    state: 'a+b/c=',
    code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
    code_challenge_method: 'S256',
  });
  await page.goto(`${issuer}authorize?${query}`);
  await logIn(page, { ...user, password: 'wrong' });
  await page.locator('[role="alert"]').waitFor();
  await logIn(page, user);
  await page.waitForURL(`${demo_url}?**`);
  const answer = new URL(page.url()).searchParams;
  assert.ok(answer.get('code'));
  assert.equal(answer.get('state'), 'a+b/c=');
  await page.context().close();
});

test('a callback that is not registered is shown, not followed', needsBrowser, async () => {
  const { demo_client_id, issuer } = doorward;
  const page = await freshPage(browser);
  const query = new URLSearchParams({
    response_type: 'code', client_id: demo_client_id, redirect_uri: 'https://evil.example/',
  });
  const response = await page.goto(`${issuer}authorize?${query}`);
  assert.ok(response.status() >= 400 && response.status() < 500);
  assert.equal(new URL(page.url()).origin, new URL(issuer).origin);
  assert.match(response.headers()['content-type'], /^text\/html/);
  assert.match(response.headers()['content-security-policy'], /frame-ancestors 'none'/);
  await screenshot(page, 'error-page');
  await page.context().close();
});
