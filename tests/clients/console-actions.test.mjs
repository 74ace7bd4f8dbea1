// Actions in the console: written, tried out, deployed and bound on its pages, and then a real login
// has the claim that they add.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { logIn, needsBrowser } from './browser.mjs';
import {
  answer, assertNoProblems, axe, button, field, fieldError, inspect, said, setConsole, settled,
} from './console.mjs';
import { folded, lineDiff } from '../../src/http/console/assets/pages/actions/diff.js';
import { ruleTemplate, templates } from '../../src/http/console/assets/pages/actions/templates.js';

const LONG = { ...needsBrowser, timeout: 300_000 };

let stage;
before(async () => { if (!needsBrowser.skip) stage = await setConsole(); });
after(() => stage?.stop());

const CODE = 'Code of the draft';
const NOTHING = 'exports.onExecutePostLogin = async () => {};\n';
/** An Action that first asks for what the server does not grant. */
const asking = (line) => `exports.onExecutePostLogin = async (event, api) => {
  api.idToken.setCustomClaim("iss", 1);
  ${line}
};
`;
const tab = async (page, name) => {
  await page.locator('.tabs').getByRole('link', { name, exact: true }).click();
  await settled(page);
};

/** An Action made through the Management API. */
async function action(name, { trigger = 'post-login', code = NOTHING, deploy = true, ...more } = {}) {
  return stage.call('POST', 'actions/actions', { name, supported_triggers: [{ id: trigger }], code, deploy, ...more });
}
const bind = (names, trigger = 'post-login') => stage.call('PATCH', `actions/triggers/${trigger}/bindings`, {
  bindings: names.map((value) => ({ ref: { type: 'action_name', value } })),
});
const bound = async (trigger = 'post-login') =>
  (await stage.call('GET', `actions/triggers/${trigger}/bindings`)).bindings?.map((one) => one.action.name) ?? [];
const idOf = (page) => decodeURIComponent(new URL(page.url()).pathname.split('/').at(-1));

/** The published example, with something to do. */
const example = (claim) => `exports.onExecutePostLogin = async (event, api) => {
  // return the list of allowed APIs in the client
  const allowedAPIsInTheClient = event.client.refresh_token?.policies;
  if (allowedAPIsInTheClient?.some((policy) => policy?.audience?.includes('${stage.doorward.apis[0].audience}'))) {
    console.log('plan for', event.user.email);
    api.accessToken.setCustomClaim('https://myapi/plan', ${claim});
  }
};
`;

test('an Action is written, tried out, deployed and bound, and a login has its claim', LONG, async () => {
  const page = await stage.open('/actions');
  await inspect(page, 'actions-empty');
  await page.getByRole('link', { name: 'New Action' }).click();
  await settled(page);
  await button(page, 'Create').click();
  assert.match(await fieldError(page, 'Name'), /too short/i);
  await field(page, 'Name').fill('Plan of the user');
  await inspect(page, 'actions-new-filled');
  await button(page, 'Create').click();
  await page.waitForURL(/\/admin\/actions\/[0-9a-f-]{36}$/);
  await settled(page);
  const id = idOf(page);

  // A mistake has its line, while it is typed and when it is to be saved.
  const right = example('event.secrets.PLAN');
  await field(page, CODE).fill(right.replace('?.some((', '?.some(('.concat(')')));
  const verdict = page.locator('.verdict [role=status]');
  await verdict.filter({ hasText: 'Line 4, column' }).waitFor();
  assert.equal(await page.locator('.gutter .wrong-line').textContent(), '4\n');
  await inspect(page, 'actions-syntax-error');
  await button(page, 'Go to line 4').click();
  const cursor = await field(page, CODE).evaluate((area) => area.value.slice(0, area.selectionStart).split('\n').length);
  assert.equal(cursor, 4);
  await button(page, 'Save the draft').click();
  assert.match(await fieldError(page, CODE), /line 4, column/);
  assert.equal((await stage.call('GET', `actions/actions/${id}`)).code.includes('allowedAPIs'), false);

  await field(page, CODE).fill(right);
  await verdict.filter({ hasText: 'can be compiled' }).waitFor();
  await button(page, 'Save the draft').click();
  await said(page, 'The draft is saved');
  assert.equal((await stage.call('GET', `actions/actions/${id}`)).code, right);

  await tab(page, 'Secrets');
  await field(page, 'Name').fill('PLAN');
  await field(page, 'Value').fill('gold');
  await button(page, 'Add').click();
  await said(page, 'PLAN is kept');
  await inspect(page, 'actions-secrets');

  // The draft with an event: another application has no such policy.
  await tab(page, 'Try');
  await button(page, 'Run the draft').click();
  await page.getByText('It asks for nothing.').waitFor();
  const event = JSON.parse(await field(page, 'Event').inputValue());
  event.client.refresh_token.policies[0].audience = stage.doorward.apis[0].audience;
  await field(page, 'Event').fill(`${JSON.stringify(event, null, 2)} and more`);
  await button(page, 'Run the draft').click();
  assert.match(await fieldError(page, 'Event'), /This is not JSON/);
  await field(page, 'Event').fill(JSON.stringify(event, null, 2));
  await button(page, 'Run the draft').click();
  await page.getByText('Sets the claim https://myapi/plan of the access token to "gold".').waitFor();
  assert.match(await page.getByLabel('Console output', { exact: true }).textContent(), /plan for ada@example\.com/);
  await inspect(page, 'actions-trial');

  await tab(page, 'Code');
  await button(page, 'Deploy').click();
  await answer(page, 'Deploy');
  await said(page, 'Version 1 is deployed');
  assert.deepEqual(await bound(), []);
  assert.equal((await stage.claimsAtDemo())['https://myapi/plan'], undefined);
  await button(page, 'Add it to the flow').click();
  await page.getByText('as the only Action').waitFor();
  assert.deepEqual(await bound(), ['Plan of the user']);
  assert.equal((await stage.claimsAtDemo())['https://myapi/plan'], 'gold');
  await inspect(page, 'actions-code');

  // Another version, and back to the first.
  await field(page, CODE).fill(example("'silver'"));
  await verdict.filter({ hasText: 'can be compiled' }).waitFor();
  await button(page, 'Save and deploy').click();
  await answer(page, 'Deploy');
  await said(page, 'Version 2 is deployed');
  assert.equal((await stage.claimsAtDemo())['https://myapi/plan'], 'silver');
  await tab(page, 'Versions');
  await button(page, 'Compare version 1').click();
  await page.locator('.diff-added', { hasText: "'silver'" }).waitFor();
  assert.equal(await page.locator('.diff-removed').count(), 1);
  await inspect(page, 'actions-versions');
  await button(page, 'Deploy version 1').click();
  await answer(page, 'Deploy version 1');
  await said(page, 'Version 3 is deployed');
  assert.equal((await stage.claimsAtDemo())['https://myapi/plan'], 'gold');

  await tab(page, 'Executions');
  await page.locator('.executions tbody tr').nth(1).waitFor();
  await page.locator('.executions summary').first().click();
  await inspect(page, 'actions-executions');
  const open = page.locator('.executions tbody tr').first().getByRole('button', { name: /^Open/ });
  const execution = (await open.getAttribute('aria-label')).split(' ').at(-1);
  await open.click();
  await page.waitForURL(/\/admin\/logs\/[^/]+$/);
  const { details } = await stage.call('GET', `logs/${idOf(page)}`);
  assert.deepEqual(details.actions.executions, [execution]);
  assertNoProblems(page);
});

test('code outlives the login of its author', LONG, async () => {
  const { id } = await action('Long work');
  const page = await stage.openAlone(`/actions/${id}`);
  const code = 'exports.onExecutePostLogin = () => {};\n// the work of an afternoon\n';
  await field(page, CODE).fill(code);
  await page.locator('.verdict', { hasText: 'can be compiled' }).waitFor();
  // Neither the session of the browser nor the token is good any more.
  await page.context().clearCookies();
  let refused = false;
  await page.route(`**/api/v2/actions/actions/${id}`, (route) => {
    if (refused) return route.continue();
    refused = true;
    return route.fulfill({ status: 401, json: { statusCode: 401, error: 'Unauthorized', message: 'Invalid token' } });
  });
  await button(page, 'Save the draft').click();
  await page.getByRole('dialog').getByText('Your login has ended').waitFor();
  assert.equal(await field(page, CODE).inputValue(), code);
  const opened = page.waitForEvent('popup');
  await page.getByRole('dialog').getByRole('button', { name: 'Sign in again' }).click();
  await logIn(await opened, stage.doorward.administrator);
  await said(page, 'The draft is saved');
  assert.equal((await stage.call('GET', `actions/actions/${id}`)).code, code);
});

test('what fails is shown with its line, and code that is not saved can be tried', LONG, async () => {
  const { id } = await action('Fails');
  const page = await stage.open(`/actions/${id}`);
  await field(page, CODE).fill(asking('event.nobody.there;'));
  await tab(page, 'Try');
  await button(page, 'Run the code as it is now').click();
  await page.getByText('Line 3, column').waitFor();
  await page.getByText('Sets the claim iss of the ID token to 1.').waitFor();
  await page.getByText('That was the code in the editor').waitFor();
  await inspect(page, 'actions-trial-failed');
  await button(page, 'Show the line').click();
  await settled(page);
  const line = await field(page, CODE).evaluate((area) => area.value.slice(0, area.selectionStart).split('\n').length);
  assert.equal(line, 3);
  assert.equal(await field(page, CODE).evaluate((area) => area === document.activeElement), true);

  // What the server would not grant.
  await field(page, CODE).fill(asking('api.access.deny("Not today.");'));
  await tab(page, 'Try');
  await button(page, 'Run the code as it is now').click();
  await page.getByText('claim iss was not added').waitFor();
  await page.getByText('The reason: “Not today.”').waitFor();

  // Nothing of it was saved, and leaving asks.
  await page.getByRole('link', { name: 'Dashboard', exact: true }).click();
  await answer(page, 'Stay here');
  await tab(page, 'Code');
  assert.match(await field(page, CODE).inputValue(), /Not today/);
  assert.doesNotMatch((await stage.call('GET', `actions/actions/${id}`)).code, /Not today/);

  // An exchange of a refresh token is another event of the same flow.
  await tab(page, 'Try');
  await field(page, 'What happens').selectOption('exchange');
  assert.match(await field(page, 'Event').inputValue(), /oauth2-refresh-token/);
  assertNoProblems(page);
});

test('the editor indents, lets go after Escape, and the browser undoes', LONG, async () => {
  const { id } = await action('Keys');
  const page = await stage.open(`/actions/${id}`);
  const code = field(page, CODE);
  await code.fill('a\nb');
  await code.evaluate((area) => area.setSelectionRange(0, 3));
  await code.press('Tab');
  assert.equal(await code.inputValue(), '  a\n  b');
  await code.press('Shift+Tab');
  assert.equal(await code.inputValue(), 'a\nb');
  await code.press('Control+z');
  assert.equal(await code.inputValue(), '  a\n  b');
  await code.press('Escape');
  await code.press('Tab');
  assert.equal(await code.evaluate((area) => area === document.activeElement), false);
  await code.fill('exports.onExecutePostLogin = () => {};\n// saved by keyboard\n');
  await code.press('Control+s');
  await said(page, 'The draft is saved');
  assert.match((await stage.call('GET', `actions/actions/${id}`)).code, /saved by keyboard/);
  assertNoProblems(page);
});

test('two people who edit one draft do not overwrite each other unseen', LONG, async () => {
  const { id } = await action('Two editors', { code: 'exports.onExecutePostLogin = () => {};\n// line\n' });
  const code = (word) => `exports.onExecutePostLogin = () => {};\n// ${word}\n`;
  const kept = async () => (await stage.call('GET', `actions/actions/${id}`)).code;
  const page = await stage.open(`/actions/${id}`);
  await stage.call('PATCH', `actions/actions/${id}`, { code: code('theirs') });
  await field(page, CODE).fill(code('mine'));
  await button(page, 'Save the draft').click();
  await page.getByText('Somebody else has changed this Action').waitFor();
  await page.locator('.diff-removed', { hasText: '// theirs' }).waitFor();
  await page.locator('.diff-added', { hasText: '// mine' }).waitFor();
  assert.equal(await kept(), code('theirs'));
  await inspect(page, 'actions-conflict');
  await button(page, 'Overwrite theirs').click();
  await said(page, 'The draft is saved');
  assert.equal(await kept(), code('mine'));

  await stage.call('PATCH', `actions/actions/${id}`, { code: code('theirs again') });
  await field(page, CODE).fill(code('mine again'));
  await button(page, 'Save the draft').click();
  await button(page, 'Take theirs, discard mine').click();
  await page.getByText('The draft is saved.', { exact: true }).waitFor();
  assert.equal(await field(page, CODE).inputValue(), code('theirs again'));
  assert.equal(await kept(), code('theirs again'));

  // Who deploys what somebody else has changed meanwhile is told.
  await stage.call('PATCH', `actions/actions/${id}`, { code: code('unseen') });
  await button(page, 'Deploy').click();
  await answer(page, 'Deploy');
  await page.getByText('Nothing was deployed').waitFor();
  assert.equal(await field(page, CODE).inputValue(), code('unseen'));
  assert.equal((await stage.call('GET', `actions/actions/${id}`)).deployed_version.number, 1);
  assertNoProblems(page);
});

test('secrets are replaced and removed, and never told', LONG, async () => {
  const { id } = await action('Keeps secrets', {
    code: 'exports.onExecutePostLogin = (event) => console.log(JSON.stringify(event.secrets));',
    secrets: [{ name: 'ONE', value: 'value-of-one' }, { name: 'TWO', value: 'value-of-two' }],
  });
  const page = await stage.open(`/actions/${id}?tab=secrets`);
  assert.doesNotMatch(await page.content(), /value-of/);
  await field(page, 'Name').fill('ONE');
  await field(page, 'Value').fill('x');
  await button(page, 'Add').click();
  assert.match(await fieldError(page, 'Name'), /not unique/i);
  await button(page, 'Replace ONE').click();
  await field(page, 'Value').fill('third');
  await button(page, 'Replace').click();
  await said(page, 'ONE is kept');
  await button(page, 'Remove TWO').click();
  await answer(page, 'Remove');
  await said(page, 'TWO is removed');
  const { payload } = await stage.call('POST', `actions/actions/${id}/test`, { payload: {} });
  assert.deepEqual(JSON.parse(payload.console), { ONE: 'third' });
  assertNoProblems(page);
});

test('the order of a flow is changed with buttons and saved as a whole', LONG, async () => {
  for (const name of ['Flow A', 'Flow B', 'Flow C']) await action(name);
  await action('Flow draft', { deploy: false });
  await bind(['Flow A', 'Flow B']);
  const page = await stage.open('/actions');
  await button(page, 'Move Flow B up').press('Enter');
  // At the top it goes no further up: the focus is on its way down.
  await page.waitForFunction(() => document.activeElement?.getAttribute('aria-label') === 'Move Flow B down');
  await button(page, 'Add an Action to Login').click();
  await page.getByRole('dialog').getByRole('combobox').selectOption({ label: 'Flow C' });
  assert.equal(await page.getByRole('dialog').getByRole('option', { name: 'Flow draft' }).count(), 0);
  await axe(page);
  await page.getByRole('dialog').getByRole('button', { name: 'Add at the end' }).click();
  await button(page, 'Take out Flow A').click();
  assert.deepEqual(await bound(), ['Flow A', 'Flow B']);
  await inspect(page, 'actions-flows');
  await button(page, 'Save the order').click();
  await said(page, 'is saved');
  assert.deepEqual(await bound(), ['Flow B', 'Flow C']);

  // Somebody else was faster.
  await stage.call('PATCH', 'actions/triggers/post-login/bindings', { bindings: [] });
  await button(page, 'Take out Flow B').click();
  await button(page, 'Save the order').click();
  await page.getByText('Somebody else has changed this').waitFor();
  assert.deepEqual(await bound(), []);
  await button(page, 'Discard mine').click();
  await page.getByText('No Action runs here.').first().waitFor();

  await page.getByRole('link', { name: 'All Actions', exact: true }).click();
  await settled(page);
  await page.getByRole('row', { name: /Flow draft.*Never deployed/ }).waitFor();
  await field(page, 'Flow').selectOption('credentials-exchange');
  await page.getByText('There is no Action for this flow yet.').waitFor();
  await field(page, 'Flow').selectOption('post-login');
  await page.getByRole('row', { name: /Flow draft/ }).waitFor();
  await inspect(page, 'actions-all');
  assertNoProblems(page);
});

test('settings are saved, and an Action of a flow is deleted with it', LONG, async () => {
  const { id } = await action('To be renamed');
  await action('Taken');
  await bind(['To be renamed']);
  const page = await stage.open(`/actions/${id}?tab=settings`);
  await field(page, 'Name').fill('Taken');
  await button(page, 'Save').click();
  await page.locator('.form-problem', { hasText: 'already exists' }).waitFor();
  await field(page, 'Name').fill('Renamed');
  await page.getByRole('radio', { name: /^Only these hosts/ }).check();
  await field(page, 'Hosts').fill('api.example.com\nnot a host');
  await button(page, 'Save').click();
  assert.match(await fieldError(page, 'Hosts'), /host/);
  await field(page, 'Hosts').fill('api.example.com');
  await button(page, 'Save').click();
  await said(page, 'The settings of Renamed are saved');
  const saved = await stage.call('GET', `actions/actions/${id}`);
  assert.deepEqual([saved.name, saved.allowed_hosts], ['Renamed', ['api.example.com']]);
  await page.getByRole('radio', { name: /^As the server allows/ }).check();
  await button(page, 'Save').click();
  await page.getByText('Nothing to save').first().waitFor();
  assert.equal((await stage.call('GET', `actions/actions/${id}`)).allowed_hosts, undefined);
  await inspect(page, 'actions-settings');

  await button(page, 'Delete this Action').click();
  assert.match(await page.getByRole('dialog').textContent(), /part of the flow “Login”/);
  await axe(page);
  await answer(page, 'Delete', 'Renamed');
  await page.waitForURL(/\/admin\/actions\?tab=all$/);
  assert.deepEqual(await bound(), []);
  await stage.go(page, `/actions/${id}`);
  await page.getByText('This no longer exists').waitFor();
  assertNoProblems(page);
});

test('who may only look sees everything and changes nothing', LONG, async () => {
  const { id } = await action('Looked at', { secrets: [{ name: 'KEY', value: 'hidden' }] });
  await bind(['Looked at']);
  const page = await stage.openAsViewer('/actions');
  await page.getByRole('link', { name: 'Looked at' }).waitFor();
  assert.equal(await page.getByRole('button', { name: /^(Move|Take|Add an Action)/ }).count(), 0);
  assert.equal(await page.getByRole('link', { name: 'New Action' }).count(), 0);
  await stage.go(page, `/actions/${id}`);
  await page.getByText('Your role allows you to look at this, not to change it.').first().waitFor();
  assert.equal(await field(page, CODE).getAttribute('readonly'), '');
  for (const name of ['Secrets', 'Try', 'Versions', 'Executions', 'Settings']) {
    await tab(page, name);
    const acts = page.locator('main').getByRole('button', { name: /^(Save|Deploy|Add|Replace|Remove|Run|Delete|Edit)/ });
    assert.equal(await acts.filter({ visible: true }).count(), 0, name);
    await axe(page);
  }
  assertNoProblems(page, /^$/);
});

test('the examples are those of the documentation', async () => {
  const text = await readFile(new URL('../../docs/actions.md', import.meta.url), 'utf8');
  const documented = [...text.matchAll(/<!-- example: (\S+) -->\n```js\n(.*?)```/gs)].map(([, id, code]) => [id, code]);
  assert.ok(documented.length > 5);
  assert.deepEqual([...templates.map(({ id, code }) => [id, code]), ['rule', ruleTemplate]], documented);
});

test('a comparison tells lines that came, went and stayed', () => {
  const show = (before, after) => lineDiff(before, after).map(([sign, text]) => sign + text).join('|');
  assert.equal(show('a\nb\nc', 'a\nb\nc'), ' a| b| c');
  assert.equal(show('a\nb\nc', 'a\nx\nc'), ' a|-b|+x| c');
  assert.equal(show('', 'a'), '-|+a');
  assert.equal(show('a\nb\nc\nd', 'b\nd\ne'), '-a| b|-c| d|+e');
  const long = Array.from({ length: 30 }, (_, i) => `${i}`);
  assert.deepEqual(folded(lineDiff(long.join('\n'), [...long, 'new'].join('\n'))),
    [27, [' ', '27'], [' ', '28'], [' ', '29'], ['+', 'new']]);
});
