// The dashboard: what the protocol did shows in numbers, plots and findings, and a server on which
// nobody has made anything says what to do first.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { launch, needsBrowser } from './browser.mjs';
import { assertNoProblems, createAdministrator, inspect, setConsole, settled, signIn } from './console.mjs';
import { eventually, setTraffic } from './console-traffic.mjs';
import { launchDoorward, management, ready } from './server.mjs';

const LONG = { ...needsBrowser, timeout: 300_000 };

let stage;
let traffic;

before(async () => {
  if (needsBrowser.skip) return;
  stage = await setConsole();
  traffic = await setTraffic(stage);
});
after(() => stage?.stop());

/** The refresh-token settings of an application, with a policy for an API. */
const withPolicy = (client, { identifier }, scope) => ({
  ...client.refresh_token, policies: [{ audience: identifier, scope }],
});

/** The table of a plot as objects, by its headings. */
async function valuesOf(page, title) {
  const card = page.getByRole('region', { name: title, exact: true });
  await card.locator('summary').click();
  const rows = await card.locator('table').evaluate((table) => {
    const heads = Array.from(table.querySelectorAll('thead th'), (cell) => cell.textContent);
    const texts = Array.from(table.querySelectorAll('tbody tr'), (row) => Array.from(row.cells, (cell) => cell.textContent));
    return texts.map((cells) => Object.fromEntries(heads.map((head, i) => [head, cells[i]])));
  });
  await card.locator('summary').click();
  return rows;
}

const sum = (rows, head) => rows.reduce((total, row) => total + Number(row[head]), 0);

test('what the protocol did is in the plots, as the Management API counts it', LONG, async () => {
  const first = await traffic.logIn();
  const second = await traffic.exchange(first);
  await traffic.exchange(second);
  await traffic.failLogin();
  await traffic.reuse(first);
  const counted = await eventually(async () => {
    const { buckets } = await stage.call('GET', 'stats/activity');
    const total = (kind) => buckets.reduce((n, bucket) => n + bucket[kind], 0);
    return total('reuse_detected') === 1 && total('failed_logins') === 1 && total('refresh_exchanges') === 2 && { buckets, total };
  });

  const page = await stage.open('/');
  const exchanges = await valuesOf(page, 'Exchanges');
  assert.equal(exchanges.length, 24);
  assert.equal(sum(exchanges, 'Refresh tokens'), 2);
  assert.equal(sum(exchanges, 'Other'), counted.total('other_exchanges'));
  const failures = await valuesOf(page, 'Failures');
  assert.equal(sum(failures, 'Reuse of refresh tokens'), 1);
  assert.equal(sum(failures, 'Failed logins'), 1);
  assert.ok(sum(await valuesOf(page, 'Logins'), 'Logins') >= 1);

  // The same is read with the keyboard, bar by bar.
  const plot = page.getByRole('slider', { name: /^Exchanges/ });
  await plot.focus();
  assert.match(await plot.getAttribute('aria-valuetext'), /^Last 24 hours: Refresh tokens 2,/);
  await page.keyboard.press('Home');
  assert.match(await plot.getAttribute('aria-valuetext'), /–\d\d:00: Refresh tokens 0,/);
  await page.keyboard.press('ArrowRight');
  assert.equal(await plot.getAttribute('aria-valuenow'), '1');
  await page.keyboard.press('End');
  await page.keyboard.press('ArrowRight');
  assert.equal(await plot.getAttribute('aria-valuenow'), '23');
  // And with the pointer.
  const box = await plot.boundingBox();
  await page.mouse.move(box.x + 60, box.y + 40);
  assert.equal(await plot.getAttribute('aria-valuenow'), '0');

  for (const [name, range, bars] of [['7 days', 'week', 28], ['30 days', 'month', 30]]) {
    await page.getByRole('link', { name, exact: true }).click();
    await page.waitForURL(new RegExp(`range=${range}`));
    await page.getByRole('slider', { name: `Exchanges, ${bars} bars` }).waitFor();
    assert.equal(sum(await valuesOf(page, 'Exchanges'), 'Refresh tokens'), 2, name);
  }
  await page.reload();
  await settled(page);
  await page.getByRole('slider', { name: 'Exchanges, 30 bars' }).waitFor();
  assertNoProblems(page, /^$/);
});

test('totals are those of the Management API, and lead to their lists', LONG, async () => {
  const page = await stage.open('/');
  const totals = await stage.call('GET', 'stats/totals');
  for (const [name, words, href] of [
    ['clients', 'application', '/admin/applications'], ['users', 'user', '/admin/users'], ['resource_servers', 'API', '/admin/apis'],
  ]) {
    const link = page.getByRole('region', { name: 'Totals' }).getByRole('link', { name: new RegExp(`^${totals[name].count} ${words}s?$`) });
    assert.equal(await link.getAttribute('href'), href);
  }
  const text = await page.getByRole('region', { name: 'Totals' }).textContent();
  assert.match(text, new RegExp(`${totals.refresh_tokens.count}\\s*active refresh token`));
  assertNoProblems(page, /^$/);
});

test('what needs attention says so, and leads there', LONG, async () => {
  const tokens = await traffic.logIn();
  await traffic.exchange(tokens);
  await traffic.reuse(tokens);
  await stage.call('PATCH', `clients/${traffic.client.client_id}`, {
    callbacks: ['http://traffic.example/callback'],
    refresh_token: withPolicy(traffic.client, traffic.api, ['read:messages', 'erase:messages']),
  });
  await eventually(async () => (await stage.call('GET', 'stats/attention')).some(({ code }) => code === 'void_policies'));
  const page = await stage.open('/');
  const findings = page.getByRole('region', { name: 'Needs attention' });
  const told = await stage.call('GET', 'stats/attention');
  assert.deepEqual(
    await findings.locator('.finding').evaluateAll((items) => items.map((item) => item.querySelector('p').firstChild.textContent)),
    told.map(({ message }) => message),
  );
  const policies = findings.locator('.finding', { hasText: 'multi-resource' }).getByRole('link', { name: 'Traffic' });
  assert.equal(await policies.getAttribute('href'), `/admin/applications/${traffic.client.client_id}/policies`);
  await inspect(page, 'dashboard');
  await findings.getByRole('link', { name: 'Event 1' }).click();
  await page.getByRole('heading', { level: 1, name: /spent refresh token/ }).waitFor();
  assertNoProblems(page, /^$/);
});

test('the latest events are there and lead to each', LONG, async () => {
  await traffic.logIn();
  const [latest] = await eventually(async () => {
    const found = await stage.call('GET', 'logs?per_page=1');
    return found[0].type === 'sepft' && found;
  });
  const page = await stage.open('/');
  const events = page.getByRole('region', { name: 'Latest events' });
  await events.getByRole('link', { name: 'Exchanged a password for tokens' }).first().waitFor();
  const hrefs = await events.locator('li a').evaluateAll((links) => links.map((link) => link.getAttribute('href')));
  assert.ok(hrefs.includes(`/admin/logs/${latest.log_id}`));
  assertNoProblems(page, /^$/);
});

test('who may only look sees the dashboard, and who may not count is told so', LONG, async () => {
  const page = await stage.openAsViewer('/');
  await page.getByRole('slider', { name: /^Exchanges/ }).waitFor();
  assert.equal(await page.locator('main [role=alert]').count(), 0);
  assertNoProblems(page, /^$/);

  const { id } = await stage.call('POST', 'roles', { name: 'Reads logs' });
  await stage.call('POST', `roles/${id}/permissions`, {
    permissions: [{ resource_server_identifier: `${stage.issuer}api/v2/`, permission_name: 'read:logs' }],
  });
  const person = { email: 'logs-only@example.com', password: 'a long password for the console' };
  const { user_id: user } = await stage.call('POST', 'users', {
    connection: 'Username-Password-Authentication', ...person, email_verified: true,
  });
  await stage.call('POST', `users/${encodeURIComponent(user)}/roles`, { roles: [id] });
  const other = await stage.openAs(person, '/');
  await other.getByText('it takes the permission read:stats').waitFor();
  await other.getByRole('region', { name: 'Latest events' }).waitFor();
  assert.equal(await other.getByRole('slider').count(), 0);
  await inspect(other, 'dashboard-without-statistics');
  assertNoProblems(other, /^$/);
});

test('an empty server says what to do first, until it is done', LONG, async () => {
  const machine = { client_id: 'machine', client_secret: randomBytes(24).toString('hex') };
  const doorward = await launchDoorward({ bootstrap: machine });
  const browser = await launch();
  try {
    await ready(`${doorward.issuer}health/ready`, doorward.child);
    const administrator = await createAdministrator(doorward, 'ada@example.com');
    const page = await signIn(browser, administrator.url, administrator);
    const steps = page.getByRole('region', { name: 'First steps' });
    const done = () => steps.locator('li.done').count();
    await steps.waitFor();
    assert.equal(await done(), 0);
    await steps.getByRole('link', { name: 'Create an API' }).waitFor();
    await inspect(page, 'dashboard-empty');

    const empty = { issuer: doorward.issuer, call: management({ issuer: doorward.issuer, management: machine }) };
    const made = await setTraffic(empty);
    await page.reload();
    await settled(page);
    await steps.waitFor();
    assert.equal(await done(), 2);
    const choose = steps.getByRole('link', { name: 'Choose the APIs' });
    assert.equal(await choose.getAttribute('href'), `/admin/applications/${made.client.client_id}/policies`);
    await empty.call('PATCH', `clients/${made.client.client_id}`, {
      refresh_token: withPolicy(made.client, made.api, ['read:messages']),
    });
    await page.reload();
    await settled(page);
    await steps.waitFor();
    assert.equal(await done(), 3);
    await inspect(page, 'dashboard-first-steps');
    await made.exchange(await made.logIn());
    await eventually(async () => (await empty.call('GET', 'logs?q=type:sertft')).length > 0);
    await page.reload();
    await settled(page);
    await page.getByRole('region', { name: 'Latest events' }).waitFor();
    assert.equal(await steps.count(), 0, 'all is done');
    assertNoProblems(page, /^$/);
  } finally {
    await browser.close();
    await doorward.stop();
  }
});
