// The policy editor: what it previews is what the exchange then does, what is saved changes the next
// exchange of people who are logged in already, and nothing is lost between two who edit.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { needsBrowser } from './browser.mjs';
import { answer, assertNoProblems, axe, button, inspect, saved, setConsole, settled, shots } from './console.mjs';

const ORDERS = 'https://orders.example/';
const BILLING = 'https://billing.example/';
const REPORTS = 'https://reports.example/';
const LOGIN_SCOPE = 'openid offline_access read:reports';

let stage;
let count = 0;

before(async () => {
  if (needsBrowser.skip) return;
  stage = await setConsole();
  await stage.call('POST', 'resource-servers', {
    identifier: REPORTS, name: 'Reports', allow_offline_access: true,
    scopes: [
      { value: 'read:reports', description: 'See reports' }, { value: 'write:reports', description: 'Change reports' },
      { value: 'share:reports' },
    ],
  });
});
after(() => stage?.stop());

/** An application whose users log in by password, so that a test can log in without a page. */
async function application({ policies, refresh, ...more } = {}) {
  count += 1;
  const client = await stage.call('POST', 'clients', {
    name: `Shop ${count}`, app_type: 'native', token_endpoint_auth_method: 'none', grant_types: ['password', 'refresh_token'],
    refresh_token: { rotation_type: 'rotating', expiration_type: 'expiring', ...(policies && { policies }), ...refresh }, ...more,
  });
  return { ...client, path: `/applications/${client.client_id}/policies` };
}

async function token(parameters) {
  const response = await fetch(`${stage.issuer}oauth/token`, { method: 'POST', body: new URLSearchParams(parameters) });
  return response.json();
}

/** A login; exchanges with its refresh token follow the rotation. */
async function login(client, { audience = REPORTS, scope = LOGIN_SCOPE, user = stage.doorward.user } = {}) {
  const first = await token({
    grant_type: 'password', client_id: client.client_id,
    username: user.email, password: user.password, scope, ...(audience && { audience }),
  });
  let current = first.refresh_token;
  assert.ok(current, JSON.stringify(first));
  return async (target, asked) => {
    const answered = await token({
      grant_type: 'refresh_token', client_id: client.client_id, refresh_token: current,
      ...(target && { audience: target }), ...(asked && { scope: asked }),
    });
    current = answered.refresh_token ?? current;
    return answered;
  };
}

const policiesOf = async (client) => (await stage.call('GET', `clients/${client.client_id}`)).refresh_token.policies;
const block = (page, title) => page.getByRole('group', { name: new RegExp(`^${title}`) });
const box = (page, title, scope) => block(page, title).getByRole('checkbox', { name: scope, exact: true });
const exchange = (page, title) => page.locator('.exchange').filter({ has: page.getByRole('heading', { name: new RegExp(`^${title}`) }) });

/** Waits until the preview speaks of what is in the form. */
async function previewed(page) {
  await page.waitForFunction(() => /^Preview: /.test(document.querySelector('.preview [aria-live]')?.textContent ?? ''));
  await settled(page);
}

/** What the preview says: `{title: {allowed, scope}}`. */
async function previewOf(page) {
  await previewed(page);
  return page.$$eval('.exchange', (items) => Object.fromEntries(items.map((item) => [
    item.querySelector('h3').firstChild.textContent.trim(),
    {
      allowed: item.querySelector('h3 .badge').textContent === 'Allowed',
      scope: [...item.querySelectorAll('.exchange-sentence .scope-name')].map((one) => one.textContent).sort().join(' '),
    },
  ])));
}

async function addApi(page, search, title) {
  await button(page, 'Add an API').click();
  const dialog = page.getByRole('dialog', { name: 'Add an API' });
  await dialog.getByRole('searchbox').fill(search);
  await dialog.getByRole('button', { name: `Add ${title}`, exact: true }).click();
  await dialog.waitFor({ state: 'hidden' });
}

async function save(page) {
  await button(page, 'Save policies').click();
  await saved(page, 'The policies are saved.');
}

async function supposeLogin(page, { audience = REPORTS, scope = LOGIN_SCOPE } = {}) {
  const select = page.getByLabel('for the API', { exact: true });
  const known = await select.locator('option').evaluateAll((options) => options.map(({ value }) => value));
  if (known.includes(audience)) await select.selectOption(audience);
  else {
    await select.selectOption('another');
    const dialog = page.getByRole('dialog', { name: 'The API of the login' });
    await dialog.getByRole('searchbox').fill(audience);
    await page.waitForFunction(() => document.querySelectorAll('.picker-found strong').length === 1);
    await dialog.getByRole('button', { name: /^Choose / }).click();
    await dialog.waitFor({ state: 'hidden' });
  }
  await page.getByLabel('that asks for the scopes', { exact: true }).fill(scope);
  await previewed(page);
}

test('what is saved in the editor changes the exchanges of those who are logged in', needsBrowser, async () => {
  const client = await application();
  const refresh = await login(client);
  assert.equal((await refresh(BILLING)).error, 'invalid_target');

  const page = await stage.open(client.path);
  await page.getByText('No policies yet').waitFor();
  await inspect(page, 'policies-empty');
  await addApi(page, 'Billing', 'Billing API');
  await box(page, 'Billing API', 'read:invoices').check();
  await box(page, 'Billing API', 'pay:invoices').check();
  await supposeLogin(page);
  assert.match(await exchange(page, 'Billing API').locator('.exchange-sentence').textContent(),
    /because the policy has an entry for this API/);
  assert.match(await exchange(page, 'Billing API').textContent(), /refused now, and allowed after saving/);
  assert.match(await page.locator('.changes').textContent(), /Billing API is added with read:invoices pay:invoices/);
  await inspect(page, 'policies-draft');
  assert.equal(await policiesOf(client), undefined, 'a preview saves nothing');
  assert.equal((await refresh(BILLING)).error, 'invalid_target');

  await save(page);
  assert.deepEqual(await policiesOf(client), [{ audience: BILLING, scope: ['read:invoices', 'pay:invoices'] }]);
  assert.equal((await refresh(BILLING)).scope, 'openid offline_access read:invoices pay:invoices');

  await box(page, 'Billing API', 'pay:invoices').uncheck();
  await previewed(page);
  assert.match(await exchange(page, 'Billing API').locator('.effect').textContent(), /no longer pay:invoices/);
  assert.match(await page.locator('.changes').textContent(), /Billing API loses pay:invoices/);
  await save(page);
  assert.equal((await refresh(BILLING)).scope, 'openid offline_access read:invoices');

  await button(page, 'Remove Billing API from the policy').click();
  await previewed(page);
  assert.match(await exchange(page, 'Billing API').textContent(), /allowed now, and refused after saving/);
  assert.match(await page.locator('.changes').textContent(), /exchanges for it will be refused/);
  await save(page);
  assert.equal(await policiesOf(client), undefined);
  assert.equal((await refresh(BILLING)).error, 'invalid_target');
  assertNoProblems(page);
});

test('the preview of a draft is what the exchanges give once it is saved', needsBrowser, async () => {
  const client = await application({
    policies: [{ audience: BILLING, scope: ['read:invoices'] }, { audience: ORDERS, scope: [] },
      { audience: REPORTS, scope: ['write:reports'] }],
  });
  const titles = { [BILLING]: 'Billing API', [ORDERS]: 'Orders API', [REPORTS]: 'Reports' };
  const scopes = {
    [BILLING]: ['read:invoices', 'pay:invoices'], [ORDERS]: ['read:orders'],
    [REPORTS]: ['read:reports', 'write:reports', 'share:reports'],
  };
  const page = await stage.open(client.path);
  await previewed(page);
  // Which boxes are ticked in each round, in the order above; and which login it is for.
  for (const [round, ticks, audience, scope] of [
    [0, '110101', REPORTS, LOGIN_SCOPE],
    [1, '001010', REPORTS, 'openid profile email offline_access read:reports write:reports nonsense'],
    [2, '111111', ORDERS, 'offline_access read:orders'],
    [3, '000000', BILLING, 'openid offline_access read:invoices pay:invoices'],
    [4, '010011', '', 'openid offline_access'],
  ]) {
    const all = Object.entries(scopes).flatMap(([api, names]) => names.map((name) => [titles[api], name]));
    for (const [i, [title, name]] of all.entries()) await box(page, title, name).setChecked(ticks[i] === '1');
    await supposeLogin(page, { audience, scope });
    const told = await previewOf(page);
    await save(page);
    const refresh = await login(client, { audience, scope });
    for (const target of new Set([audience, ...Object.keys(titles)])) {
      const given = await refresh(target);
      const expected = told[target ? titles[target] : 'No API'];
      const where = `round ${round}, exchange for ${target || 'no API'}: ${JSON.stringify(given)}`;
      assert.equal(expected.allowed, given.error === undefined, where);
      assert.equal(expected.scope, given.scope.split(' ').sort().join(' '), where);
    }
    assert.deepEqual(await previewOf(page), told, 'saved, it is the same');
  }
  assertNoProblems(page);
});

test('a preview for a real user knows what the user may do', needsBrowser, async () => {
  const api = await stage.call('POST', 'resource-servers', {
    identifier: 'https://payroll.example/', name: 'Payroll', enforce_policies: true,
    scopes: [{ value: 'read:pay' }, { value: 'write:pay' }],
  });
  const client = await application({ policies: [{ audience: api.identifier, scope: ['read:pay', 'write:pay'] }] });
  const [user] = await stage.call('GET', `users-by-email?email=${encodeURIComponent(stage.doorward.user.email)}`);
  await stage.call('POST', `users/${encodeURIComponent(user.user_id)}/permissions`, {
    permissions: [{ resource_server_identifier: api.identifier, permission_name: 'read:pay' }],
  });
  const page = await stage.open(client.path);
  await supposeLogin(page, { audience: ORDERS, scope: 'openid offline_access' });
  assert.equal((await previewOf(page)).Payroll.scope, 'offline_access openid read:pay write:pay', 'somebody with every permission');
  assert.match(await block(page, 'Payroll').textContent(), /enforces permissions \(RBAC\)/);

  await button(page, 'Choose a user…').click();
  const dialog = page.getByRole('dialog', { name: 'Preview for a user' });
  await dialog.getByRole('searchbox').fill(user.email.slice(0, 3));
  await dialog.getByRole('button', { name: `Choose ${user.name}` }).waitFor();
  await axe(page);
  await dialog.getByRole('button', { name: `Choose ${user.name}` }).click();
  await previewed(page);
  await page.waitForFunction(() => !document.querySelector('.exchange-sentence .scope-name + .scope-name + .scope-name + .scope-name'));
  assert.equal((await previewOf(page)).Payroll.scope, 'offline_access openid read:pay');
  const why = exchange(page, 'Payroll');
  await why.getByText('Why each scope').click();
  assert.match(await why.locator('.missing').first().textContent(),
    /write:pay, because the API enforces permissions \(RBAC\), and the user does not have this one/);
  await inspect(page, 'policies-user');
  const refresh = await login(client, { audience: ORDERS, scope: 'openid offline_access' });
  assert.equal((await refresh(api.identifier)).scope, 'openid offline_access read:pay');
  assertNoProblems(page);
});

test('what has no effect is marked, with the reason and a way out', needsBrowser, async () => {
  const client = await application({
    grant_types: ['password'],
    policies: [{ audience: BILLING, scope: ['read:invoices', 'delete:invoices', 'email'] },
      { audience: 'https://ghost.example/', scope: ['x'] }],
  });
  const page = await stage.open(client.path);
  await previewed(page);
  const billing = block(page, 'Billing API');
  assert.equal(await billing.locator('.scope.void').count(), 2);
  assert.match(await billing.textContent(), /delete:invoices has no effect, because the API does not define it\./);
  assert.match(await billing.textContent(), /email has no effect, because only the login grants OIDC scopes\./);
  assert.match(await block(page, 'https://ghost.example/').textContent(), /The entry has no effect, because no API has this identifier\./);
  assert.equal((await previewOf(page))['Billing API'].allowed, false);
  await page.getByText('This application has no refresh_token grant').waitFor();
  await inspect(page, 'policies-void');

  await button(page, 'Allow the grant refresh_token').click();
  await page.getByText('This application has no refresh_token grant').waitFor({ state: 'hidden' });
  const { grant_types: grants } = await stage.call('GET', `clients/${client.client_id}`);
  assert.deepEqual(grants, ['password', 'refresh_token']);
  const refresh = await login(client, { audience: ORDERS, scope: 'openid offline_access' });
  assert.equal((await refresh(BILLING)).scope, 'openid offline_access read:invoices');
  assert.equal((await refresh('https://ghost.example/')).error, 'invalid_target');

  // An API that does not exist yet can be named already.
  await button(page, 'Add an API').click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('searchbox').fill('https://later.example/');
  await dialog.getByRole('button', { name: 'Add', exact: true }).click();
  await block(page, 'https://later.example/').getByText('Name a scope').click();
  await page.getByLabel('Another scope of https://later.example/').fill('read:later');
  await page.keyboard.press('Enter');
  await save(page);
  assert.deepEqual((await policiesOf(client)).at(-1), { audience: 'https://later.example/', scope: ['read:later'] });
  const later = await stage.call('POST', 'resource-servers', {
    identifier: 'https://later.example/', name: 'Later', scopes: [{ value: 'read:later' }],
  });
  assert.equal((await refresh(later.identifier)).scope, 'openid offline_access read:later');
  assertNoProblems(page);
});

test('two who edit never overwrite each other without knowing', needsBrowser, async () => {
  const client = await application({ policies: [{ audience: BILLING, scope: ['read:invoices'] }] });
  const [one, other] = [await stage.open(client.path), await stage.open(client.path)];
  await box(one, 'Billing API', 'pay:invoices').check();
  await addApi(other, 'orders.example', 'Orders API');
  await box(other, 'Orders API', 'read:orders').check();
  await save(one);
  await button(other, 'Save policies').click();
  await other.getByText('Somebody else has changed this since you opened it.').waitFor();
  await axe(other);
  await shots(other, 'policies-changed');
  assert.deepEqual(await policiesOf(client), [{ audience: BILLING, scope: ['read:invoices', 'pay:invoices'] }], 'nothing was overwritten');

  await button(other, 'Bring in their changes, keep mine').click();
  await other.getByText('Their changes are here now.').waitFor();
  assert.ok(await box(other, 'Billing API', 'pay:invoices').isChecked());
  assert.ok(await box(other, 'Orders API', 'read:orders').isChecked());
  await save(other);
  assert.deepEqual(await policiesOf(client), [
    { audience: BILLING, scope: ['read:invoices', 'pay:invoices'] }, { audience: ORDERS, scope: ['read:orders'] }]);

  // Both change the same entry: who is second reads what the first did.
  await box(other, 'Billing API', 'pay:invoices').uncheck();
  await save(other);
  await button(one, 'Remove Billing API from the policy').click();
  await button(one, 'Save policies').click();
  await button(one, 'Discard mine').click();
  await block(one, 'Orders API').waitFor();
  assert.equal(await box(one, 'Billing API', 'pay:invoices').isChecked(), false);
  for (const page of [one, other]) assertNoProblems(page);
});

test('an error of the server stands beside the API it is about', needsBrowser, async () => {
  const client = await application({ policies: [{ audience: BILLING, scope: [] }, { audience: ORDERS, scope: [] }] });
  const page = await stage.open(client.path);
  await block(page, 'Orders API').getByText('Name a scope').click();
  await page.getByLabel('Another scope of Orders API').fill('x'.repeat(281));
  await button(page, 'Add this scope to Orders API').click();
  await page.locator('.preview').getByText('String is too long (281 chars), maximum 280').waitFor();
  await button(page, 'Save policies').click();
  const error = block(page, 'Orders API').locator('.field-error');
  await error.waitFor();
  assert.equal(await error.textContent(), 'String is too long (281 chars), maximum 280');
  assert.equal(await block(page, 'Billing API').locator('.field-error').count(), 0);
  await axe(page);
  await box(page, 'Orders API', 'x'.repeat(281)).uncheck();
  await button(page, 'Undo changes').waitFor({ state: 'hidden' });

  // No policy opens the Management API: it cannot be chosen, and the page says why.
  await button(page, 'Add an API').click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('searchbox').fill(`${stage.issuer}api/v2/`);
  await page.waitForFunction(() => document.querySelectorAll('.picker-found strong').length === 1);
  await dialog.getByText('No policy opens this API').waitFor();
  assert.equal(await dialog.getByRole('button', { name: /^Add/ }).count(), 0);
  await button(dialog, 'Cancel').click();
  assertNoProblems(page);
});

test('the JSON and the command do what Save does', needsBrowser, async () => {
  const client = await application({ policies: [{ audience: BILLING, scope: ['read:invoices'] }], refresh: { leeway: 0 } });
  const page = await stage.open(client.path);
  await previewed(page);
  await page.getByText('two exchanges with one token at the same time, for two APIs, end the login').waitFor();
  await button(page, 'All scopes of Billing API').click();
  const [json, curl] = await page.locator('.code pre').allTextContents();
  const body = JSON.parse(json);
  assert.ok(curl.includes(`'${stage.issuer}api/v2/clients/${client.client_id}'`) && curl.includes('Bearer $MANAGEMENT_TOKEN'), curl);
  assert.deepEqual(JSON.parse(/-d '(.*)'$/s.exec(curl)[1]), body);
  const { refresh_token: written } = await stage.call('PATCH', `clients/${client.client_id}`, body);
  assert.deepEqual(written.policies, [{ audience: BILLING, scope: ['read:invoices', 'pay:invoices'] }]);
  assert.equal(written.leeway, 0, 'the rest stays as it is');
  assertNoProblems(page);
});

test('everything is done with the keyboard, and nothing typed is lost by leaving', needsBrowser, async () => {
  const client = await application();
  const page = await stage.open(client.path);
  await previewed(page);
  await button(page, 'Add an API').focus();
  await page.keyboard.press('Enter');
  // Who types before the field is there types nothing.
  await page.waitForFunction(() => document.activeElement?.closest('dialog .picker'));
  await page.keyboard.type('reports');
  await page.getByRole('dialog').getByRole('button', { name: 'Add Reports' }).waitFor();
  await page.waitForFunction(() => document.querySelectorAll('.picker-found strong').length === 1);
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.activeElement?.closest('.policy-entry') !== null && document.activeElement.type === 'checkbox');
  await page.keyboard.press('Space');
  assert.ok(await box(page, 'Reports', 'read:reports').isChecked());
  await page.getByRole('link', { name: 'APIs', exact: true }).first().click();
  await answer(page, /^(Stay|Cancel|Keep)/);
  assert.ok(page.url().endsWith('/policies'));
  assert.ok(await box(page, 'Reports', 'read:reports').isChecked());
  assertNoProblems(page);
});

test('who may only look sees everything and changes nothing', needsBrowser, async () => {
  const client = await application({ policies: [{ audience: BILLING, scope: ['read:invoices'] }] });
  const page = await stage.openAsViewer(client.path);
  await previewed(page);
  await page.getByText('Your role allows you to look at this, not to change it.').waitFor();
  assert.ok(await box(page, 'Billing API', 'read:invoices').isDisabled());
  for (const name of ['Save policies', 'Add an API', 'Remove Billing API from the policy']) {
    assert.equal(await button(page, name).count(), 0, name);
  }
  assert.equal((await previewOf(page))['Billing API'].allowed, true);
  await inspect(page, 'policies-viewer');
  assertNoProblems(page);
});

test('a policy of many APIs with many scopes stays usable', needsBrowser, async () => {
  const scopes = Array.from({ length: 150 }, (_, i) => ({ value: `scope:${String(i).padStart(3, '0')}` }));
  const apis = await Promise.all(Array.from({ length: 24 }, (_, i) => stage.call('POST', 'resource-servers', {
    identifier: `https://many-${i}.example/`, name: `Many ${i}`, scopes: i === 0 ? scopes : scopes.slice(0, 3),
  })));
  const client = await application({ policies: apis.map(({ identifier }) => ({ audience: identifier, scope: ['scope:001'] })) });
  const requests = [];
  const page = await stage.open('/applications');
  page.on('request', (request) => { if (request.url().includes('/api/v2/')) requests.push(request.url()); });
  await stage.go(page, client.path);
  await previewed(page);
  assert.ok(requests.length <= 8, `${requests.length} requests:\n${requests.join('\n')}`);
  assert.equal(await page.locator('.exchange').count(), 24);
  await block(page, 'Many 0').getByRole('searchbox').fill('scope:149');
  await box(page, 'Many 0', 'scope:149').check();
  await save(page);
  assert.deepEqual((await policiesOf(client))[0].scope, ['scope:001', 'scope:149']);
  await axe(page);
  assertNoProblems(page);
});
