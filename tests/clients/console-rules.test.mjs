// Rules in the console: written, switched on, and then a real login has the claim that one adds.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { needsBrowser } from './browser.mjs';
import { answer, assertNoProblems, button, field, fieldError, inspect, said, setConsole, settled } from './console.mjs';

const LONG = { ...needsBrowser, timeout: 300_000 };

let stage;
before(async () => { if (!needsBrowser.skip) stage = await setConsole(); });
after(() => stage?.stop());

const SCRIPT = `function addPlan(user, context, callback) {
  context.accessToken['https://myapi/plan'] = configuration.PLAN;
  callback(null, user, context);
}
`;

test('a rule is written, configured and switched on, and a login has its claim', LONG, async () => {
  const page = await stage.open('/rules');
  await inspect(page, 'rules-empty');
  await field(page, 'Key').fill('PLAN');
  await field(page, 'Value').fill('gold');
  await button(page, 'Keep').click();
  await said(page, 'PLAN is kept');

  await page.getByRole('link', { name: 'New rule' }).first().click();
  await settled(page);
  await field(page, 'Name').fill('-Plan-');
  await field(page, 'Script').fill('function (user, context, callback) {\n  let = ;\n}');
  await page.locator('.verdict [role=status]', { hasText: 'Line 2, column' }).waitFor();
  await inspect(page, 'rules-new-wrong');
  await field(page, 'Script').fill(SCRIPT);
  await button(page, 'Create').click();
  assert.match(await fieldError(page, 'Name'), /pattern/);
  await field(page, 'Name').fill('Plan');
  await button(page, 'Create').click();
  await page.waitForURL(/\/admin\/rules\/rul_/);
  await settled(page);
  assert.equal((await stage.claimsAtDemo())['https://myapi/plan'], undefined);
  await inspect(page, 'rules-one');

  await page.getByRole('link', { name: 'Rules', exact: true }).first().click();
  await settled(page);
  await button(page, 'Switch on Plan').click();
  await said(page, 'Plan is on');
  assert.equal((await stage.claimsAtDemo())['https://myapi/plan'], 'gold');
  await button(page, 'Switch off Plan').waitFor();
  await inspect(page, 'rules-list');

  await button(page, 'Remove PLAN').click();
  await answer(page, 'Remove');
  await said(page, 'PLAN is removed');
  assert.equal((await stage.claimsAtDemo())['https://myapi/plan'], undefined);
  await page.getByRole('link', { name: 'Plan', exact: true }).click();
  await settled(page);
  await button(page, 'Delete this rule').click();
  await answer(page, 'Delete', 'Plan');
  await page.waitForURL(/\/admin\/rules$/);
  assert.deepEqual(await stage.call('GET', 'rules'), []);
  assertNoProblems(page);
});

test('two people who edit one rule do not overwrite each other unseen', LONG, async () => {
  const { id } = await stage.call('POST', 'rules', { name: 'Shared', script: SCRIPT, enabled: false });
  const page = await stage.open(`/rules/${id}`);
  await stage.call('PATCH', `rules/${id}`, { script: `// theirs\n${SCRIPT}` });
  await field(page, 'Script').fill(`// mine\n${SCRIPT}`);
  await button(page, 'Save').click();
  await page.getByText('Somebody else has changed this since you opened it.').waitFor();
  assert.equal((await stage.call('GET', `rules/${id}`)).script, `// theirs\n${SCRIPT}`);
  await button(page, 'Overwrite theirs').click();
  await said(page, 'Shared is saved');
  assert.equal((await stage.call('GET', `rules/${id}`)).script, `// mine\n${SCRIPT}`);
  await stage.call('DELETE', `rules/${id}`);
  assertNoProblems(page);
});

test('who may only look sees rules and changes none', LONG, async () => {
  const { id } = await stage.call('POST', 'rules', { name: 'Looked at', script: SCRIPT, enabled: false });
  const page = await stage.openAsViewer('/rules');
  await page.getByRole('link', { name: 'Looked at' }).waitFor();
  assert.equal(await page.locator('main').getByRole('button', { name: /^(Switch|Remove|Keep)/ }).count(), 0);
  await stage.go(page, `/rules/${id}`);
  assert.equal(await field(page, 'Script').getAttribute('readonly'), '');
  assert.equal(await page.locator('main').getByRole('button', { name: /^(Save|Delete)/ }).count(), 0);
  await inspect(page, 'rules-viewer');
  assertNoProblems(page, /^$/);
});
