// APIs in the console: made, changed and taken away, and what the page says holds on the server.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { needsBrowser } from './browser.mjs';
import {
  answer, assertNoProblems, axe, button, claimsOf, field, fieldError, inspect, saved, setConsole, settled, shots,
} from './console.mjs';

let stage;
let count = 0;

before(async () => {
  if (needsBrowser.skip) return;
  stage = await setConsole();
});
after(() => stage?.stop());

async function create(more = {}) {
  count += 1;
  const api = await stage.call('POST', 'resource-servers', { identifier: `https://api-${count}.example/`, name: `API ${count}`, ...more });
  return { ...api, path: `/apis/${api.id}` };
}

const read = ({ id }) => stage.call('GET', `resource-servers/${id}`);

test('an API is made in a minute, and is found among many', needsBrowser, async () => {
  const page = await stage.open('/apis');
  await page.getByRole('link', { name: 'Orders API' }).waitFor();
  await inspect(page, 'apis');
  await page.getByRole('link', { name: 'New API' }).click();
  await settled(page);
  await button(page, 'Create').click();
  assert.match(await fieldError(page, 'Identifier'), /String is too short/);
  await field(page, 'Name').fill('Tickets');
  await field(page, 'Identifier').fill('https://orders.example/');
  await button(page, 'Create').click();
  await page.locator('.form-problem', { hasText: 'already exists' }).waitFor();
  await axe(page);
  await field(page, 'Identifier').fill('https://tickets.example/');
  await page.getByLabel(/^Scopes/).fill('read:tickets See tickets\nwrite:tickets');
  await shots(page, 'apis-new');
  await button(page, 'Create').click();
  await page.waitForURL(/\/admin\/apis\/[0-9a-f]{24}$/);
  await settled(page);
  const api = await stage.call('GET', `resource-servers/${encodeURIComponent('https://tickets.example/')}`);
  assert.equal(api.name, 'Tickets');
  assert.deepEqual(api.scopes, [{ value: 'read:tickets', description: 'See tickets' }, { value: 'write:tickets' }]);
  assert.deepEqual([api.allow_offline_access, api.signing_alg], [true, 'RS256']);

  await stage.go(page, '/apis');
  await page.getByRole('searchbox', { name: 'Search by name or identifier' }).fill('icket');
  await page.getByRole('link', { name: 'Orders API' }).waitFor({ state: 'hidden' });
  assert.deepEqual(await page.locator('tbody th').allTextContents(), ['Tickets']);
  assertNoProblems(page);
});

test('each setting is written as the page says it', needsBrowser, async () => {
  const api = await create({ allow_offline_access: false });
  const page = await stage.open(api.path);
  await inspect(page, 'apis-settings');
  await field(page, 'Lifetime').fill('30');
  await field(page, 'Unit of: Lifetime').selectOption('60');
  await page.getByText('An access token is good for 30 minutes.').waitFor();
  await field(page, 'Lifetime for browsers').fill('1');
  await field(page, 'Unit of: Lifetime for browsers').selectOption('3600');
  await button(page, 'Save').click();
  assert.match(await fieldError(page, 'Lifetime for browsers'), /cannot be greater than token_lifetime/);
  await axe(page);
  await field(page, 'Lifetime for browsers').fill('10');
  await field(page, 'Unit of: Lifetime for browsers').selectOption('60');
  await field(page, 'Allow offline access').check();
  await field(page, 'Skip consent for your own applications').uncheck();
  await field(page, 'Enforce permissions').check();
  await field(page, 'Signing algorithm').selectOption('ES256');
  await page.getByRole('radio', { name: /^RFC 9068 with permissions/ }).check();
  await field(page, 'Proof of possession (DPoP)').selectOption('public_clients');
  await page.getByRole('group', { name: 'Users may log in for it through' })
    .getByRole('radio', { name: /^Applications with a grant/ }).check();
  await button(page, 'Save').click();
  await saved(page, 'The settings are saved.');
  const now = await read(api);
  for (const [name, value] of Object.entries({
    token_lifetime: 1800, token_lifetime_for_web: 600, allow_offline_access: true, enforce_policies: true, signing_alg: 'ES256',
    skip_consent_for_verifiable_first_party_clients: false, token_dialect: 'rfc9068_profile_authz',
    proof_of_possession: { mechanism: 'dpop', required: true, required_for: 'public_clients' },
    subject_type_authorization: { user: { policy: 'require_client_grant' }, client: { policy: 'require_client_grant' } },
  })) assert.deepEqual(now[name], value, name);
  await field(page, 'Proof of possession (DPoP)').selectOption('unset');
  await field(page, 'Signing algorithm').selectOption('HS256');
  await button(page, 'Save').click();
  await saved(page, 'The settings are saved.');
  assert.equal((await read(api)).proof_of_possession, undefined);
  await button(page, 'Show Signing secret').click();
  assert.equal(await field(page, 'Signing secret').inputValue(), (await read(api)).signing_secret);
  assertNoProblems(page);
});

test('two who edit an API never overwrite each other without knowing', needsBrowser, async () => {
  const api = await create();
  const [one, other] = [await stage.open(api.path), await stage.open(api.path)];
  await field(one, 'Name').fill('From one');
  await field(other, 'Enforce permissions').check();
  await button(one, 'Save').click();
  await saved(one, 'The settings are saved.');
  await button(other, 'Save').click();
  await button(other, 'Bring in their changes, keep mine').click();
  await other.getByText('Their changes are here now.').waitFor();
  assert.equal(await field(other, 'Name').inputValue(), 'From one');
  await button(other, 'Save').click();
  await saved(other, 'The settings are saved.');
  const now = await read(api);
  assert.deepEqual([now.name, now.enforce_policies], ['From one', true]);
  for (const page of [one, other]) assertNoProblems(page);
});

test('scopes are added, described and removed, and who uses one is named before', needsBrowser, async () => {
  const api = await create({ scopes: [{ value: 'read:a' }, { value: 'write:a' }, { value: 'drop:a' }] });
  await stage.call('POST', 'clients', {
    name: 'Uses it',
    refresh_token: { rotation_type: 'rotating', expiration_type: 'expiring', policies: [{ audience: api.identifier, scope: ['write:a'] }] },
  });
  const role = await stage.call('POST', 'roles', { name: `Writers ${count}` });
  await stage.call('POST', `roles/${role.id}/permissions`, {
    permissions: [{ resource_server_identifier: api.identifier, permission_name: 'write:a' }],
  });
  const page = await stage.open(`${api.path}?tab=scopes`);
  await field(page, 'Add scopes').fill('share:a Share it\nread:a again');
  await button(page, 'Add').click();
  await field(page, 'What read:a allows').fill('Read it');
  await button(page, 'Save scopes').click();
  await saved(page, 'The scopes are saved.');
  assert.deepEqual((await read(api)).scopes, [
    { value: 'read:a', description: 'Read it' }, { value: 'write:a' }, { value: 'drop:a' }, { value: 'share:a', description: 'Share it' }]);
  await inspect(page, 'apis-scopes');

  for (const scope of ['write:a', 'drop:a']) await field(page, `Choose ${scope}`).check();
  await button(page, 'Remove 2 scopes').click();
  await button(page, 'Save scopes').click();
  const dialog = page.getByRole('dialog', { name: 'Remove 2 scopes?' });
  await dialog.getByText('1 policy, 1 role').waitFor();
  await axe(page);
  await shots(page, 'apis-scopes-question');
  await button(dialog, 'Cancel').click();
  await page.getByText('Nothing was removed and nothing was saved.').waitFor();
  assert.equal((await read(api)).scopes.length, 4);
  await button(page, 'Save scopes').click();
  await answer(page, 'Remove');
  await saved(page, 'The scopes are saved.');
  assert.deepEqual((await read(api)).scopes.map(({ value }) => value), ['read:a', 'share:a']);
  assert.deepEqual(await stage.call('GET', `roles/${role.id}/permissions`), []);

  await field(page, 'Add scopes').fill(`${'x'.repeat(281)}`);
  await button(page, 'Add').click();
  await button(page, 'Save scopes').click();
  await page.locator('.field-error', { hasText: 'String is too long (281 chars)' }).waitFor();
  assertNoProblems(page);
});

test('an application is let in, and gets a token of its own until it is not', needsBrowser, async () => {
  const api = await create({ scopes: [{ value: 'read:a' }, { value: 'write:a' }] });
  const name = `Nightly job ${count}`;
  const client = await stage.call('POST', 'clients', { name, app_type: 'non_interactive', grant_types: ['client_credentials'] });
  const ask = async () => (await fetch(`${stage.issuer}oauth/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials', client_id: client.client_id, client_secret: client.client_secret, audience: api.identifier,
    }),
  })).json();
  assert.equal((await ask()).error, 'access_denied');
  const page = await stage.open(`${api.path}?tab=applications`);
  await page.getByText('No application calls it by itself').waitFor();
  await button(page, 'Let an application in').click();
  const picker = page.getByRole('dialog', { name: 'Which application?' });
  await picker.getByRole('searchbox').fill(name);
  await button(picker, `Choose ${name}`).click();
  const scopes = page.getByRole('dialog', { name: `What ${name} may do` });
  await scopes.getByRole('checkbox', { name: 'read:a' }).check();
  await axe(page);
  await button(scopes, 'Save').click();
  await page.getByRole('link', { name }).waitFor();
  await inspect(page, 'apis-applications');
  assert.equal(claimsOf((await ask()).access_token).scope, 'read:a');

  await button(page, `Take away the grant of ${client.client_id}`).click();
  await answer(page, 'Take away');
  await page.getByText('No application calls it by itself').waitFor();
  assert.equal((await ask()).error, 'access_denied');
  assertNoProblems(page);
});

test('an API is deleted only after it was named', needsBrowser, async () => {
  const api = await create({ scopes: [{ value: 'read:a' }] });
  await stage.call('POST', 'clients', {
    name: 'Uses it',
    refresh_token: { rotation_type: 'rotating', expiration_type: 'expiring', policies: [{ audience: api.identifier, scope: ['read:a'] }] },
  });
  const page = await stage.open(api.path);
  await button(page, 'Delete API').click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText('the policies of 1 application lose their effect').waitFor();
  assert.ok(await button(dialog, 'Delete').isDisabled());
  await axe(page);
  await answer(page, 'Delete', api.name);
  await page.waitForURL(/\/admin\/apis$/);
  await assert.rejects(read(api), /404/);
  await stage.go(page, api.path);
  await page.getByText('This no longer exists').waitFor();
  await axe(page);
  assertNoProblems(page);
});

test('the Management API is shown and cannot be changed, nor can anything by who only looks', needsBrowser, async () => {
  const management = await stage.call('GET', `resource-servers/${encodeURIComponent(`${stage.issuer}api/v2/`)}`);
  const page = await stage.open(`/apis/${management.id}`);
  await page.getByText('it can be looked at, not changed').waitFor();
  assert.ok(await field(page, 'Allow offline access').isDisabled());
  for (const name of ['Save', 'Delete API']) assert.equal(await button(page, name).count(), 0, name);
  await inspect(page, 'apis-management');

  const api = await create({ scopes: [{ value: 'read:a' }] });
  const viewer = await stage.openAsViewer(api.path);
  assert.ok(await field(viewer, 'Name').evaluate((input) => input.readOnly));
  for (const name of ['Save', 'Delete API']) assert.equal(await button(viewer, name).count(), 0, name);
  await stage.go(viewer, `${api.path}?tab=scopes`);
  assert.equal(await button(viewer, 'Save scopes').count(), 0);
  await stage.go(viewer, '/apis');
  assert.equal(await viewer.getByRole('link', { name: 'New API' }).count(), 0);
  await axe(viewer);
  for (const one of [page, viewer]) assertNoProblems(one);
});
