// Every page of the console on a furnished server: nothing for axe-core to find, no wider than the
// window, nothing wrong in the browser's own console, and a picture of it (not in CI); light and dark,
// wide and at phone width. The addresses are those that the console itself knows, so that none is forgotten.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { needsBrowser, freshPage, logIn } from './browser.mjs';
import { assertNoProblems, inspect, setConsole, settled } from './console.mjs';

// What each page asks for, so that `tests/it/proofs/console.rs` can ask it of a server with a large
// data set. `CONSOLE_RECORD=1` writes it anew.
const REQUESTS = new URL('./console-requests.json', import.meta.url);

/** Milliseconds without a request after which a page has asked for everything. */
const QUIET = 450;
/** Milliseconds after which a request that has not come is missing. */
const LATE = 15_000;

const LONG = { ...needsBrowser, timeout: 900_000 };

let stage;
let examples;

before(async () => {
  if (needsBrowser.skip) return;
  stage = await setConsole();
  examples = await furnish(stage);
});
after(() => stage?.stop());

const ACTION = `exports.onExecutePostLogin = async (event, api) => {
  console.log('Hello ' + event.user.name);
  api.accessToken.setCustomClaim('https://example.com/roles', event.authorization ? event.authorization.roles : []);
};
`;

/** One of everything that pages show, made as people make it. The id of each, by the first part of its address. */
async function furnish(stage) {
  const { doorward, call } = stage;
  const { user, demo_client_id: client } = doorward;
  const [{ user_id: userId }] = await call('GET', `users-by-email?email=${encodeURIComponent(user.email)}`);
  const apis = await call('GET', 'resource-servers');
  const api = apis.find(({ identifier }) => identifier === doorward.apis[0].audience);
  const role = await call('POST', 'roles', { name: 'Support', description: 'Helps people who are locked out.' });
  const permissions = api.scopes.map(({ value }) => ({ resource_server_identifier: api.identifier, permission_name: value }));
  await call('POST', `roles/${role.id}/permissions`, { permissions });
  await call('POST', `roles/${role.id}/users`, { users: [userId] });
  const action = await call('POST', 'actions/actions', {
    name: 'Add roles to tokens', supported_triggers: [{ id: 'post-login', version: 'v3' }], code: ACTION,
    secrets: [{ name: 'API_KEY', value: 'secret' }],
  });
  await call('POST', `actions/actions/${action.id}/deploy`);
  await call('PATCH', 'actions/triggers/post-login/bindings', {
    bindings: [{ ref: { type: 'action_id', value: action.id }, display_name: action.name }],
  });
  const rule = await call('POST', 'rules', {
    name: 'Greets', script: 'function (user, context, callback) { callback(null, user, context); }',
  });
  // A login with an exchange for each API, and one that fails.
  const page = await stage.openDemo();
  await logIn(page, { ...user, password: 'not the password' });
  await page.waitForSelector('.alert, [role=alert]');
  await logIn(page, user);
  await page.waitForSelector('#cards > *:nth-child(2) .payload:not(:empty)', { state: 'attached' });
  await page.context().close();
  const [event] = await call('GET', 'logs?per_page=1');
  return {
    applications: client, apis: api.id, users: userId, roles: role.id, actions: action.id, rules: rule.id, logs: event.log_id,
    audience: api.identifier,
  };
}

/** The addresses of the console, without the parameters' values. */
async function routesOf(page) {
  return page.evaluate(async () => {
    const main = document.querySelector('script[type=module]').src;
    const { routes } = await import(main.replace(/main\.js$/, 'areas.js'));
    return routes.map(({ path }) => path);
  });
}

function addressOf(route) {
  const area = route.split('/')[1];
  return route.replace(/:\w+/, () => {
    assert.ok(examples[area], `no example for ${route}`);
    return encodeURIComponent(examples[area]);
  });
}

/** A recorded request with names in place of the ids of this server. */
function named(text) {
  const { applications, apis, users, roles, actions, rules, logs, audience } = examples;
  const names = { applications: 'client', apis: 'api', users: 'user', roles: 'role', actions: 'action', rules: 'rule', logs: 'log' };
  const ids = { ...{ applications, apis, users, roles, actions, rules, logs } };
  let result = text.replaceAll(encodeURIComponent(audience), '{audience}').replaceAll(audience, '{audience}');
  for (const [area, id] of Object.entries(ids)) {
    result = result.replaceAll(encodeURIComponent(id), `{${names[area]}}`).replaceAll(id, `{${names[area]}}`);
  }
  // Which API comes first, where no policy chooses, is chance: they were made in one moment.
  result = result.replace(/resource-servers\/https%3A%2F%2F\w+\.example%2F/, 'resource-servers/{audience}');
  return result.replaceAll(/\d{4}-\d\d-\d\dT[\d:.%A-F]+Z/g, '{time}');
}

const nameOf = (route, address) => {
  const tab = new URL(address, 'http://x').searchParams.get('tab');
  return `${route === '/' ? 'dashboard' : route.slice(1).replaceAll(/[/:]+/g, '-')}${tab ? `-${tab}` : ''}`;
};

test('axe-core finds nothing on any page, and none overflows its window', LONG, async () => {
  const page = await stage.open('/');
  const routes = await routesOf(page);
  assert.ok(routes.length > 0);
  const seen = new Set();
  for (const route of routes) {
    const waiting = [addressOf(route)];
    while (waiting.length > 0) {
      const address = waiting.shift();
      if (seen.has(address)) continue;
      seen.add(address);
      await stage.go(page, address);
      const tabs = await page.locator('.tabs a').evaluateAll((links) => links.map((link) => link.pathname + link.search));
      const [path] = address.split('?');
      waiting.push(...tabs.map((tab) => tab.slice('/admin'.length)).filter((tab) => tab.split('?')[0] === path));
      await inspect(page, nameOf(route, address));
      assertNoProblems(page, /^$/);
    }
  }
});

/** The requests of a page to the Management API, with names in place of ids. */
function recorder(page, named) {
  const asked = new Set();
  let [running, last] = [0, Date.now()];
  const ended = () => { running -= 1; last = Date.now(); };
  page.on('requestfinished', ended);
  page.on('requestfailed', ended);
  page.on('request', (request) => {
    running += 1;
    const { pathname, search } = new URL(request.url());
    if (!pathname.startsWith('/api/v2/')) return;
    const entry = { method: request.method(), path: pathname.slice('/api/v2'.length) + search };
    if (request.method() !== 'GET') entry.body = request.postDataJSON();
    asked.add(named(JSON.stringify(entry)));
  });
  // Recording, until nothing more comes: some requests follow others, or typing that has paused. Else until all
  // that are expected have come.
  const isThere = (expected) => (expected ? expected.every((one) => asked.has(JSON.stringify(one)))
    : running === 0 && Date.now() - last > QUIET);
  return async (expected) => {
    const late = Date.now() + LATE;
    while (!isThere(expected) && Date.now() < late) await sleep(50);
    const all = [...asked].sort().map((text) => JSON.parse(text));
    asked.clear();
    return all;
  };
}

test('what each page asks for is what is measured with a large data set', LONG, async () => {
  const recorded = process.env.CONSOLE_RECORD ? undefined : JSON.parse(await readFile(REQUESTS, 'utf8'));
  const page = await stage.open('/');
  const requests = recorder(page, named);
  const found = {};
  const visit = async (name, address) => {
    await stage.go(page, address);
    found[name] = await requests(recorded && (recorded[name] ?? []));
  };
  for (const route of await routesOf(page)) {
    // From somewhere else: what is shown already is not read again.
    await stage.go(page, '/nowhere');
    await requests([]);
    const address = addressOf(route);
    await visit(route, address);
    const tabs = await page.locator('.tabs a').evaluateAll((links) => links.map(({ pathname, search }) => pathname + search));
    for (const tab of tabs.filter((href) => href.startsWith(`/admin${address}?`))) {
      await visit(`${route}?${tab.split('?')[1]}`, tab.slice('/admin'.length));
    }
  }
  if (!recorded) await writeFile(REQUESTS, `${JSON.stringify(found, null, 1)}\n`);
  assert.deepEqual(found, recorded ?? found, 'CONSOLE_RECORD=1 records them anew');
});

test('every page stands after a reload', LONG, async () => {
  const page = await stage.open('/');
  for (const route of await routesOf(page)) {
    await page.goto(`${stage.issuer}admin${addressOf(route)}`);
    await settled(page);
    assert.doesNotMatch(await page.locator('main h1').textContent(), /no such page|does not show you/);
  }
  assertNoProblems(page, /^$/);
});

test('who may only look sees every page and is offered nothing that would be refused', LONG, async () => {
  const page = await stage.openAsViewer('/');
  for (const route of await routesOf(page)) {
    await stage.go(page, addressOf(route));
    assert.equal(await page.locator('main [role=alert]').count(), 0, route);
    assert.equal(await page.getByRole('button', { name: /^(Save|Delete|Rotate|Revoke|Deploy|Block)/, disabled: false }).count(), 0, route);
  }
  assertNoProblems(page, /^$/);
});

test('nobody is shown anything before signing in, and no other site is asked for anything', needsBrowser, async () => {
  const page = await freshPage(stage.browser);
  const asked = [];
  page.on('request', (request) => asked.push(new URL(request.url()).origin));
  const shell = await page.goto(`${stage.issuer}admin/users`);
  const policy = shell.headers()['content-security-policy'];
  for (const part of ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "require-trusted-types-for 'script'"]) {
    assert.ok(policy.includes(part), part);
  }
  assert.doesNotMatch(policy, /unsafe/);
  await page.waitForURL(/\/u\/login\b/);
  assert.deepEqual([...new Set(asked)], [new URL(stage.issuer).origin]);
  await logIn(page, stage.doorward.administrator);
  await settled(page);
  // Where the person wanted to go in the first place.
  assert.equal(page.url(), `${stage.issuer}admin/users`);
  assert.deepEqual(await page.evaluate(() => [Object.keys(localStorage), Object.keys(sessionStorage)]), [[], []]);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.waitForURL(/\/u\/login\b/);
  // Our own pages ask for no picture of anybody, either.
  assert.deepEqual([...new Set(asked)], [new URL(stage.issuer).origin]);
});
