// auth0-deploy-cli: a whole tenant as files, from one server to another. It speaks https only.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { management } from '../server.mjs';
import { stage } from './cast.mjs';

const scene = stage();
const manifest = createRequire(import.meta.url).resolve('auth0-deploy-cli/package.json');
const cli = join(dirname(manifest), JSON.parse(await readFile(manifest)).bin.a0deploy);

/** Two servers on which nobody has made anything. */
const servers = [];
let folder;

/** Runs the tool, and returns what it printed. */
async function a0deploy(server, ...args) {
  const child = spawn(process.execPath, [cli, ...args], {
    cwd: folder,
    env: {
      PATH: process.env.PATH, HOME: folder, NODE_EXTRA_CA_CERTS: process.env.NODE_EXTRA_CA_CERTS,
      AUTH0_DOMAIN: new URL(server.issuer).host,
      AUTH0_CLIENT_ID: server.bootstrap.client_id, AUTH0_CLIENT_SECRET: server.bootstrap.client_secret,
      ...server.env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => { printed += text; });
  }
  const [code] = await once(child, 'close');
  assert.equal(code, 0, printed);
  return printed;
}

/** Every file below a folder, by name. */
async function files(below) {
  const found = {};
  for (const entry of await readdir(below, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath ?? entry.path, entry.name);
    found[path.slice(below.length + 1)] = await readFile(path, 'utf8');
  }
  return found;
}

/** A tenant with something of every kind that there is. */
async function furnish(call) {
  await call('POST', 'resource-servers', {
    name: 'Orders', identifier: 'https://orders.example/a/', allow_offline_access: true,
    token_lifetime: 3600, token_lifetime_for_web: 1800, enforce_policies: true,
    token_dialect: 'rfc9068_profile_authz', skip_consent_for_verifiable_first_party_clients: true,
    scopes: [{ value: 'write:orders', description: 'Change orders' }, { value: 'read:orders' }],
    subject_type_authorization: { user: { policy: 'allow_all' }, client: { policy: 'require_client_grant' } },
  });
  await call('POST', 'resource-servers', { name: 'Legacy', identifier: 'urn:legacy', signing_alg: 'HS256' });
  const spa = await call('POST', 'clients', {
    name: 'Shop', description: 'Where people order', app_type: 'spa', token_endpoint_auth_method: 'none',
    callbacks: ['https://shop.example/callback', 'http://localhost:3000/'],
    allowed_logout_urls: ['https://shop.example/'], web_origins: ['https://shop.example'],
    grant_types: ['authorization_code', 'refresh_token'], oidc_conformant: true,
    jwt_configuration: { alg: 'RS256', lifetime_in_seconds: 600 },
    client_metadata: { team: 'shop', colour: 'blue' },
    refresh_token: {
      rotation_type: 'rotating', expiration_type: 'expiring', leeway: 3, token_lifetime: 86400, idle_token_lifetime: 3600,
      policies: [
        { audience: 'https://orders.example/a/', scope: ['write:orders', 'read:orders'] },
        { audience: 'urn:legacy', scope: [] },
      ],
    },
  });
  const machine = await call('POST', 'clients', {
    name: 'Robot', app_type: 'non_interactive', grant_types: ['client_credentials'],
    token_endpoint_auth_method: 'client_secret_basic', is_first_party: true,
  });
  await call('POST', 'clients', { name: 'Bare' });
  await call('POST', 'clients', {
    name: 'Foreign', is_first_party: false, app_type: 'regular_web', callbacks: ['https://foreign.example/cb'],
    oidc_logout: {
      backchannel_logout_urls: ['https://foreign.example/logout'],
      backchannel_logout_initiators: { mode: 'custom', selected_initiators: ['rp-logout', 'idp-logout'] },
    },
  });
  await call('POST', 'client-grants', {
    client_id: machine.client_id, audience: 'https://orders.example/a/', scope: ['read:orders'],
  });
  const role = await call('POST', 'roles', { name: 'Clerk', description: 'Handles orders' });
  await call('POST', `roles/${role.id}/permissions`, {
    permissions: [
      { resource_server_identifier: 'https://orders.example/a/', permission_name: 'write:orders' },
      { resource_server_identifier: 'https://orders.example/a/', permission_name: 'read:orders' },
    ],
  });
  await call('POST', 'roles', { name: 'Guest' });
  await call('POST', 'connections', {
    name: 'Customers', strategy: 'auth0', enabled_clients: [spa.client_id],
    options: { disable_signup: true, passwordPolicy: 'good', password_complexity_options: { min_length: 12 } },
  });
  await call('POST', 'organizations', { name: 'acme', display_name: 'Acme' });
  await call('PATCH', 'tenants/settings', {
    friendly_name: 'The Shop', support_email: 'help@shop.example', session_lifetime_in_minutes: 6030, idle_session_lifetime: 10,
    allowed_logout_urls: ['https://shop.example/bye'], enabled_locales: ['ja', 'en'],
  });
  const code = (text) => `exports.onExecutePostLogin = async (event, api) => {\n  // ${text}\n};\n`;
  const login = [{ id: 'post-login', version: 'v3' }];
  const secrets = [{ name: 'API_KEY', value: 'a secret of the first server' }];
  await call('POST', 'actions/actions', { name: 'Greet', supported_triggers: login, code: code('Greets'), secrets, deploy: true });
  await call('POST', 'actions/actions', { name: 'Check', supported_triggers: login, code: code('Checks'), runtime: 'node18-actions', deploy: true });
  await call('POST', 'actions/actions', { name: 'Unfinished', supported_triggers: login, code: code('To do') });
  await call('POST', 'actions/actions', {
    name: 'Machines', supported_triggers: [{ id: 'credentials-exchange', version: 'v2' }], deploy: true,
    code: 'exports.onExecuteCredentialsExchange = async () => {};',
  });
  const rule = (text) => `function (user, context, callback) {\n  // ${text}\n  callback(null, user, context);\n}\n`;
  await call('POST', 'rules', { name: 'Old', script: rule('From before'), order: 1 });
  await call('POST', 'rules', { name: 'Older', script: rule('Switched off'), order: 2, enabled: false });
  const bind = (trigger, ...names) => call('PATCH', `actions/triggers/${trigger}/bindings`, {
    bindings: names.map((value) => ({ ref: { type: 'action_name', value }, display_name: `${value} them` })),
  });
  await bind('post-login', 'Check', 'Greet');
  await bind('credentials-exchange', 'Machines');
  await call('PATCH', 'attack-protection/brute-force-protection', {
    max_attempts: 4, allowlist: ['10.0.0.0/8'], mode: 'count_per_identifier',
  });
}

if (scene.transport === 'https') {
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'doorward-deploy-cli-'));
    for (const server of scene.blank) {
      const call = management({ issuer: server.issuer, management: server.bootstrap });
      servers.push({ ...server, call });
    }
    await furnish(servers[0].call);
  });

  after(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  for (const format of ['yaml', 'directory']) {
    test(`auth0-deploy-cli: a full export as ${format}, its import into an empty server, the same export`, async () => {
      const [one, other] = servers;
      const first = join(folder, `${format}-first`);
      const input = format === 'yaml' ? join(first, 'tenant.yaml') : first;
      await a0deploy(one, 'export', '-f', format, '-o', first);
      const exported = await files(first);
      const text = Object.values(exported).join('\n');
      for (const name of ['Orders', 'urn:legacy', 'Shop', 'Robot', 'Bare', 'Foreign', 'Clerk', 'Guest', 'Customers',
        'Acme', 'The Shop', 'write:orders', '// Greets', '// To do', 'API_KEY', 'Check them', 'credentials-exchange',
        '// From before', '// Switched off', 'count_per_identifier', 'rfc9068_profile_authz']) {
        assert.ok(text.includes(name), `${name} is not in the export:\n${text}`);
      }
      assert.ok(!text.includes('Auth0 Management API') && !text.includes('client_secret:'), text);
      assert.ok(!text.includes('a secret of the first server'), text);

      const counted = await events(other);
      await a0deploy(other, 'import', '-i', input);
      assert.ok(format === 'directory' || await events(other) > counted, 'it wrote something');
      const second = join(folder, `${format}-second`);
      await a0deploy(other, 'export', '-f', format, '-o', second);
      assert.deepEqual(await files(second), exported);

      // A minute of the tool's own work; once is enough.
      if (format === 'yaml') await again(other, input, exported);
    });
  }

  test('auth0-deploy-cli: what is gone from the files goes from the server', async () => {
    const [one, other] = servers;
    const target = join(folder, 'deleting');
    const server = { ...one, env: { AUTH0_ALLOW_DELETE: 'true', AUTH0_INCLUDED_ONLY: '["roles","resourceServers","clients","actions","triggers","rules"]' } };
    await a0deploy(server, 'export', '-f', 'yaml', '-o', target);
    const path = join(target, 'tenant.yaml');
    const yaml = await readFile(path, 'utf8');
    let without = yaml;
    // A role, a rule, a bound Action, and its binding.
    for (const gone of [/ {2}- name: Older\n(?: {4}.*\n)*/, / {2}- name: Guest\n(?: {4}.*\n)*/, / {2}- name: Check\n(?: {4}.*\n)*/, / {4}- action_name: Check\n(?: {6}.*\n)*/]) {
      const before = without;
      without = without.replace(gone, '');
      assert.notEqual(without, before, `${gone} is not in\n${yaml}`);
    }
    await writeFile(path, without);
    await a0deploy({ ...server, issuer: other.issuer }, 'import', '-i', path);
    const names = (await other.call('GET', 'roles')).map(({ name }) => name);
    assert.deepEqual(names, ['Clerk']);
    const apis = (await other.call('GET', 'resource-servers')).map(({ name }) => name).sort();
    assert.deepEqual(apis, ['Auth0 Management API', 'Legacy', 'Orders']);
    const { actions } = await other.call('GET', 'actions/actions');
    assert.deepEqual(actions.map(({ name }) => name).sort(), ['Greet', 'Machines', 'Unfinished']);
    assert.deepEqual((await other.call('GET', 'rules')).map(({ name }) => name), ['Old']);
    const { bindings } = await other.call('GET', 'actions/triggers/post-login/bindings');
    assert.deepEqual(bindings.map(({ display_name }) => display_name), ['Greet them']);
  });

  /** A second import changes nothing: neither the export, nor, by its own trail, the server. */
  async function again(other, input, exported) {
    // The tool writes again what it does not compare, and none of it changes anything.
    const before = await events(other);
    await a0deploy(other, 'import', '-i', input);
    for (const { details, type } of await newest(other, await events(other) - before)) {
      assert.equal(type, 'sapi');
      const { method, path } = details.request;
      // The permissions of a role are taken away and given again, Actions are deployed again, who may
      // use a connection is said again; anything else is written as it is.
      if (method !== 'PATCH') assert.match(path, /\/roles\/[^/]+\/permissions$|\/actions\/[^/]+\/deploy$/, method);
      else if (!path.endsWith('/clients')) assert.deepEqual(details.changed, [], JSON.stringify(details));
    }
    const third = join(folder, 'third');
    await a0deploy(other, 'export', '-f', 'yaml', '-o', third);
    assert.deepEqual(await files(third), exported);
  }

  /** How many writes a server has seen. */
  async function events({ call }) {
    return (await call('GET', 'logs?q=type:sapi&include_totals=true&per_page=1')).total;
  }

  async function newest({ call }, count) {
    const found = [];
    for (let page = 0; found.length < count; page += 1) {
      found.push(...await call('GET', `logs?q=type:sapi&sort=date:-1&page=${page}&per_page=100`));
    }
    return found.slice(0, count);
  }
}
