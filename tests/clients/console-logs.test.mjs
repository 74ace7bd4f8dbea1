// Logs: events that the protocol caused are found, followed live, and told one by one.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { needsBrowser } from './browser.mjs';
import { assertNoProblems, axe, fieldError, inspect, setConsole, settled } from './console.mjs';
import { eventually, setTraffic } from './console-traffic.mjs';

const LONG = { ...needsBrowser, timeout: 300_000 };

let stage;
let traffic;

before(async () => {
  if (needsBrowser.skip) return;
  stage = await setConsole();
  traffic = await setTraffic(stage);
  const tokens = await traffic.logIn();
  await traffic.exchange(tokens);
  await traffic.reuse(tokens);
  await traffic.failLogin();
  await eventually(async () => (await stage.call('GET', 'logs?q=type:ferrt')).length > 0
    && (await stage.call('GET', 'logs?q=type:sertft')).length > 0);
});
after(() => stage?.stop());

/** The ids of the events in the table, once they are as wanted. */
async function shows(page, wanted) {
  const ids = () => page.locator('.log-table tbody a')
    .evaluateAll((links) => links.map((link) => decodeURIComponent(link.href.split('/').at(-1))));
  return eventually(async () => {
    const found = await ids();
    return (await wanted(found)) && found;
  });
}

const found = async (q) => (await stage.call('GET', `logs?per_page=25&q=${encodeURIComponent(q)}`)).map(({ log_id: id }) => id);
const sameAs = (q) => async (ids) => JSON.stringify(ids) === JSON.stringify(await found(q));

test('events are found by type, user, application, address and day', LONG, async () => {
  const page = await stage.open('/logs');
  await inspect(page, 'logs');
  const { client_id: client } = traffic.client;
  const { user_id: user } = traffic.user;

  await page.getByLabel('Event', { exact: true }).selectOption('sertft');
  assert.equal((await shows(page, sameAs('type:"sertft"'))).length, 1);
  assert.match(page.url(), /type=sertft/);
  await page.getByLabel('Event', { exact: true }).selectOption('failures');
  await shows(page, async (ids) => ids.includes((await found('type:ferrt'))[0]) && !ids.includes((await found('type:sertft'))[0]));
  await page.getByLabel('Event', { exact: true }).selectOption('kind:failed_logins');
  await shows(page, sameAs('type:(f OR fp OR fu)'));

  await page.getByRole('button', { name: 'Clear the filter' }).click();
  await page.getByLabel('User id', { exact: true }).fill(user);
  await shows(page, sameAs(`user_id:"${user}"`));
  await page.getByLabel('Application (client id)', { exact: true }).fill(client);
  await shows(page, sameAs(`user_id:"${user}" AND client_id:"${client}"`));
  await page.locator('.log-query').filter({ hasText: `user_id:"${user}" AND client_id:"${client}"` }).waitFor();
  await page.reload();
  await settled(page);
  assert.equal(await page.getByLabel('User id', { exact: true }).inputValue(), user);
  await shows(page, sameAs(`user_id:"${user}" AND client_id:"${client}"`));

  await page.getByRole('button', { name: 'Clear the filter' }).click();
  await page.getByLabel('IP address', { exact: true }).fill('192.0.2.1');
  await page.getByText('No event matches.').waitFor();
  await page.getByLabel('IP address', { exact: true }).fill('127.0.0.1');
  await page.getByLabel('Event', { exact: true }).selectOption('ferrt');
  await shows(page, sameAs('type:ferrt AND ip:"127.0.0.1"'));
  await page.getByLabel('From day', { exact: true }).fill('2099-01-01');
  await page.getByText('No event matches.').waitFor();
  assertNoProblems(page, /^$/);
});

test('an application and a user are found by name', LONG, async () => {
  const page = await stage.open('/logs');
  await page.getByRole('button', { name: 'Find an application…' }).click();
  await page.getByLabel('Search by name or client id').fill('traf');
  await axe(page);
  await page.getByRole('button', { name: 'Choose Traffic' }).click();
  await page.waitForURL(new RegExp(`client=${traffic.client.client_id}`));
  assert.equal(await page.getByLabel('Application (client id)', { exact: true }).inputValue(), traffic.client.client_id);
  await shows(page, sameAs(`client_id:"${traffic.client.client_id}"`));
  await page.getByRole('button', { name: 'Find a user…' }).click();
  await page.getByLabel('Search by the beginning of name or e-mail address').fill('traffic@');
  await page.getByRole('button', { name: `Choose ${traffic.user.email}` }).click();
  await page.waitForURL(/user=auth0/);
  await shows(page, sameAs(`user_id:"${traffic.user.user_id}" AND client_id:"${traffic.client.client_id}"`));
  assertNoProblems(page, /^$/);
});

test('pages lead through what was found', LONG, async () => {
  for (let i = 0; i < 12; i += 1) await traffic.exchange(await traffic.logIn());
  await eventually(async () => (await stage.call('GET', 'logs?q=type:sertft&include_totals=true')).total >= 13);
  const page = await stage.open(`/logs?client=${traffic.client.client_id}`);
  await shows(page, async (ids) => ids.length === 25);
  await page.getByRole('button', { name: 'Next' }).click();
  await page.waitForURL(/page=2/);
  const query = `page=1&per_page=25&q=client_id:${traffic.client.client_id}`;
  const second = (await stage.call('GET', `logs?${query}`)).map(({ log_id: id }) => id);
  await shows(page, (ids) => JSON.stringify(ids) === JSON.stringify(second));
  assertNoProblems(page, /^$/);
});

test('terms that the server cannot read are told beside their field', LONG, async () => {
  const page = await stage.open('/logs');
  await page.getByLabel('More terms', { exact: true }).fill('colour:red');
  assert.match(await fieldError(page, 'More terms'), /colour cannot be searched/);
  await axe(page);
  await page.getByLabel('More terms', { exact: true }).fill('type:ferrt OR type:sertft');
  await shows(page, sameAs('type:ferrt OR type:sertft'));
  await page.getByLabel('Application (client id)', { exact: true }).fill(traffic.client.client_id);
  await shows(page, sameAs(`client_id:"${traffic.client.client_id}" AND (type:ferrt OR type:sertft)`));
  assertNoProblems(page);
});

test('what happens appears by itself while it is followed, and not while it is paused', LONG, async () => {
  const page = await stage.open('/logs');
  await page.getByRole('switch', { name: 'Live' }).check();
  await page.waitForURL(/live=on/);
  const before = await stage.call('GET', 'logs?q=type:sertft&include_totals=true');
  await traffic.exchange(await traffic.logIn());
  const newest = await eventually(async () => {
    const { total, logs } = await stage.call('GET', 'logs?q=type:sertft&include_totals=true');
    return total > before.total && logs[0].log_id;
  });
  await shows(page, (ids) => ids.includes(newest));
  await page.getByRole('status').filter({ hasText: /^Following/ }).waitFor();
  await inspect(page, 'logs-live');

  const asked = [];
  page.on('request', (request) => { if (/logs\?from=/.test(request.url())) asked.push(request.url()); });
  await page.getByRole('button', { name: 'Pause' }).click();
  await page.getByRole('status').filter({ hasText: /^Paused/ }).waitFor();
  asked.length = 0;
  await traffic.reuse(await traffic.exchange(await traffic.logIn()).then(async (tokens) => {
    await traffic.exchange(tokens);
    return tokens;
  }));
  const reuse = await eventually(async () => {
    const all = await found('type:ferrt');
    return all.length > 1 && all[0];
  });
  assert.deepEqual(asked, [], 'nothing is asked while it is paused');
  assert.ok(!(await shows(page, () => true)).includes(reuse));
  await page.getByRole('button', { name: 'Go on' }).click();
  await shows(page, (ids) => ids.includes(reuse));

  await page.getByLabel('Event', { exact: true }).selectOption('ferrt');
  await shows(page, (ids) => ids.includes(reuse) && !ids.includes(newest));
  await page.getByRole('switch', { name: 'Live' }).uncheck();
  await shows(page, sameAs('type:ferrt'));
  assertNoProblems(page, /^$/);
});

test('an event says what it means, and leads to who and what', LONG, async () => {
  const page = await stage.open('/logs?type=ferrt');
  await page.locator('.log-table tbody a').last().click();
  await page.getByRole('heading', { level: 1, name: /^A spent refresh token was used again/ }).waitFor();
  await settled(page);
  const id = page.url().split('/').at(-1);
  const event = await stage.call('GET', `logs/${id}`);
  assert.deepEqual(JSON.parse(await page.locator('figure.code pre').textContent()), event);
  const main = page.locator('main');
  assert.equal(await main.getByRole('link', { name: 'Traffic', exact: true }).getAttribute('href'),
    `/admin/applications/${traffic.client.client_id}`);
  assert.equal(await main.getByRole('link', { name: traffic.user.user_id }).getAttribute('href'),
    `/admin/users/${encodeURIComponent(traffic.user.user_id)}`);
  await main.locator('.lead').filter({ hasText: 'Reuse of a rotated refresh token detected' }).waitFor();
  await inspect(page, 'logs-one');

  await main.getByRole('link', { name: 'Events of this user' }).click();
  await shows(page, sameAs(`user_id:"${traffic.user.user_id}"`));
  const [exchange] = await found('type:sertft');
  await stage.go(page, `/logs/${exchange}`);
  assert.equal(await main.getByRole('link', { name: traffic.api.identifier }).getAttribute('href'),
    `/admin/apis/${encodeURIComponent(traffic.api.identifier)}`);
  assertNoProblems(page, /^$/);
});

test('an event that is no more is told as such', LONG, async () => {
  const page = await stage.open('/logs/0123456789abcdef');
  await page.getByText('This no longer exists').waitFor();
  await axe(page);
  assertNoProblems(page);
});

test('who may only look reads events like everybody', LONG, async () => {
  const page = await stage.openAsViewer('/logs?type=ferrt');
  await shows(page, (ids) => ids.length > 0);
  await page.locator('.log-table tbody a').first().click();
  await page.locator('figure.code').waitFor();
  assert.equal(await page.locator('main [role=alert]').count(), 0);
  assertNoProblems(page, /^$/);
});
