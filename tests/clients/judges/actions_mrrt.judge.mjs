// The Action that the documentation of multi-resource refresh tokens prints, deployed by unmodified
// tools on a server of its own, and what it decides when one refresh token is exchanged for many APIs.
// `auth0` and auth0-deploy-cli speak https only; over http it is deployed by hand.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { decodeJwt } from 'jose';
import { management } from '../server.mjs';
import { sdk } from './auth0_management.mjs';
import { addUser, seed, stage } from './cast.mjs';

/** As it is printed, but for the line breaks, which the comments need. */
const DOCUMENTED = `exports.onExecutePostLogin = async (event, api) => {
// return the list of allowed APIs in the client
const allowedAPIsInTheClient = event.client.refresh_token?.policies;
if(allowedAPIsInTheClient?.some(policy => policy?.audience?.includes('https://myapi'))){
// custom logic
}};`;
const NAME = 'Allowed APIs';
const CLAIM = 'https://acme.example/plan';

const scene = stage();
const host = scene.blank.at(-1);
const on = { ...host, management: host.bootstrap };
const call = management(on);
const tls = scene.transport === 'https';
let application;
let user;
let first;
let second;

before(async () => {
  const cast = await seed(on);
  [first, second] = cast.apis;
  application = cast.applications.native;
  user = await addUser(on);
});

/** `POST /oauth/token` */
async function token(parameters) {
  const body = new URLSearchParams({ client_id: application.client_id, ...parameters });
  const response = await fetch(new URL('oauth/token', on.issuer), { method: 'POST', body });
  return { status: response.status, ...await response.json() };
}

/** The refresh token of a new login for the first API. */
async function logIn() {
  const answer = await token({
    grant_type: 'password', username: user.email, password: user.password,
    audience: first.audience, scope: `openid offline_access ${first.scope}`,
  });
  assert.equal(answer.status, 200, JSON.stringify(answer));
  return answer.refresh_token;
}

const exchange = (refresh_token, audience) => token({ grant_type: 'refresh_token', refresh_token, audience });

/** What the record of the newest executions of an Action says. */
async function executions(name, count) {
  const { actions } = await call('GET', `actions/actions?actionName=${encodeURIComponent(name)}`);
  const { id } = actions.find((action) => action.name === name);
  for (let tries = 0; tries < 200; tries += 1) {
    const found = (await call('GET', `actions/actions/${id}/executions`)).executions;
    if (found.length >= count) return found;
    await sleep(50);
  }
  return assert.fail(`not ${count} executions of ${name}`);
}

/** Actions by name, in their order: those of before are gone. By the Management API alone. */
async function byHand(wanted) {
  await call('PATCH', 'actions/triggers/post-login/bindings', { bindings: [] });
  const { actions } = await call('GET', 'actions/actions');
  for (const { id } of actions) await call('DELETE', `actions/actions/${id}`);
  for (const [name, code] of Object.entries(wanted)) {
    const { id } = await call('POST', 'actions/actions', {
      name, code, supported_triggers: [{ id: 'post-login', version: 'v3' }],
    });
    await call('POST', `actions/actions/${id}/deploy`);
  }
  await call('PATCH', 'actions/triggers/post-login/bindings', {
    bindings: Object.keys(wanted).map((value) => ({ ref: { type: 'action_name', value }, display_name: value })),
  });
}

/** The same with `auth0`. */
async function bySdk(wanted) {
  const { actions } = sdk(on);
  await actions.triggers.bindings.updateMany('post-login', { bindings: [] });
  for await (const { id } of await actions.list()) await actions.delete(id);
  const bindings = [];
  for (const [name, code] of Object.entries(wanted)) {
    const { id } = await actions.create({
      name, code, runtime: 'node22', supported_triggers: [{ id: 'post-login', version: 'v3' }],
    });
    while ((await actions.get(id)).status !== 'built') await sleep(50);
    await actions.deploy(id);
    while (!(await actions.get(id)).deployed_version?.deployed) await sleep(50);
    bindings.push({ ref: { type: 'action_id', value: id }, display_name: name });
  }
  await actions.triggers.bindings.updateMany('post-login', { bindings });
}

const manifest = createRequire(import.meta.url).resolve('auth0-deploy-cli/package.json');
let folder;

/** The same with auth0-deploy-cli, from files. */
async function byDeployCli(wanted) {
  const names = Object.keys(wanted);
  const tenant = {
    actions: names.map((name, at) => ({
      name, code: `./${at}.js`, runtime: 'node22', status: 'built', deployed: true, dependencies: [], secrets: [],
      supported_triggers: [{ id: 'post-login', version: 'v3' }],
    })),
    triggers: { 'post-login': names.map((name) => ({ action_name: name, display_name: name })) },
  };
  await Promise.all(names.map((name, at) => writeFile(join(folder, `${at}.js`), wanted[name])));
  // JSON is YAML.
  await writeFile(join(folder, 'tenant.yaml'), JSON.stringify(tenant));
  const cli = join(dirname(manifest), JSON.parse(await readFile(manifest)).bin.a0deploy);
  const child = spawn(process.execPath, [cli, 'import', '-i', join(folder, 'tenant.yaml')], {
    cwd: folder,
    env: {
      PATH: process.env.PATH, HOME: folder, NODE_EXTRA_CA_CERTS: process.env.NODE_EXTRA_CA_CERTS,
      AUTH0_DOMAIN: new URL(on.issuer).host, AUTH0_ALLOW_DELETE: 'true',
      AUTH0_CLIENT_ID: on.bootstrap.client_id, AUTH0_CLIENT_SECRET: on.bootstrap.client_secret,
      AUTH0_INCLUDED_ONLY: '["actions","triggers"]',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => { printed += text; });
  }
  const [code] = await once(child, 'close');
  assert.equal(code, 0, printed);
}

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'doorward-actions-'));
});
after(() => rm(folder, { recursive: true, force: true }));

const ways = tls ? { auth0: bySdk, 'auth0-deploy-cli': byDeployCli } : { 'the Management API': byHand };
for (const [way, deploy] of Object.entries(ways)) {
  describe(`Actions and many APIs, deployed with ${way}`, () => {
    test('the documented Action runs as it is printed, and can be seen to have run', async () => {
      await deploy({ [NAME]: DOCUMENTED });
      const refreshToken = await logIn();
      const answer = await exchange(refreshToken, second.audience);
      assert.equal(answer.status, 200, JSON.stringify(answer));
      assert.ok([decodeJwt(answer.access_token).aud].flat().includes(second.audience));
      const [exchanged] = await executions(NAME, 2);
      assert.deepEqual([exchanged.status, exchanged.trigger_id], ['final', 'post-login']);
      assert.equal(exchanged.results[0].error, undefined);
      const read = await call('GET', `actions/executions/${exchanged.id}`);
      assert.equal(read.results[0].action_name, NAME);
    });

    test('with its custom logic it decides, a second Action adds a claim, a third denies one API', async () => {
      const decides = DOCUMENTED.replace('https://myapi', second.audience).replace('// custom logic', `
        api.accessToken.setCustomClaim('https://acme.example/apis', allowedAPIsInTheClient.length);
        api.accessToken.removeScope('write:a');
      `);
      const adds = `exports.onExecutePostLogin = async (event, api) => {
        if (event.transaction?.protocol !== 'oauth2-refresh-token') return;
        api.accessToken.setCustomClaim('${CLAIM}', 'gold');
        api.idToken.setCustomClaim('${CLAIM}', 'gold');
      };`;
      const denies = `exports.onExecutePostLogin = async (event, api) => {
        if (event.resource_server?.identifier === ${JSON.stringify(second.audience)}) api.access.deny('Not this API.');
      };`;
      await deploy({ [NAME]: decides, 'Add a claim': adds, 'Deny an API': denies });
      let refreshToken = await logIn();
      for (let round = 0; round < 2; round += 1) {
        const denied = await exchange(refreshToken, second.audience);
        assert.deepEqual([denied.status, denied.error, denied.error_description], [403, 'access_denied', 'Not this API.']);
        // The refresh token is as good as before.
        const answer = await exchange(refreshToken, first.audience);
        assert.equal(answer.status, 200, JSON.stringify(answer));
        assert.equal(answer.scope, 'openid offline_access read:a');
        assert.equal(decodeJwt(answer.access_token)['https://acme.example/apis'], 2);
        for (const name of ['access_token', 'id_token']) {
          assert.equal(decodeJwt(answer[name])[CLAIM], 'gold', name);
        }
        refreshToken = answer.refresh_token;
      }
      const found = await executions('Deny an API', 5);
      assert.equal(found.filter(({ status }) => status === 'canceled').length, 2, 'the refusals are on record');
    });
  });
}
