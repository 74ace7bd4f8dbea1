// Users in the console. What a page does is asserted by the Management API and by the protocol.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { freshPage, logIn, needsBrowser } from './browser.mjs';
import {
  AUDIENCE, DATABASE, PASSWORD, addApplication, addUser, assertDead, assertRefused, look, of,
} from './console-people.mjs';
import { answer, assertNoProblems, axe, claimsOf, fieldError, said, setConsole, settled } from './console.mjs';

const LONG = { ...needsBrowser, timeout: 240_000 };

let stage;
let app;

before(async () => {
  if (needsBrowser.skip) return;
  stage = await setConsole();
  app = await addApplication(stage);
});
after(() => stage?.stop());

const tab = (id, name) => `/users/${encodeURIComponent(id)}?tab=${name}`;
const read = (id) => stage.call('GET', of(id));

test('a user is created, with the objections of the server beside the fields', LONG, async () => {
  const [{ id: connection, options }] = await stage.call('GET', `connections?name=${DATABASE}`);
  await stage.call('PATCH', `connections/${connection}`, { options: { ...options, passwordPolicy: 'good' } });
  const page = await stage.open('/users/new');
  await look(page, 'users-new');
  await page.getByLabel('E-mail', { exact: true }).fill('not an address');
  await page.getByLabel('Password', { exact: true }).fill('short');
  await page.getByRole('button', { name: 'Create' }).click();
  assert.match(await fieldError(page, 'E-mail'), /email/i);
  await page.getByLabel('E-mail', { exact: true }).fill('grace@example.com');
  await page.getByRole('button', { name: 'Create' }).click();
  assert.match(await fieldError(page, 'Password'), /weak|short|characters/i);
  await look(page, 'users-new-wrong');
  await page.getByRole('button', { name: 'Generate one' }).click();
  const password = await page.getByLabel('Password', { exact: true }).inputValue();
  assert.equal(password.length, 20);
  await page.getByLabel('Name (optional)', { exact: true }).fill('Grace Hopper');
  await page.getByRole('switch', { name: 'The address is verified' }).check();
  await page.getByRole('button', { name: 'Create' }).click();
  await page.waitForURL(/\/admin\/users\/auth0/);
  await settled(page);
  const [user] = await stage.call('GET', 'users-by-email?email=grace%40example.com');
  assert.deepEqual([user.name, user.email_verified], ['Grace Hopper', true]);
  assert.equal((await app.logIn('grace@example.com', password)).status, 200);
  // The same address again.
  await stage.go(page, '/users/new');
  await page.getByLabel('E-mail', { exact: true }).fill('grace@example.com');
  await page.getByRole('button', { name: 'Generate one' }).click();
  await page.getByRole('button', { name: 'Create' }).click();
  assert.match(await fieldError(page, 'E-mail'), /already/);
  await stage.call('PATCH', `connections/${connection}`, { options });
  assertNoProblems(page);
});

test('one is found among many by the beginning of the address, the name or the id', LONG, async () => {
  const made = [];
  for (let i = 0; i < 60; i += 1) {
    made.push(await addUser(stage.call, `many${String(i).padStart(3, '0')}@example.com`, {
      name: `Number ${i}`, family_name: i === 42 ? 'Needle' : 'Hay',
    }));
  }
  const page = await stage.open('/users');
  await page.getByText(/1–25 of \d+, page 1 of/).waitFor();
  await look(page, 'users');
  await page.getByRole('button', { name: 'Next' }).click();
  await page.getByText(/26–50 of/).waitFor();
  assert.match(page.url(), /page=2/);
  const find = async (typed, expected) => {
    await page.getByRole('searchbox', { name: 'Search users' }).fill(typed);
    await page.waitForFunction((names) => {
      const shown = [...document.querySelectorAll('tbody th')].map((cell) => cell.textContent.trim());
      return JSON.stringify(shown) === names && !document.querySelector('[aria-busy="true"]');
    }, JSON.stringify(expected));
  };
  await find('needle', ['Number 42']);
  await find('MANY007', ['Number 7']);
  await find('number 59', ['Number 59']);
  await find(made[3].user_id, ['Number 3']);
  await page.getByRole('searchbox', { name: 'Search users' }).fill('nobody at all');
  await page.getByText('Nothing matches “nobody at all”').waitFor();
  await axe(page);
  await find('many01', Array.from({ length: 10 }, (_, i) => `Number ${10 + i}`));
  await page.reload();
  await settled(page);
  assert.equal(await page.locator('tbody tr').count(), 10);
  await page.getByRole('link', { name: 'Number 15' }).click();
  await page.getByRole('heading', { level: 1, name: 'Number 15' }).waitFor();
  assertNoProblems(page);
});

test('details are changed, and what nobody could read is said beside it', LONG, async () => {
  const { user_id: id } = await addUser(stage.call, 'edit@example.com', { app_metadata: { plan: 'gold', old: { a: 1 } } });
  const page = await stage.open(tab(id, 'details'));
  await look(page, 'user-details');
  await page.getByLabel('Name (optional)', { exact: true }).fill('Edith');
  await page.getByLabel('Telephone number (optional)', { exact: true }).fill('12');
  await page.getByRole('button', { name: 'Save profile' }).click();
  assert.match(await fieldError(page, 'Telephone number (optional)'), /./);
  await page.getByLabel('Telephone number (optional)', { exact: true }).fill('+15550100');
  await page.getByRole('button', { name: 'Save profile' }).click();
  await said(page, 'Profile saved');
  const user = await read(id);
  assert.deepEqual([user.name, user.phone_number], ['Edith', '+15550100']);

  const bag = page.getByLabel('What only you change');
  await bag.fill('{ "plan": "silver", }');
  await page.getByRole('button', { name: 'Save metadata' }).click();
  assert.match(await fieldError(page, 'What only you change'), /not JSON/);
  assert.deepEqual((await read(id)).app_metadata, { plan: 'gold', old: { a: 1 } });
  await look(page, 'user-metadata-wrong');
  await bag.fill('{ "plan": "silver", "since": 2026 }');
  await page.getByRole('button', { name: 'Save metadata' }).click();
  await said(page, 'Metadata saved');
  assert.deepEqual((await read(id)).app_metadata, { plan: 'silver', since: 2026 });
  assertNoProblems(page);
});

test('a blocked user is refused at once, and let in again', LONG, async () => {
  const { user_id: id } = await addUser(stage.call, 'block@example.com');
  const { body: tokens } = await app.logIn('block@example.com');
  const page = await stage.open(tab(id, 'details'));
  await page.getByRole('button', { name: 'Block', exact: true }).click();
  await page.getByRole('dialog').waitFor();
  await axe(page);
  await answer(page, 'Block');
  await page.getByText('This user is blocked: every login is refused.').waitFor();
  assertRefused(await app.logIn('block@example.com'));
  assertDead(await app.refresh(tokens.refresh_token));
  await page.getByRole('button', { name: 'Unblock' }).click();
  await said(page, 'Unblocked');
  assert.equal((await app.logIn('block@example.com')).status, 200);
  assertNoProblems(page);
});

test('who is kept out for too many wrong passwords is let in again', LONG, async () => {
  const { user_id: id } = await addUser(stage.call, 'wrong@example.com');
  const page = await stage.open('/users');
  // The server's own answer has none yet: what it would say, and what is then asked of it.
  let blocks = [{ identifier: 'wrong@example.com', ip: '192.0.2.7' }];
  const asked = [];
  await page.route('**/api/v2/user-blocks/*', (route) => {
    const method = route.request().method();
    asked.push(method);
    if (method === 'GET') return route.fulfill({ json: { blocked_for: blocks } });
    blocks = [];
    return route.continue();
  });
  await stage.go(page, tab(id, 'details'));
  await page.getByText('192.0.2.7').waitFor();
  await axe(page);
  await page.getByRole('button', { name: 'Let them try again' }).click();
  await said(page, 'Unblocked');
  await page.getByText('192.0.2.7').waitFor({ state: 'hidden' });
  assert.deepEqual(asked, ['GET', 'DELETE', 'GET']);
  assertNoProblems(page);
});

test('another password is set, or a link to set one is made', LONG, async () => {
  const { user_id: id } = await addUser(stage.call, 'reset@example.com');
  const page = await stage.open(tab(id, 'details'));
  await page.getByRole('button', { name: 'Set a password' }).click();
  await page.getByRole('button', { name: 'Set password' }).click();
  assert.match(await fieldError(page, 'New password'), /Type a password/);
  await page.getByLabel('New password', { exact: true }).fill('An0ther-password-of-Reset');
  await page.getByRole('button', { name: 'Set password' }).click();
  await said(page, 'The new password is set');
  assertRefused(await app.logIn('reset@example.com', PASSWORD));
  assert.equal((await app.logIn('reset@example.com', 'An0ther-password-of-Reset')).status, 200);

  await page.getByRole('button', { name: 'Make a link' }).click();
  const link = await page.getByLabel('Link to set a password', { exact: true }).textContent();
  await look(page, 'user-link');
  const opened = await freshPage(stage.browser);
  await opened.goto(link);
  for (const field of await opened.locator('input[type=password]').all()) await field.fill('A-third-passw0rd-of-Reset');
  await opened.locator('button[type=submit]').first().click();
  await opened.waitForLoadState();
  assert.equal((await app.logIn('reset@example.com', 'A-third-passw0rd-of-Reset')).status, 200);
  await opened.context().close();
  assertNoProblems(page);
});

test('a role and a permission count in the next exchanged token, and say where they come from', LONG, async () => {
  const { user_id: id } = await addUser(stage.call, 'roles@example.com');
  const role = await stage.call('POST', 'roles', { name: 'Reader', description: 'Reads notes' });
  await stage.call('POST', `roles/${role.id}/permissions`, {
    permissions: [{ resource_server_identifier: AUDIENCE, permission_name: 'read:notes' }],
  });
  let { body: tokens } = await app.logIn('roles@example.com');
  assert.deepEqual(claimsOf(tokens.access_token).permissions, []);
  const page = await stage.open(tab(id, 'roles'));
  await look(page, 'user-roles-none');
  await page.getByRole('searchbox', { name: 'Give a role' }).fill('read');
  await page.getByRole('button', { name: 'Give Reader' }).click();
  await page.getByRole('link', { name: 'Reader' }).waitFor();
  ({ body: tokens } = await app.refresh(tokens.refresh_token));
  assert.deepEqual(claimsOf(tokens.access_token).permissions, ['read:notes']);
  await look(page, 'user-roles');

  await stage.go(page, tab(id, 'permissions'));
  await page.getByRole('searchbox', { name: 'Give permissions directly' }).fill('notes');
  await page.getByRole('button', { name: 'Choose Notes' }).click();
  await page.getByRole('button', { name: 'Give 0 permissions' }).click();
  await page.getByText('Choose one at least.').waitFor();
  await axe(page);
  await page.getByLabel('write:notes', { exact: true }).check();
  await page.getByRole('button', { name: 'Give 1 permission' }).click();
  await page.locator('tbody').getByText('given directly').waitFor();
  await look(page, 'user-permissions');
  const rows = await page.locator('tbody tr').allInnerTexts();
  assert.ok(rows.some((row) => /read:notes[^]*Reader/.test(row)), rows.join('\n'));
  ({ body: tokens } = await app.refresh(tokens.refresh_token));
  assert.deepEqual(claimsOf(tokens.access_token).permissions.sort(), ['read:notes', 'write:notes']);

  await page.getByRole('button', { name: 'Take away write:notes' }).click();
  await answer(page, 'Take it away');
  await said(page, 'Permission taken away');
  ({ body: tokens } = await app.refresh(tokens.refresh_token));
  assert.deepEqual(claimsOf(tokens.access_token).permissions, ['read:notes']);
  assertNoProblems(page);
});

test('a family is revoked on the page: the very next exchange fails, and it is shown dead with its reason', LONG, async () => {
  const { user_id: id } = await addUser(stage.call, 'family@example.com');
  const first = await app.logIn('family@example.com');
  const rotated = await app.refresh(first.body.refresh_token);
  assert.equal(rotated.status, 200);
  const other = await app.logIn('family@example.com');
  const page = await stage.open(tab(id, 'refresh-tokens'));
  assert.equal(await page.locator('.family').count(), 2);
  const family = page.locator('.family').last();
  assert.match(await family.innerText(),
    /Notebook[^]*alive[^]*Generation 1: rotated once[^]*Notebook\/2\.1[^]*Ends in[^]*if it is not exchanged before/);
  await look(page, 'user-tokens');

  await family.getByRole('button', { name: 'Explain an exchange' }).click();
  await page.getByRole('button', { name: 'Explain', exact: true }).click();
  await page.getByText('The exchange would succeed').waitFor();
  await look(page, 'user-explain');
  await page.getByRole('button', { name: 'Close' }).click();

  await family.getByRole('button', { name: 'Revoke', exact: true }).click();
  await answer(page, 'Revoke');
  await page.locator('.family.dead').waitFor();
  assertDead(await app.refresh(rotated.body.refresh_token));
  const text = await page.locator('.family.dead').innerText();
  assert.match(text, /dead[^]*Revoked by an administrator/);
  assert.equal((await app.refresh(other.body.refresh_token)).status, 200);

  // A token that is used twice after its time looks different.
  await stage.call('PATCH', `clients/${app.client.client_id}`, {
    refresh_token: { rotation_type: 'rotating', expiration_type: 'expiring', leeway: 0 },
  });
  assertDead(await app.refresh(other.body.refresh_token));
  await page.reload();
  await settled(page);
  await page.getByText('Somebody may have stolen it').waitFor();
  await look(page, 'user-tokens-dead');
  await page.getByLabel('Show').selectOption('live');
  await page.getByText('No refresh token is alive').waitFor();
  assertNoProblems(page);
});

test('a session is ended: the browser has to log in again', LONG, async () => {
  const { user } = stage.doorward;
  const [{ user_id: id }] = await stage.call('GET', `users-by-email?email=${encodeURIComponent(user.email)}`);
  const visitor = await stage.openDemo();
  await logIn(visitor, user);
  await visitor.waitForURL(/\/demo\//);
  const page = await stage.open(tab(id, 'sessions'));
  assert.match(await page.locator('tbody tr').first().innerText(), /Chrome on Linux[^]*127\.0\.0\.1/);
  await look(page, 'user-sessions');
  await page.getByRole('button', { name: 'End', exact: true }).click();
  await answer(page, 'End it');
  await page.getByText('This user is not logged in in any browser.').waitFor();
  assert.deepEqual((await stage.call('GET', of(id, '/sessions'))).sessions, []);
  await visitor.context().close();
  assertNoProblems(page);
});

test('a consent is withdrawn, with the refresh tokens that lived by it', LONG, async () => {
  const { issuer } = stage.doorward;
  const callback = 'http://127.0.0.1:9/callback';
  const client = await stage.call('POST', 'clients', {
    name: 'Somebody else', app_type: 'regular_web', is_first_party: false, callbacks: [callback],
    grant_types: ['authorization_code', 'refresh_token'],
  });
  const { user_id: id } = await addUser(stage.call, 'consents@example.com');
  const visitor = await freshPage(stage.browser);
  const query = new URLSearchParams({
    client_id: client.client_id, response_type: 'code', redirect_uri: callback,
    scope: 'openid offline_access read:notes', audience: AUDIENCE,
  });
  await visitor.goto(`${issuer}authorize?${query}`);
  await logIn(visitor, { email: 'consents@example.com', password: PASSWORD });
  const [back] = await Promise.all([
    visitor.waitForRequest((request) => request.url().startsWith(callback)),
    visitor.locator('button[value=accept]').click(),
  ]);
  const code = new URL(back.url()).searchParams.get('code');
  await visitor.context().close();
  const token = async (form) => {
    const body = new URLSearchParams({ client_id: client.client_id, client_secret: client.client_secret, ...form });
    const answer = await fetch(`${issuer}oauth/token`, { method: 'POST', body });
    return { status: answer.status, body: await answer.json() };
  };
  const login = await token({ grant_type: 'authorization_code', code, redirect_uri: callback });
  assert.ok(login.body.refresh_token, JSON.stringify(login));
  const page = await stage.open(tab(id, 'consents'));
  await page.getByRole('row', { name: /Somebody else.*notes\.example/ }).waitFor();
  await look(page, 'user-consents');
  await page.getByRole('button', { name: 'Withdraw' }).first().click();
  await answer(page, 'Withdraw');
  await said(page, 'Consent withdrawn');
  const left = await stage.call('GET', `grants?user_id=${encodeURIComponent(id)}`);
  assert.ok(!left.some(({ audience }) => audience === AUDIENCE), JSON.stringify(left));
  assertDead(await token({ grant_type: 'refresh_token', refresh_token: login.body.refresh_token }));
  await stage.go(page, tab(id, 'refresh-tokens'));
  await page.getByText('Consent withdrawn').first().waitFor();
  assertNoProblems(page);
});

test('what happened to a user is told, and a deleted one is gone', LONG, async () => {
  const { user_id: id } = await addUser(stage.call, 'gone@example.com');
  const { body: tokens } = await app.logIn('gone@example.com');
  const page = await stage.open(tab(id, 'log'));
  await page.locator('tbody tr').first().waitFor();
  await look(page, 'user-log');
  await stage.go(page, tab(id, 'details'));
  await page.getByRole('button', { name: 'Delete user' }).click();
  await page.getByRole('dialog').getByText('1 refresh token end').waitFor();
  assert.ok(await page.getByRole('button', { name: 'Delete this user' }).isDisabled());
  await axe(page);
  await answer(page, 'Delete this user', 'gone@example.com');
  await page.waitForURL(/\/admin\/users$/);
  await assert.rejects(() => read(id));
  assertDead(await app.refresh(tokens.refresh_token));
  await stage.go(page, tab(id, 'details'));
  await page.getByText('This no longer exists').waitFor();
  await axe(page);
  assertNoProblems(page);
});

test('who may only look is shown all of it, read-only, and is told why', LONG, async () => {
  const { user_id: id } = await addUser(stage.call, 'looked-at@example.com');
  await app.logIn('looked-at@example.com');
  const page = await stage.openAsViewer('/users');
  assert.equal(await page.getByRole('link', { name: 'New user' }).count(), 0);
  for (const name of ['details', 'roles', 'permissions', 'sessions', 'refresh-tokens', 'consents']) {
    await stage.go(page, tab(id, name));
    assert.ok(await page.getByText(/Your role allows you to look at this/).count() > 0, name);
    const enabled = page.getByRole('button', { name: /^(Save|Delete|Block|Revoke|Set|Make|End|Give|Take)/, disabled: false });
    assert.equal(await enabled.count(), 0, name);
    assert.equal(await page.locator('main input:not([readonly], [disabled], [type=search])').count(), 0, name);
  }
  await axe(page);
  assertNoProblems(page, /^$/);
});
