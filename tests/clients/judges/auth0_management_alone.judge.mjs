// auth0 (node-auth0) 7, the Management API of a server on which there is nothing else: every list to
// its end, the settings, the signing keys. It speaks https only.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Management, ManagementClient } from 'auth0-management';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { all, domainOf, furnish, iterated, loggedIn, oauthOf, PASSWORD, refuses, sdk, unique } from './auth0_management.mjs';
import { CALLBACK, stage } from './cast.mjs';

const scene = stage();
/** Nobody else uses it: here one may count what there is. */
const [, , own] = scene.blank;

if (scene.transport === 'https') {
  describe('auth0 management: a server of its own', () => {
    const client = sdk(own);

    test('lists of none, of one and of many, in both styles', async () => {
      const kinds = [
        [client.roles, 'per_page', (name) => client.roles.create({ name })],
        [client.organizations, 'take', (name) => client.organizations.create({ name })],
      ];
      for (const [kind, size, create] of kinds) {
        const empty = await kind.list();
        assert.deepEqual([empty.data, empty.hasNextPage()], [[], false]);
        assert.deepEqual(await iterated(kind.list()), []);
        const made = [];
        for (const count of [1, 51]) {
          while (made.length < count) made.push((await create(unique('item'))).id);
          for (const more of [{}, { [size]: 1 }, { [size]: 17 }, { [size]: 51 }, { [size]: 100 }]) {
            const listed = await iterated(kind.list(more));
            assert.deepEqual(listed.map(({ id }) => id).sort(), [...made].sort(), `${count} ${JSON.stringify(more)}`);
          }
        }
      }
      const page = await client.roles.list({ page: 1, per_page: 20 });
      assert.deepEqual([page.response.start, page.response.limit, page.response.total, page.data.length], [20, 20, 51, 20]);
    });

    test('every list comes to its end, and tells everything once', async () => {
      // A new server has something already: the Management API, its client, connections.
      const before = {};
      for (const kind of ['clients', 'clientGrants', 'connections', 'resourceServers']) {
        before[kind] = (await iterated(client[kind].list())).length;
      }
      const furnished = [await furnish(client), await furnish(client)];
      const [{ identifier, connection, application, user }] = furnished;
      const [{ id: roleId }] = (await client.roles.list()).data;
      const [{ id: organizationId }] = (await client.organizations.list()).data;
      const permissions = ['read:x', 'write:x'].map((permission_name) => ({ resource_server_identifier: identifier, permission_name }));
      await client.roles.permissions.add(roleId, { permissions });
      await client.users.permissions.create(user.user_id, { permissions });
      const roles = (await client.roles.list()).data.slice(0, 3).map(({ id }) => id);
      await client.users.roles.assign(user.user_id, { roles });
      const members = [];
      for (const name of ['a', 'b', 'c']) {
        const { user_id } = await client.users.create({ connection: connection.name, email: `${unique(name)}@example.com`, password: PASSWORD });
        members.push(user_id);
      }
      await client.organizations.members.create(organizationId, { members });
      await client.roles.users.assign(roleId, { users: members });
      const [other] = (await client.organizations.list()).data.slice(1);
      await client.organizations.members.create(other.id, { members: [members[0]] });
      for (const { application: { client_id }, identifier: audience } of furnished) {
        await client.clients.update(client_id, { grant_types: ['authorization_code', 'refresh_token', 'client_credentials'] });
        await client.clientGrants.create({ client_id, audience, scope: ['read:x'] });
      }
      for (let i = 0; i < 2; i += 1) {
        await loggedIn(own, application, user, { audience: identifier, scope: 'openid offline_access read:x' });
      }
      const foreign = await client.clients.create({
        name: 'Foreign', is_first_party: false, app_type: 'regular_web', callbacks: [CALLBACK],
        token_endpoint_auth_method: 'client_secret_post', grant_types: ['authorization_code', 'refresh_token'],
      });
      await client.connections.update(connection.id, { is_domain_connection: true });
      await client.connections.clients.update(connection.id, [{ client_id: foreign.client_id, status: true }]);
      await loggedIn(own, foreign, user, { audience: identifier, scope: 'openid offline_access read:x' });

      const actions = [];
      for (let i = 0; i < 3; i += 1) {
        actions.push(await client.actions.create({ name: unique('action'), supported_triggers: [{ id: 'post-change-password' }], deploy: true }));
        await client.actions.deploy(actions[0].id);
        await client.rules.create({ name: unique('rule'), script: 'function (user, context, callback) { callback(null, user, context); }' });
      }
      await client.actions.triggers.bindings.updateMany('post-change-password', {
        bindings: actions.map(({ id: value }) => ({ ref: { type: 'action_id', value } })),
      });

      const { users } = client;
      const keyOf = (item) => JSON.stringify(item.id ?? item.log_id ?? item.user_id ?? item.client_id ?? [item.permission_name, item.resource_server_identifier]);
      const offset = (list) => list({ per_page: 1 });
      const checkpoint = (list) => list({ take: 1 });
      const lists = {
        'actions.list': [3, offset, (o) => client.actions.list(o)],
        'actions.versions.list': [4, offset, (o) => client.actions.versions.list(actions[0].id, o)],
        'actions.triggers.bindings.list': [3, offset, (o) => client.actions.triggers.bindings.list('post-change-password', o)],
        'clientGrants.list': [before.clientGrants + 2, checkpoint, (o) => client.clientGrants.list(o)],
        'clients.list': [before.clients + 3, offset, (o) => client.clients.list(o)],
        // A new application has every connection that there is.
        'clients.connections.get': [before.connections + 1, checkpoint, (o) => client.clients.connections.get(application.client_id, o)],
        'connections.list': [before.connections + 2, checkpoint, (o) => client.connections.list(o)],
        'connections.clients.get': [3, checkpoint, (o) => client.connections.clients.get(connection.id, o)],
        'deviceCredentials.list': [3, offset, (o) => client.deviceCredentials.list({ ...o, user_id: user.user_id })],
        'organizations.list': [51, checkpoint, (o) => client.organizations.list(o)],
        'organizations.clientGrants.list': [0, offset, (o) => client.organizations.clientGrants.list(organizationId, o)],
        'organizations.connections.list': [0, offset, (o) => client.organizations.connections.list(organizationId, o)],
        'organizations.enabledConnections.list': [0, offset, (o) => client.organizations.enabledConnections.list(organizationId, o)],
        'organizations.members.list': [3, checkpoint, (o) => client.organizations.members.list(organizationId, o)],
        'refreshTokens.list': [3, checkpoint, (o) => client.refreshTokens.list({ ...o, user_id: user.user_id })],
        'resourceServers.list': [before.resourceServers + 2, offset, (o) => client.resourceServers.list(o)],
        'rules.list': [3, offset, (o) => client.rules.list(o)],
        'roles.list': [51, offset, (o) => client.roles.list(o)],
        'roles.permissions.list': [2, offset, (o) => client.roles.permissions.list(roleId, o)],
        'roles.users.list': [4, checkpoint, (o) => client.roles.users.list(roleId, o)],
        'userGrants.list': [1, offset, (o) => client.userGrants.list({ ...o, user_id: user.user_id })],
        'users.list': [5, offset, (o) => users.list(o)],
        'users.effectivePermissions.list': [2, checkpoint, (o) => users.effectivePermissions.list(user.user_id, { ...o, resource_server_identifier: identifier })],
        'users.effectivePermissions.sources.roles.list': [1, checkpoint, (o) => users.effectivePermissions.sources.roles.list(user.user_id, { ...o, ...permissions[0] })],
        'users.effectiveRoles.list': [3, checkpoint, (o) => users.effectiveRoles.list(user.user_id, o)],
        'users.organizations.list': [2, offset, (o) => users.organizations.list(members[0], o)],
        'users.permissions.list': [2, offset, (o) => users.permissions.list(user.user_id, o)],
        'users.refreshToken.list': [3, checkpoint, (o) => users.refreshToken.list(user.user_id, o)],
        'users.roles.list': [3, offset, (o) => users.roles.list(user.user_id, o)],
        'users.sessions.list': [3, checkpoint, (o) => users.sessions.list(user.user_id, o)],
      };
      const wrong = [];
      for (const [name, [count, small, list]] of Object.entries(lists)) {
        try {
          for (const listed of [await iterated(list({})), await all(small(list))]) {
            assert.equal(listed.length, count, `${name}: ${JSON.stringify(listed).slice(0, 300)}`);
            assert.equal(new Set(listed.map(keyOf)).size, count, name);
          }
        } catch (error) { wrong.push(`${name}: ${error.message}`); }
      }
      assert.deepEqual(wrong, []);
      const told = await all(users.logs.list(user.user_id, { per_page: 1 }));
      assert.equal((await iterated(users.logs.list(user.user_id))).length, told.length);
      assert.equal(new Set(told.map(keyOf)).size, told.length);

    });

    test('logs by page, and by a cursor, which waits for what is still being written', async () => {
      const paged = (await all(client.logs.list({ per_page: 100 }))).map(({ log_id }) => log_id);
      assert.ok(paged.length > 100);
      assert.equal(new Set(paged).size, paged.length);
      const [newest] = await client.logs.list({ per_page: 1 }).then(({ data }) => data);
      assert.equal((await client.logs.get(newest.log_id)).log_id, newest.log_id);

      // The SDK has no parameters for it, and escapes the question mark of a path.
      const followed = [];
      const missing = () => paged.filter((id) => !followed.includes(id));
      for (let tries = 0; missing().length > 0; tries += 1) {
        assert.ok(tries < 200, `the cursor does not come to ${missing()}`);
        const from = followed.at(-1);
        const response = await client.fetch(`${own.issuer}api/v2/logs?take=100${from ? `&from=${from}` : ''}`);
        assert.equal(response.status, 200);
        const some = await response.json();
        followed.push(...some.map(({ log_id }) => log_id));
        if (some.length === 0) await sleep(100);
      }
      assert.equal(new Set(followed).size, followed.length);
    });

    test('settings of the tenant and against attacks', async () => {
      const before = await client.tenants.settings.get();
      const changed = await client.tenants.settings.update({ friendly_name: 'The judge', session_lifetime: 24, flags: { enable_client_connections: true } });
      assert.deepEqual([changed.friendly_name, changed.session_lifetime, changed.flags.enable_client_connections], ['The judge', 24, true]);
      const { friendly_name } = await client.tenants.settings.get({ fields: 'friendly_name', include_fields: true });
      assert.equal(friendly_name, 'The judge');
      assert.deepEqual(Object.keys(before).filter((key) => !(key in changed)), []);
      await refuses(client.tenants.settings.update({ session_lifetime: 'long' }), 400, 'invalid_body', Management.BadRequestError);

      for (const [kind, change, wrong] of [
        ['bruteForceProtection', { max_attempts: 7 }, { max_attempts: 'many' }],
        ['suspiciousIpThrottling', { allowlist: ['10.1.2.3'] }, { allowlist: ['nowhere'] }],
        ['breachedPasswordDetection', { enabled: false }, { enabled: 'no' }],
      ]) {
        const was = await client.attackProtection[kind].get();
        assert.deepEqual(await client.attackProtection[kind].update(change), { ...was, ...change });
        assert.deepEqual(await client.attackProtection[kind].get(), { ...was, ...change });
        await refuses(client.attackProtection[kind].update(wrong), 400, 'invalid_body', Management.BadRequestError);
      }
      assert.deepEqual(await client.customDomains.list(), []);
    });

    test('signing keys are rotated and revoked, and tokens live and die with them', async () => {
      const jwks = async () => (await (await fetch(`${own.issuer}.well-known/jwks.json`)).json()).keys.map(({ kid }) => kid);
      const current = async () => (await client.keys.signing.list()).find((key) => key.current);
      const token = async () => (await oauthOf(own, own.bootstrap).clientCredentialsGrant({ audience: `${own.issuer}api/v2/` })).data.access_token;
      const using = async (given) => (await new ManagementClient({ domain: domainOf(own), token: given }).roles.list()).data;

      const first = await current();
      const old = await token();
      const { kid } = await client.keys.signing.rotate();
      assert.notEqual(kid, first.kid);
      const after = await client.keys.signing.get(first.kid);
      assert.ok(after.previous && !after.current, JSON.stringify(after));
      assert.ok((await jwks()).includes(first.kid), 'what was signed before stays good');
      assert.ok((await using(old)).length > 0);
      const fresh = await token();
      const { protectedHeader } = await jwtVerify(fresh, createRemoteJWKSet(new URL('.well-known/jwks.json', own.issuer)),
        { issuer: own.issuer });
      assert.equal(protectedHeader.kid, (await current()).kid);

      const revoked = await client.keys.signing.revoke(first.kid);
      assert.equal(revoked.kid, first.kid);
      assert.ok(!(await jwks()).includes(first.kid));
      await assert.rejects(async () => using(old), (error) => error instanceof Management.UnauthorizedError);
      const again = sdk(own);
      const gone = (await again.keys.signing.list()).find(({ kid: id }) => id === first.kid);
      assert.ok(!gone || gone.revoked);
      await refuses(again.keys.signing.get('nobody'), 404, 'Signing key not found.', Management.NotFoundError);
    });
  });
}
