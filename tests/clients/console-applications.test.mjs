// Applications in the console: each kind is made and edited, and what the page says holds on the
// server; two editors, a lost connection and an ended login lose nothing that was typed; and the code
// that the page shows is run as it stands.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freshPage, logIn, needsBrowser } from './browser.mjs';
import {
  answer, assertNoProblems, button, claimsOf, field, fieldError, inspect, said, setConsole, settled,
} from './console.mjs';
import { freePort, startApplication } from './server.mjs';

const run = promisify(execFile);
const installed = createRequire(import.meta.url);
const SPA_JS = installed.resolve('@auth0/auth0-spa-js').replace(/dist\/.*$/, 'dist/auth0-spa-js.production.js');

let stage;

before(async () => {
  if (needsBrowser.skip) return;
  stage = await setConsole();
});
after(() => stage?.stop());

const create = (more = {}) => stage.call('POST', 'clients', { name: 'Shop', app_type: 'spa', token_endpoint_auth_method: 'none', ...more });
const read = (client) => stage.call('GET', `clients/${client.client_id}`);
const pathOf = (client, tab) => `/applications/${client.client_id}${tab ? `?tab=${tab}` : ''}`;

async function save(page) {
  await button(page, 'Save').first().click();
  await page.locator('.save-bar:not(.dirty)').waitFor();
  await said(page, 'Saved');
}

test('an application of each kind is made, and is what its kind needs', needsBrowser, async () => {
  const page = await stage.open('/applications');
  await inspect(page, 'applications');
  for (const [title, type, method, grants] of [
    ['Single-page application', 'spa', 'none', ['authorization_code', 'refresh_token']],
    ['Regular web application', 'regular_web', 'client_secret_post', ['authorization_code', 'refresh_token']],
    ['Native application', 'native', 'none', ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code']],
    ['Machine to machine', 'non_interactive', 'client_secret_post', ['client_credentials']],
  ]) {
    await stage.go(page, '/applications');
    await page.getByRole('link', { name: 'New application' }).first().click();
    await settled(page);
    await field(page, 'Name').fill(`My ${title}`);
    await page.getByRole('radio', { name: new RegExp(`^${title}`) }).check();
    if (type === 'native') await inspect(page, 'applications-new');
    await button(page, 'Create').click();
    await page.waitForURL(/\/admin\/applications\/[A-Za-z0-9]{32}\?tab=quickstart$/);
    await settled(page);
    assert.equal(await page.locator('main h1').textContent(), `My ${title}`);
    const id = /applications\/(\w+)/.exec(page.url())[1];
    const client = await read({ client_id: id });
    assert.deepEqual([client.app_type, client.token_endpoint_auth_method, client.grant_types], [type, method, grants]);
    await inspect(page, `applications-quickstart-${type}`);
  }
  assertNoProblems(page, /^$/);
});

test('applications are found by name and by kind, page by page, and the address keeps it', needsBrowser, async () => {
  for (let i = 0; i < 30; i += 1) await create({ name: `Tenant ${i}`, app_type: i % 2 ? 'native' : 'spa' });
  const page = await stage.open('/applications');
  await page.getByRole('searchbox').fill('TENANT');
  await page.waitForURL(/search=TENANT/);
  await page.getByText('1–25 of 30, page 1 of 2').waitFor();
  await button(page, 'Next').click();
  await page.getByText('26–30 of 30, page 2 of 2').waitFor();
  await page.reload();
  await settled(page);
  assert.equal(await page.getByRole('row').count(), 6);
  await field(page, 'Kind').selectOption('Native application');
  await page.getByText('15 in all').waitFor();
  await page.getByRole('searchbox').fill('no such thing');
  await page.getByText('Nothing matches “no such thing”.').waitFor();
  await inspect(page, 'applications-nothing-found');
  assertNoProblems(page, /^$/);
});

test('settings are saved, and what the server objects to stands beside its field', needsBrowser, async () => {
  const client = await create();
  const page = await stage.open(pathOf(client));
  await field(page, 'Name').fill('Shop of Ada');
  await page.getByLabel(/^Description/).fill('Sells things.');
  await field(page, 'Callback URLs').fill('https://shop.example/callback\nnonsense');
  await button(page, 'Save').click();
  assert.match(await fieldError(page, 'Callback URLs'), /nonsense cannot be a callback: it must be absolute/);
  assert.equal(await field(page, 'Callback URLs').evaluate((element) => element === document.activeElement), true);
  await inspect(page, 'applications-settings-error');
  assert.equal((await read(client)).name, 'Shop');

  await field(page, 'Callback URLs').fill('https://shop.example/callback\n\nhttps://*.shop.example/callback\n');
  await page.getByLabel(/^Logout URLs/).fill('https://shop.example/');
  await page.getByLabel(/^Web origins/).fill('https://shop.example');
  await field(page, 'Lifetime of ID tokens').fill('2');
  await page.getByLabel('Mailed code', { exact: true }).check();
  await save(page);
  const now = await read(client);
  assert.equal(now.name, 'Shop of Ada');
  assert.equal(now.description, 'Sells things.');
  assert.deepEqual(now.callbacks, ['https://shop.example/callback', 'https://*.shop.example/callback']);
  assert.deepEqual([now.allowed_logout_urls, now.web_origins], [['https://shop.example/'], ['https://shop.example']]);
  assert.equal(now.jwt_configuration.lifetime_in_seconds, 7200);
  assert.ok(now.grant_types.includes('http://auth0.com/oauth/grant-type/passwordless/otp'));
  assert.equal(await page.locator('main h1').textContent(), 'Shop of Ada');
  await page.reload();
  await settled(page);
  assert.equal(await field(page, 'Callback URLs').inputValue(), now.callbacks.join('\n'));
  await inspect(page, 'applications-settings');
  assertNoProblems(page);
});

test('a secret is shown when it is asked for, and rotated after a question', needsBrowser, async () => {
  const client = await create({ app_type: 'regular_web', token_endpoint_auth_method: 'client_secret_post' });
  const page = await stage.open(pathOf(client));
  assert.ok(!(await page.content()).includes(client.client_secret));
  await field(page, 'Description (optional)').fill('not saved yet');
  const shown = field(page, 'Client secret');
  assert.match(await shown.inputValue(), /^•+$/);
  await button(page, 'Show Client secret').click();
  await page.waitForFunction(([element, secret]) => element.value === secret, [await shown.elementHandle(), client.client_secret]);
  await button(page, 'Hide Client secret').click();
  assert.match(await shown.inputValue(), /^•+$/);

  await button(page, 'Rotate secret').click();
  await answer(page, 'Cancel');
  assert.equal((await read(client)).client_secret, client.client_secret);
  await button(page, 'Rotate secret').click();
  await inspect(page, 'applications-rotate');
  await answer(page, 'Rotate');
  await said(page, 'has a new secret');
  const { client_secret: secret } = await read(client);
  assert.notEqual(secret, client.client_secret);
  await button(page, 'Show Client secret').click();
  await page.waitForFunction((expected) => [...document.querySelectorAll('.secret input')]
    .some((one) => one.value === expected), secret);
  // What was typed meanwhile is still there, and is saved on the state that the rotation made.
  await save(page);
  assert.equal((await read(client)).description, 'not saved yet');
  assertNoProblems(page, /^$/);
});

test('lifetimes of refresh tokens are said in words before they are saved', needsBrowser, async () => {
  const policies = [{ audience: stage.doorward.apis[0].audience, scope: [] }];
  const client = await create({
    grant_types: ['authorization_code', 'refresh_token'],
    refresh_token: {
      rotation_type: 'rotating', expiration_type: 'expiring', token_lifetime: 2_592_000, idle_token_lifetime: 1_296_000,
      policies,
    },
  });
  const page = await stage.open(pathOf(client, 'refresh'));
  await page.getByText('A login lasts at most 30 days, and ends after 15 days without use.').waitFor();
  await inspect(page, 'applications-refresh');
  await field(page, 'At most').fill('');
  await button(page, 'Save').click();
  assert.equal(await fieldError(page, 'At most'), 'Type a time.');
  await field(page, 'At most').fill('30');
  await field(page, 'Without use for').fill('60');
  await button(page, 'Save').click();
  assert.match(await fieldError(page, 'Without use for'), /must not be greater than token_lifetime/);
  await field(page, 'Without use for').fill('12');
  await page.getByLabel('Unit of: Without use for').selectOption('hours');
  await page.getByText('A login lasts at most 30 days, and ends after 12 hours without use.').waitFor();
  await save(page);
  let { refresh_token: now } = await read(client);
  assert.equal(now.idle_token_lifetime, 43_200);
  await page.getByRole('switch', { name: 'Rotate refresh tokens' }).uncheck();
  await page.getByRole('switch', { name: 'Refresh tokens expire' }).uncheck();
  await page.getByText('A login never ends by itself: somebody has to revoke it.').waitFor();
  await save(page);
  ({ refresh_token: now } = await read(client));
  assert.deepEqual([now.rotation_type, now.expiration_type], ['non-rotating', 'non-expiring']);
  // Rotation brings expiry along, and the policies have stayed.
  await page.getByRole('switch', { name: 'Rotate refresh tokens' }).check();
  await save(page);
  ({ refresh_token: now } = await read(client));
  assert.deepEqual([now.rotation_type, now.expiration_type, now.policies], ['rotating', 'expiring', policies]);
  assertNoProblems(page);
});

test('APIs of a machine are added, changed and removed, and its tokens follow', needsBrowser, async () => {
  const machine = await create({
    name: 'Nightly', app_type: 'non_interactive', token_endpoint_auth_method: 'client_secret_post', grant_types: ['client_credentials'],
  });
  const api = await stage.call('POST', 'resource-servers', {
    name: 'Stock', identifier: 'https://stock.example',
    scopes: [{ value: 'read:stock', description: 'See it' }, { value: 'write:stock', description: 'Change it' }],
  });
  const token = async () => {
    const response = await fetch(`${stage.issuer}oauth/token`, {
      method: 'POST', headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({
        grant_type: 'client_credentials', client_id: machine.client_id, client_secret: machine.client_secret,
        audience: api.identifier,
      }),
    });
    return response.json();
  };
  assert.equal((await token()).error, 'access_denied');
  const page = await stage.open(pathOf(machine, 'apis'));
  await page.getByText('No API yet').waitFor();
  await inspect(page, 'applications-apis-empty');
  await button(page, 'Add an API').first().click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('API', { exact: true }).selectOption('https://stock.example');
  await dialog.getByLabel('read:stock').check();
  await inspect(page, 'applications-apis-add');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.waitFor({ state: 'hidden' });
  await page.getByRole('row', { name: /stock\.example/ }).waitFor();
  assert.equal((await token()).scope, 'read:stock');

  await button(page, 'Edit the scopes for https://stock.example').click();
  await dialog.getByLabel('write:stock').check();
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.waitFor({ state: 'hidden' });
  assert.equal((await token()).scope, 'read:stock write:stock');
  await settled(page);
  await inspect(page, 'applications-apis');
  await button(page, 'Remove https://stock.example').click();
  await answer(page, 'Remove');
  await page.getByText('No API yet').waitFor();
  assert.equal((await token()).error, 'access_denied');
  assertNoProblems(page, /^$/);
});

test('a connection is switched off and on for an application', needsBrowser, async () => {
  const client = await create();
  const [connection] = await stage.call('GET', 'connections?strategy=auth0');
  const enabled = async () => (await stage.call('GET', `connections/${connection.id}/clients?take=1000`))
    .clients.some((one) => one.client_id === client.client_id);
  assert.equal(await enabled(), true);
  const page = await stage.open(pathOf(client, 'connections'));
  const toggle = page.getByRole('switch', { name: connection.name });
  await inspect(page, 'applications-connections');
  await toggle.uncheck();
  await said(page, 'cannot log in any more');
  assert.equal(await enabled(), false);
  await toggle.check();
  await said(page, `Users of ${connection.name} can log in`);
  assert.equal(await enabled(), true);
  assertNoProblems(page, /^$/);
});

test('of two editors the second is told, and loses nothing', needsBrowser, async () => {
  const client = await create();
  const page = await stage.open(pathOf(client));
  await field(page, 'Callback URLs').fill('https://mine.example/callback');
  await stage.call('PATCH', `clients/${client.client_id}`, { description: 'Theirs.', allowed_logout_urls: ['https://theirs.example/'] });
  await button(page, 'Save').click();
  await page.getByRole('alert').getByText('Somebody else has changed this since you opened it.').waitFor();
  assert.equal(await field(page, 'Callback URLs').inputValue(), 'https://mine.example/callback');
  assert.deepEqual((await read(client)).callbacks ?? [], []);
  await inspect(page, 'applications-changed');
  await button(page, 'Bring in their changes, keep mine').click();
  await page.getByText('Their changes are here now.').waitFor();
  assert.equal(await page.getByLabel(/^Description/).inputValue(), 'Theirs.');
  assert.equal(await field(page, 'Callback URLs').inputValue(), 'https://mine.example/callback');
  await save(page);
  let now = await read(client);
  assert.deepEqual([now.callbacks, now.description], [['https://mine.example/callback'], 'Theirs.']);

  // Overwriting writes what was changed here, and nothing else.
  await field(page, 'Name').fill('Mine');
  await stage.call('PATCH', `clients/${client.client_id}`, { name: 'Theirs', description: 'Theirs again.' });
  await button(page, 'Save').click();
  await button(page, 'Overwrite theirs').click();
  await said(page, 'Saved');
  await page.waitForFunction(() => document.querySelector('main h1').textContent === 'Mine');
  now = await read(client);
  assert.deepEqual([now.name, now.description], ['Mine', 'Theirs again.']);
  assertNoProblems(page);
});

test('without a connection nothing that was typed is lost', needsBrowser, async () => {
  const client = await create();
  const page = await stage.openAlone(pathOf(client));
  await field(page, 'Name').fill('Typed on a train');
  await page.context().setOffline(true);
  await button(page, 'Save').click();
  await page.getByRole('alert').getByText('The server cannot be reached.').waitFor();
  assert.equal(await field(page, 'Name').inputValue(), 'Typed on a train');
  assert.equal((await read(client)).name, 'Shop');
  await page.context().setOffline(false);
  await save(page);
  assert.equal((await read(client)).name, 'Typed on a train');
  assertNoProblems(page);
});

test('when the login ends while somebody types, they sign in beside it and go on', needsBrowser, async () => {
  const client = await create();
  const person = await stage.addPerson();
  const page = await stage.openAs(person, pathOf(client));
  await field(page, 'Name').fill('Typed for an hour');
  await stage.call('DELETE', `users/${encodeURIComponent(person.user_id)}/sessions`);
  // The access token ends, an hour later as it were.
  await page.clock.install();
  await page.clock.fastForward('26:00:00');
  await button(page, 'Save').click();
  const dialog = page.getByRole('dialog', { name: 'Your login has ended' });
  await dialog.waitFor();
  await inspect(page, 'login-ended');
  const [popup] = await Promise.all([page.waitForEvent('popup'), dialog.getByRole('button', { name: 'Sign in again' }).click()]);
  await logIn(popup, person);
  await dialog.waitFor({ state: 'hidden' });
  await said(page, 'Saved');
  assert.equal((await read(client)).name, 'Typed for an hour');
  assert.equal(await field(page, 'Name').inputValue(), 'Typed for an hour');
  assertNoProblems(page);
});

test('leaving what is not saved asks first', needsBrowser, async () => {
  const client = await create();
  const page = await stage.open(pathOf(client));
  await field(page, 'Name').fill('Not saved');
  await page.getByRole('link', { name: 'Quick start' }).click();
  await page.getByRole('dialog').getByRole('button').last().click();
  assert.equal(await field(page, 'Name').inputValue(), 'Not saved');
  assertNoProblems(page, /^$/);
});

test('deleting asks for the name, and the application is gone', needsBrowser, async () => {
  const client = await create({ name: 'Old shop' });
  const page = await stage.open(pathOf(client));
  await button(page, 'Delete this application').click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('textbox').fill('Old');
  assert.equal(await dialog.getByRole('button', { name: 'Delete' }).isDisabled(), true);
  await inspect(page, 'applications-delete');
  await answer(page, 'Delete', 'Old shop');
  await page.waitForURL(/\/admin\/applications$/);
  await assert.rejects(read(client), /404/);
  await stage.go(page, pathOf(client));
  await page.getByText('This application does not exist').waitFor();
  assertNoProblems(page);
});

test('who may only look sees an application as it is, and why nothing can be changed', needsBrowser, async () => {
  const client = await create({
    app_type: 'regular_web', token_endpoint_auth_method: 'client_secret_post', callbacks: ['https://shop.example/callback'],
  });
  const page = await stage.openAsViewer('/applications');
  assert.equal(await page.getByRole('link', { name: 'New application' }).count(), 0);
  for (const tab of ['settings', 'refresh', 'quickstart', 'apis', 'connections']) {
    await stage.go(page, pathOf(client, tab));
    assert.equal(await page.locator('main input:not([readonly], [disabled], [type=search]), main textarea:not([readonly])').count() === 0
      || tab === 'quickstart', true, tab);
    assert.equal(await page.getByRole('button', { name: /^(Save|Add|Rotate|Delete|Remove)/ }).count(), 0, tab);
    await inspect(page, `applications-viewer-${tab}`);
  }
  await stage.go(page, pathOf(client, 'settings'));
  await page.getByText('Your role allows you to look at this, not to change it.').waitFor();
  assert.equal(await field(page, 'Callback URLs').inputValue(), 'https://shop.example/callback');
  assert.ok(!(await page.content()).includes(client.client_secret));
  assertNoProblems(page, /^$/);
});

test('the code for a single-page application logs in and gets a token for each API', needsBrowser, async () => {
  const [orders, billing] = stage.doorward.apis;
  const files = { '/auth0-spa-js.production.js': SPA_JS };
  let html = '';
  const application = await startApplication(() => html, files);
  try {
    const client = await create({
      grant_types: ['authorization_code', 'refresh_token'],
      refresh_token: {
        rotation_type: 'rotating', expiration_type: 'expiring',
        policies: [{ audience: billing.audience, scope: billing.scopes ?? ['read:invoices'] }],
      },
    });
    const page = await stage.open(pathOf(client, 'quickstart'));
    await field(page, 'Callback URL').fill(`${application.origin}/`);
    await field(page, 'API').selectOption(orders.audience);
    await page.getByText('Not registered yet').waitFor();
    await inspect(page, 'applications-quickstart-missing');
    await button(page, 'Add them').click();
    await said(page, 'Added');
    const now = await read(client);
    assert.deepEqual([now.callbacks, now.web_origins, now.allowed_logout_urls],
      [[`${application.origin}/`], [application.origin], [`${application.origin}/`]]);
    const code = await page.locator('.code code').textContent();
    assert.ok(code.includes(client.client_id) && code.includes('useMrrt: true'));
    // From the copy that is installed here: the network of a test may be closed.
    html = code.replace(/https:\/\/cdn\.auth0\.com\/[^"]+/, 'auth0-spa-js.production.js');
    assert.notEqual(html, code);
    assertNoProblems(page, /^$/);

    const visitor = await freshPage(stage.browser);
    await visitor.goto(`${application.origin}/`);
    await visitor.click('#login');
    await logIn(visitor, stage.doorward.user);
    await visitor.locator('#shown', { hasText: `A token for ${billing.audience}` }).waitFor();
    const shown = await visitor.locator('#shown').textContent();
    assert.match(shown, new RegExp(`Logged in as: ${stage.doorward.user.email}`));
    const tokens = [...shown.matchAll(/A token for (\S+): (\S+)/g)].map(([, audience, token]) => [audience, claimsOf(token)]);
    assert.deepEqual(tokens.map(([audience, { aud }]) => [audience, [aud].flat()[0]]),
      [[orders.audience, orders.audience], [billing.audience, billing.audience]]);
    assertNoProblems(visitor, /favicon/);
  } finally {
    await application.stop();
  }
});

test('the code for a machine prints a token', needsBrowser, async () => {
  const machine = await create({
    name: 'It’s a "machine"', app_type: 'non_interactive',
    token_endpoint_auth_method: 'client_secret_post', grant_types: ['client_credentials'],
  });
  const [{ audience }] = stage.doorward.apis;
  const page = await stage.open(pathOf(machine, 'quickstart'));
  await field(page, 'API').selectOption(audience);
  await page.getByText('It may not call this API yet').waitFor();
  await stage.call('POST', 'client-grants', { client_id: machine.client_id, audience, scope: [] });
  assert.ok(!(await page.content()).includes(machine.client_secret));
  await page.getByRole('switch', { name: 'Fill in the client secret' }).check();
  const code = page.locator('.code code');
  await page.waitForFunction((secret) => document.querySelector('.code code').textContent.includes(secret), machine.client_secret);
  const { stdout } = await run('bash', ['-c', await code.textContent()]);
  assert.equal(claimsOf(JSON.parse(stdout).access_token).aud, audience);
  await field(page, 'For').selectOption('Python');
  const python = await run('python3', ['-c', await code.textContent()]);
  assert.equal(claimsOf(python.stdout.trim()).azp, machine.client_id);
  await inspect(page, 'applications-quickstart-secret');
  assertNoProblems(page, /^$/);
});

test('the code for servers logs people in, with one library as with the other', needsBrowser, async () => {
  const [orders] = stage.doorward.apis;
  const page = await stage.open('/applications');
  for (const title of ['Express (express-openid-connect)', 'Node.js (openid-client)']) {
    const client = await create({
      app_type: 'regular_web', token_endpoint_auth_method: 'client_secret_post', grant_types: ['authorization_code', 'refresh_token'],
    });
    const origin = `http://127.0.0.1:${await freePort()}`;
    await stage.go(page, pathOf(client, 'quickstart'));
    await field(page, 'API').selectOption(orders.audience);
    await field(page, 'Callback URL').fill(`${origin}/callback`);
    await button(page, 'Add them').click();
    await page.getByText('Not registered yet').waitFor({ state: 'hidden' });
    await field(page, 'For').selectOption(title);
    await page.getByRole('switch', { name: 'Fill in the client secret' }).check();
    await page.waitForFunction((secret) => document.querySelector('.code code').textContent.includes(secret), client.client_secret);
    const code = await page.locator('.code code').textContent();
    const shown = await visit(code, origin);
    assert.equal(shown.user.email, stage.doorward.user.email, title);
    assert.equal([claimsOf(shown.token).aud].flat()[0], orders.audience, title);
  }
  assertNoProblems(page, /^$/);
});

/** Runs the code of a server beside the packages that it imports; what somebody sees who logs in there. */
async function visit(code, origin) {
  const file = new URL(`./.snippet-${process.pid}.mjs`, import.meta.url);
  await writeFile(file, code);
  const child = spawn(process.execPath, [file.pathname], { env: { ...process.env, COOKIE_SECRET: 'x'.repeat(40) }, stdio: 'inherit' });
  const visitor = await freshPage(stage.browser);
  try {
    while (!await fetch(`${origin}/`, { redirect: 'manual' }).catch(() => undefined)) {
      assert.equal(child.exitCode, null, 'the snippet ended');
      await sleep(50);
    }
    await visitor.goto(`${origin}/`);
    await logIn(visitor, stage.doorward.user);
    await visitor.waitForURL(`${origin}/**`);
    return JSON.parse(await visitor.locator('body').textContent());
  } finally {
    child.kill();
    await visitor.context().close();
    await rm(file);
  }
}

/** Node reads it as a module. */
async function checkModule(code) {
  const child = run(process.execPath, ['--input-type=module', '--check', '-'], { encoding: 'utf8' });
  child.child.stdin.end(code);
  await child;
}

test('every snippet holds hostile values as values', async () => {
  const source = await readFile(new URL('../../src/http/console/assets/pages/snippets.js', import.meta.url), 'utf8');
  const { SNIPPETS } = await import(`data:text/javascript,${encodeURIComponent(source)}`);
  const hostile = `'"\\\`$(touch /tmp/x)</script>\n`;
  const settings = {
    issuer: 'https://login.example/', clientId: hostile, secret: hostile, audience: hostile, scope: hostile,
    callback: 'https://app.example/callback', others: [{ audience: hostile, scope: hostile }],
  };
  for (const snippet of [...SNIPPETS.regular_web]) await checkModule(snippet.text(settings));
  const [spa] = SNIPPETS.spa;
  const page = spa.text(settings);
  assert.equal(page.split('</script>').length - 1, 2);
  await checkModule(/<script type="module">\n([\s\S]*)<\/script>/.exec(page)[1]);
  const [curl, python] = SNIPPETS.non_interactive;
  const { stdout } = await run('bash', ['-c', `curl() { printf '%s\\0' "$@"; }\n${curl.text(settings)}`]);
  assert.ok(stdout.split('\0').includes(`client_secret=${hostile}`));
  await run('python3', ['-c', `import ast, sys; ast.parse(sys.argv[1])`, python.text(settings)]);
});
