// Roles in the console. What a page does is asserted by the Management API and by the protocol.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { needsBrowser } from './browser.mjs';
import { AUDIENCE, addApplication, addUser, look } from './console-people.mjs';
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

test('a role is made, filled and given: its permission is in the next exchanged token', LONG, async () => {
  await addUser(stage.call, 'member@example.com', { name: 'Mem Ber' });
  let { body: tokens } = await app.logIn('member@example.com');
  const page = await stage.open('/roles');
  await look(page, 'roles');
  await page.getByRole('link', { name: 'New role' }).click();
  await settled(page);
  await page.getByRole('button', { name: 'Create' }).click();
  assert.match(await fieldError(page, 'Name'), /./);
  await look(page, 'roles-new');
  await page.getByLabel('Name', { exact: true }).fill('Writer');
  await page.getByLabel('Description (optional)').fill('Writes notes');
  await page.getByRole('button', { name: 'Create' }).click();
  await page.waitForURL(/\/admin\/roles\/rol_\w+\?tab=permissions/);
  await settled(page);
  const [, id] = /roles\/(rol_\w+)/.exec(page.url());

  await page.getByRole('searchbox', { name: 'Add permissions' }).fill('note');
  await page.getByRole('button', { name: 'Choose Notes' }).click();
  await page.getByRole('button', { name: 'Choose all' }).click();
  await look(page, 'role-picker');
  await page.getByRole('button', { name: 'Add 2 permissions' }).click();
  await said(page, '2 permissions added');
  const permissions = await stage.call('GET', `roles/${id}/permissions`);
  assert.deepEqual(permissions.map((one) => one.permission_name).sort(), ['read:notes', 'write:notes']);
  await page.getByRole('button', { name: 'Take out read:notes' }).click();
  await answer(page, 'Take it out');
  await said(page, 'Permission taken out');
  await look(page, 'role-permissions');

  await page.getByRole('link', { name: 'Members' }).click();
  await settled(page);
  await page.getByRole('searchbox', { name: 'Add somebody' }).fill('mem b');
  await page.getByRole('button', { name: 'Add Mem Ber' }).click();
  await page.getByRole('link', { name: 'Mem Ber' }).waitFor();
  await look(page, 'role-members');
  ({ body: tokens } = await app.refresh(tokens.refresh_token));
  assert.deepEqual(claimsOf(tokens.access_token).permissions, ['write:notes']);

  await page.getByRole('button', { name: 'Take away from Mem Ber' }).click();
  await answer(page, 'Take it away');
  await page.getByText('Nobody has this role yet').waitFor();
  ({ body: tokens } = await app.refresh(tokens.refresh_token));
  assert.deepEqual(claimsOf(tokens.access_token).permissions, []);
  assertNoProblems(page);
});

test('a role is renamed, not to a name that is taken, and deleted with a word of warning', LONG, async () => {
  const role = await stage.call('POST', 'roles', { name: 'Old name', description: 'x' });
  await stage.call('POST', 'roles', { name: 'Taken' });
  await stage.call('POST', `roles/${role.id}/permissions`, {
    permissions: [{ resource_server_identifier: AUDIENCE, permission_name: 'read:notes' }],
  });
  for (const name of ['one', 'two']) {
    const user = await addUser(stage.call, `${name}@example.com`);
    await stage.call('POST', `roles/${role.id}/users`, { users: [user.user_id] });
  }
  const { body: tokens } = await app.logIn('one@example.com');
  assert.deepEqual(claimsOf(tokens.access_token).permissions, ['read:notes']);
  const page = await stage.open(`/roles/${role.id}`);
  await page.getByLabel('Name', { exact: true }).fill('Taken');
  await page.getByRole('button', { name: 'Save' }).click();
  assert.match(await fieldError(page, 'Name'), /Another role has this name/);
  await page.getByLabel('Name', { exact: true }).fill('New name');
  await page.getByLabel('Description (optional)', { exact: true }).fill('');
  await page.getByRole('button', { name: 'Save' }).click();
  await said(page, 'Saved');
  const renamed = await stage.call('GET', `roles/${role.id}`);
  assert.deepEqual([renamed.name, renamed.description], ['New name', '']);
  await look(page, 'role-settings');
  await page.getByRole('button', { name: 'Delete role' }).click();
  await page.getByRole('dialog').getByText('2 people lose what it brings').waitFor();
  await axe(page);
  await answer(page, 'Delete this role', 'New name');
  await page.waitForURL(/\/admin\/roles$/);
  await assert.rejects(() => stage.call('GET', `roles/${role.id}`));
  const { body: later } = await app.refresh(tokens.refresh_token);
  assert.deepEqual(claimsOf(later.access_token).permissions, []);
  assertNoProblems(page);
});

test('roles are paged and found by part of the name', LONG, async () => {
  for (let i = 0; i < 30; i += 1) await stage.call('POST', 'roles', { name: `Team ${String(i).padStart(2, '0')}` });
  const page = await stage.open('/roles');
  await page.getByText(/1–25 of \d+, page 1 of 2/).waitFor();
  await page.getByRole('searchbox', { name: 'Search roles' }).fill('team 29');
  await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 1);
  await page.getByRole('link', { name: 'Team 29' }).click();
  await page.getByRole('heading', { level: 1, name: 'Team 29' }).waitFor();
  assertNoProblems(page);
});

test('who may only look sees roles read-only, and is told why', LONG, async () => {
  const role = await stage.call('POST', 'roles', { name: 'Looked at' });
  const page = await stage.openAsViewer('/roles');
  assert.equal(await page.getByRole('link', { name: 'New role' }).count(), 0);
  for (const name of ['settings', 'permissions', 'members']) {
    await stage.go(page, `/roles/${role.id}?tab=${name}`);
    assert.ok(await page.getByText(/Your role allows you to look at this/).count() > 0, name);
    assert.equal(await page.getByRole('button', { name: /^(Save|Delete|Add|Take)/, disabled: false }).count(), 0, name);
  }
  await axe(page);
  assertNoProblems(page, /^$/);
});
