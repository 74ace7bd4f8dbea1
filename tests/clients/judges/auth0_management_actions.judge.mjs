// auth0 (node-auth0) 7, Actions and rules: written, deployed, bound, tried, run and deleted. It speaks https only.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Management } from 'auth0-management';
import { setTimeout as sleep } from 'node:timers/promises';
import { decodeJwt } from 'jose';
import { management } from '../server.mjs';
import { all, iterated, loggedIn, refuses, sdk, unique } from './auth0_management.mjs';
import { addApplication, addUser, stage } from './cast.mjs';

const scene = stage();
const TRIGGER = { id: 'post-login', version: 'v3' };
// The other judges log in meanwhile: what is bound does nothing to anybody but Ada.
const code = (text) => `exports.onExecutePostLogin = async (event, api) => {
  if (event.user?.name !== 'Ada of the judge') return;
  console.log('${text}', event.user.name);
  api.idToken.setCustomClaim('https://judge.example/key', event.secrets.KEY);
};`;

if (scene.transport === 'https') {
  const { actions, rules, rulesConfigs } = sdk(scene.server);
  const bindings = async () => (await iterated(actions.triggers.bindings.list('post-login')));
  const bind = (...refs) => actions.triggers.bindings.updateMany('post-login', {
    bindings: refs.map(([type, value, display_name]) => ({ ref: { type, value }, ...(display_name && { display_name }) })),
  });

  describe('auth0 management: Actions and rules', () => {
    test('an Action from its draft to its end', async () => {
      const name = unique('Action');
      const made = await actions.create({
        name, supported_triggers: [TRIGGER], code: code('one'), runtime: 'node22', dependencies: [],
        secrets: [{ name: 'KEY', value: 'a secret' }],
      });
      assert.deepEqual([made.name, made.status, made.all_changes_deployed, made.code], [name, 'built', false, code('one')]);
      assert.deepEqual(made.secrets.map((secret) => Object.keys(secret).sort()), [['name', 'updated_at']]);
      assert.ok(!made.deployed_version);
      await refuses(bind(['action_id', made.id]), 400, 'invalid_body', Management.BadRequestError);

      // As terraform does: until it is built, deploy, until it is deployed.
      assert.equal((await actions.get(made.id)).status, 'built');
      const first = await actions.deploy(made.id);
      assert.equal(first.number, 1);
      assert.equal((await actions.get(made.id)).deployed_version.deployed, true);

      const changed = await actions.update(made.id, { code: code('two'), secrets: [{ name: 'KEY' }, { name: 'MORE', value: 'x' }] });
      assert.deepEqual([changed.all_changes_deployed, changed.deployed_version.code], [false, code('one')]);
      const second = await actions.deploy(made.id);
      const versions = await iterated(actions.versions.list(made.id));
      assert.deepEqual(versions.map(({ id, number, deployed }) => [id, number, deployed]),
        [[second.id, 2, true], [first.id, 1, false]]);
      assert.deepEqual(await all(actions.versions.list(made.id, { per_page: 1 })), versions);
      assert.equal((await actions.versions.get(made.id, first.id)).code, code('one'));

      const back = await actions.versions.deploy(made.id, first.id);
      assert.deepEqual([back.number, back.code, back.deployed], [3, code('one'), true]);
      assert.equal((await actions.get(made.id)).code, code('two'));
      await actions.versions.deploy(made.id, second.id, { update_draft: true });
      const forth = await actions.get(made.id);
      assert.deepEqual([forth.all_changes_deployed, forth.deployed_version.number], [true, 4]);

      const found = await iterated(actions.list({ actionName: name }));
      assert.deepEqual(found.map(({ id }) => id), [made.id]);
      assert.ok((await iterated(actions.list({ triggerId: 'post-login', deployed: true }))).some(({ id }) => id === made.id));
      await actions.delete(made.id);
      await refuses(actions.get(made.id), 404, 'That action does not exist.', Management.NotFoundError);
      await refuses(actions.delete(made.id), 404, 'That action does not exist.', Management.NotFoundError);
    });

    test('a draft is tried, with its secrets, and they are not told', async () => {
      const made = await actions.create({
        name: unique('Tried'), supported_triggers: [TRIGGER], code: code('tried'), secrets: [{ name: 'KEY', value: 'a secret' }],
      });
      const { payload } = await actions.test(made.id, { payload: { event: { user: { name: 'Ada of the judge' } } } });
      assert.equal(payload.console, 'tried Ada of the judge\n');
      assert.deepEqual(payload.commands.map(({ call, args }) => [call, args.value]), [['idToken.setCustomClaim', 'a secret']]);
      await actions.update(made.id, { code: 'exports.onExecutePostLogin = () => { throw new Error("Boom"); }' });
      const failed = await actions.test(made.id, { payload: {} });
      assert.deepEqual(failed.payload.error, { id: 'thrown', msg: 'Boom', line: 1, column: 48 });
      assert.ok(!JSON.stringify(await actions.get(made.id)).includes('a secret'));
      await actions.delete(made.id);
    });

    test('code that cannot be compiled, and what is not there', async () => {
      const refused = (more) => refuses(
        actions.create({ name: unique('Refused'), supported_triggers: [TRIGGER], ...more }), 400, 'invalid_body', Management.BadRequestError);
      await assert.rejects(async () => actions.create({ name: unique('Broken'), supported_triggers: [TRIGGER], code: '\nlet x = ;' }),
        (error) => /line 2, column \d+/.test(error.body.message));
      await refused({ dependencies: [{ name: 'lodash', version: '4.17.21' }] });
      await refused({ runtime: 'cobol' });
      await refused({ supported_triggers: [] });
      await refuses(actions.executions.get('none'), 404, 'The execution does not exist.', Management.NotFoundError);
    });

    test('Actions are bound in an order, and bound again', async () => {
      const make = (name) => actions.create({ name, supported_triggers: [TRIGGER], code: code(name), deploy: true });
      const [one, two] = [await make(unique('One')), await make(unique('Two'))];
      const bound = await bind(['action_name', one.name], ['action_id', two.id, 'Second']);
      assert.deepEqual(bound.bindings.map(({ display_name, action }) => [display_name, action.id]), [[one.name, one.id], ['Second', two.id]]);
      assert.deepEqual(await bindings(), bound.bindings);
      assert.deepEqual(await all(actions.triggers.bindings.list('post-login', { per_page: 1 })), bound.bindings);
      await refuses(actions.delete(one.id), 409, 'The action is bound to a trigger. Unbind it first, or delete it with `force=true`.');
      await bind(['binding_id', bound.bindings[1].id], ['action_id', one.id]);
      assert.deepEqual((await bindings()).map(({ action }) => action.name), [two.name, one.name]);
      await actions.delete(two.id, { force: true });
      assert.deepEqual((await bindings()).map(({ action }) => action.name), [one.name]);
      await bind();
      assert.deepEqual(await bindings(), []);
      await actions.delete(one.id);
    });

    test('an Action that is bound runs at a login, and tells of it', async () => {
      const { server } = scene;
      const application = await addApplication(server, { app_type: 'regular_web', token_endpoint_auth_method: 'client_secret_post' });
      const user = await addUser(server);
      const log = unique('a line');
      const made = await actions.create({
        name: unique('Runs'), supported_triggers: [TRIGGER], secrets: [{ name: 'KEY', value: 'a secret' }], deploy: true,
        code: `exports.onExecutePostLogin = async (event, api) => {
          if (event.client.client_id !== '${application.client_id}') return;
          console.log('${log}', event.user.email);
          api.idToken.setCustomClaim('https://judge.example/key', event.secrets.KEY.length);
        };`,
      });
      await bind(['action_id', made.id]);
      const [{ audience, scope }] = server.apis;
      const tokens = await loggedIn(server, application, user, { audience, scope: `openid ${scope}` });
      assert.equal(decodeJwt(tokens.id_token)['https://judge.example/key'], 8);
      // Another version, which refuses.
      await actions.update(made.id, { code: `exports.onExecutePostLogin = async (event, api) => {
        if (event.client.client_id === '${application.client_id}') throw new Error('${log}');
      };` });
      await actions.deploy(made.id);
      await assert.rejects(loggedIn(server, application, user, { audience, scope: `openid ${scope}` }));
      await bind();

      // The SDK has no method for it, as it is an extension of this server.
      const call = management(server);
      let told = [];
      for (let tries = 0; tries < 200 && told.length < 2; tries += 1) {
        await sleep(50);
        const { executions } = await call('GET', `actions/actions/${made.id}/executions?take=100`);
        told = executions.filter(({ results: [{ console: line, error }] }) => line.includes(log) || error?.msg.includes(log));
      }
      const [failed, fine] = told;
      assert.deepEqual([fine.status, fine.results[0].console], ['final', `${log} ${user.email}\n`]);
      assert.deepEqual([failed.status, failed.results[0].error.msg], ['partial', log]);
      for (const { id, status, results: [{ action_id }] } of told) {
        const execution = await actions.executions.get(id);
        assert.deepEqual([execution.id, execution.trigger_id, execution.status], [id, 'post-login', status]);
        assert.equal(execution.results.find((result) => result.action_id === action_id).action_name, made.name);
      }
      await actions.delete(made.id);
    });

    test('rules, in their order, and what they are configured with', async () => {
      const script = (user) => `function (user, context, callback) {
        if (user.email === '${user.email}') context.idToken['https://judge.example/rule'] = configuration.JUDGE;
        callback(null, user, context);
      }`;
      const user = await addUser(scene.server);
      const [{ audience, scope }] = scene.server.apis;
      const order = 1000;
      const made = await rules.create({ name: unique('Rule'), script: script(user), order });
      assert.deepEqual([made.order, made.enabled, made.stage], [order, true, 'login_success']);
      assert.deepEqual(await rules.get(made.id), made);
      assert.deepEqual((await rules.update(made.id, { enabled: false })).enabled, false);
      await rules.update(made.id, { enabled: true });
      const found = await iterated(rules.list({ enabled: true }));
      assert.ok(found.some(({ id }) => id === made.id));
      await refuses(rules.create({ name: made.name, script: made.script }), 409, 'A rule with the same name already exists.', Management.ConflictError);
      await refuses(rules.create({ name: unique('Rule'), script: made.script, order }), 409, 'A rule with the same order already exists.');
      await assert.rejects(async () => rules.create({ name: unique('Rule'), script: 'function (user {' }), (error) => /line 1, column/.test(error.body.message));

      assert.equal((await rulesConfigs.set('JUDGE', { value: 'a setting' })).key, 'JUDGE');
      assert.ok((await rulesConfigs.list()).some(({ key, value }) => key === 'JUDGE' && value === undefined));
      const tokens = await loggedIn(scene.server, scene.server.applications.web, user, { audience, scope: `openid ${scope}` });
      assert.equal(decodeJwt(tokens.id_token)['https://judge.example/rule'], 'a setting');
      await rulesConfigs.delete('JUDGE');
      await rules.delete(made.id);
      await refuses(rules.get(made.id), 404, 'Rule not found.', Management.NotFoundError);
    });

    test('every trigger is listed, and has bindings to read', async () => {
      const { triggers } = await actions.triggers.list();
      const ids = new Set(triggers.map(({ id }) => id));
      for (const id of ['post-login', 'credentials-exchange', 'pre-user-registration', 'post-user-registration', 'post-change-password']) {
        assert.ok(ids.has(id), id);
      }
      for (const id of ids) assert.deepEqual((await actions.triggers.bindings.list(id)).data, id === 'post-login' ? await bindings() : [], id);
    });
  });
}
