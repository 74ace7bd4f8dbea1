// auth0 (node-auth0) 7, the Management API: its ManagementClient, which speaks https only.

import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { AuthApiError } from 'auth0';
import { Management, ManagementClient, ManagementError } from 'auth0-management';
import {
  all, domainOf, finished, furnish, loggedIn, oauthOf, PASSWORD, refuses, sdk, unique,
} from './auth0_management.mjs';
import { addApplication, addUser, CONNECTION, stage } from './cast.mjs';
import { serves } from './resource_server.mjs';

const scene = stage();
const { server } = scene;
/** A hash that other servers made, and the password it is of (from the tests of crypt_blowfish). */
const BCRYPT = { hash: '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW', password: 'U*U' };

if (scene.transport === 'https') {
  describe('auth0 management: tokens', () => {
    test('a token for a secret, and none for a wrong one', async () => {
      const roles = await sdk(server).roles.list();
      assert.ok(Array.isArray(roles.data));
      const impostor = sdk(server, { ...server.management, client_secret: 'not the secret' });
      await assert.rejects(async () => impostor.roles.list(), (error) => {
        assert.ok(error instanceof ManagementError, error);
        assert.equal(error.body.error, 'access_denied');
        return error.statusCode === 401;
      });
    });

    test('a token for a signed assertion, and its scopes are what it may do', async () => {
      const admin = sdk(server);
      const { publicKey, privateKey } = generateKeyPairSync('rsa', {
        modulusLength: 2048,
        publicKeyEncoding: { type: 'spki', format: 'pem' },
        privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      });
      const machine = await admin.clients.create({
        name: unique('Machine'), app_type: 'non_interactive', grant_types: ['client_credentials'],
        client_authentication_methods: {
          private_key_jwt: { credentials: [{ credential_type: 'public_key', name: 'first', pem: publicKey, alg: 'RS256' }] },
        },
      });
      const audience = `${server.issuer}api/v2/`;
      const grant = await admin.clientGrants.create({
        client_id: machine.client_id, audience, scope: ['read:clients', 'read:client_credentials'],
      });
      const by = (clientAssertionSigningKey) => new ManagementClient({
        domain: domainOf(server), clientId: machine.client_id, clientAssertionSigningKey,
      });
      const keyed = by(privateKey);
      assert.equal((await keyed.clients.get(machine.client_id)).name, machine.name);
      const [credential] = await keyed.clients.credentials.list(machine.client_id);
      assert.equal(credential.name, 'first');
      await refuses(keyed.clients.create({ name: 'No' }), 403, 'insufficient_scope', Management.ForbiddenError);
      const other = generateKeyPairSync('rsa', { modulusLength: 2048, privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
        publicKeyEncoding: { type: 'spki', format: 'pem' } });
      await assert.rejects(async () => by(other.privateKey).clients.list(), { statusCode: 401 });

      await admin.clientGrants.update(grant.id, { scope: ['read:roles'] });
      assert.ok((await by(privateKey).roles.list()).data);
      await refuses(by(privateKey).clients.list(), 403, 'insufficient_scope', Management.ForbiddenError);
      await admin.clientGrants.delete(grant.id);
      await refuses(admin.clientGrants.get(grant.id), 404, 'inexistent_client_grant', Management.NotFoundError);
      await admin.clients.delete(machine.client_id);
    });

    test('a token that is none, and one for another API', async () => {
      const by = (token) => new ManagementClient({ domain: domainOf(server), token }).clients.list();
      await refuses(by('not a token'), 400, 'Bearer', Management.BadRequestError);
      const { data } = await oauthOf(server, server.applications.machine)
        .clientCredentialsGrant({ audience: server.apis[0].audience });
      await assert.rejects(async () => by(data.access_token), (error) => {
        assert.ok(error instanceof Management.UnauthorizedError, error);
        assert.equal(error.body.error, 'Unauthorized');
        return error.statusCode === 401;
      });
    });

    test('the headers tell how many requests are left, and what is not built is out of scope', async () => {
      const { rawResponse, data } = await sdk(server).tenants.settings.get().withRawResponse();
      assert.ok(data.session_lifetime);
      const number = (name) => Number(rawResponse.headers.get(`x-ratelimit-${name}`));
      assert.ok(number('limit') > 0);
      assert.ok(number('remaining') >= 0 && number('remaining') < number('limit'));
      assert.ok(Math.abs(number('reset') - Date.now() / 1000) < 3600, 'seconds of the epoch');
      const { actions, hooks, guardian } = sdk(server);
      for (const attempt of [() => actions.modules.list(), () => hooks.list(), () => guardian.factors.list()]) {
        await assert.rejects(async () => attempt(), (error) => {
          assert.ok(error instanceof Management.ForbiddenError, error);
          assert.match(error.body.message, /^Insufficient scope, expected any of: /);
          return error.statusCode === 403 && error.body.errorCode === 'insufficient_scope';
        });
      }
    });
  });

  test('auth0 management: policies that are set take effect at the next exchange of a live refresh token', async () => {
    const client = sdk(server);
    const [first, second, third] = server.apis;
    const application = await addApplication(server, { app_type: 'regular_web', token_endpoint_auth_method: 'client_secret_post' });
    const user = await addUser(server);
    let { refresh_token: token } = await loggedIn(server, application, user,
      { audience: first.audience, scope: `openid offline_access ${first.scope}` });
    const oauth = oauthOf(server, application);
    const exchange = async (audience, scope) => {
      const { data } = await oauth.refreshTokenGrant({ refresh_token: token, audience, ...(scope && { scope }) });
      token = data.refresh_token ?? token;
      return data;
    };
    const outside = (error) => error instanceof AuthApiError && error.error === 'invalid_target' && error.statusCode === 400;
    const required = { rotation_type: 'rotating', expiration_type: 'expiring' };
    const set = async (policies) => {
      const { refresh_token } = await client.clients.update(application.client_id, { refresh_token: { ...required, policies } });
      return refresh_token;
    };
    const policyOf = (api, scope = api.scope) => ({ audience: api.audience, scope: scope.split(' ') });

    await assert.rejects(exchange(third.audience), outside);
    const before = (await client.clients.get(application.client_id)).refresh_token;
    const after = await set([policyOf(second), policyOf(third)]);
    assert.deepEqual(after, { ...before, policies: [policyOf(second), policyOf(third)] });
    const got = await exchange(third.audience);
    await serves(scene, got.access_token, third.audience, third.scope);

    await set([policyOf(second, 'read:b')]);
    const narrowed = await exchange(second.audience);
    assert.deepEqual((await serves(scene, narrowed.access_token, second.audience, 'read:b')).scope.split(' ').filter((s) => s.endsWith(':b')), ['read:b']);
    await assert.rejects(exchange(third.audience), outside);

    const without = await set(null);
    assert.ok(!('policies' in without), 'what is not set is absent');
    await assert.rejects(exchange(second.audience), outside);
    const again = await exchange(first.audience);
    await serves(scene, again.access_token, first.audience, first.scope);

    await refuses(set([]), 400, 'invalid_body', Management.BadRequestError);
    await set([policyOf(second)]);
    // Whatever else of an application is changed, its policies stay.
    await client.clients.update(application.client_id, { refresh_token: { ...required, leeway: 5 }, description: 'Changed' });
    const { refresh_token: kept, description } = await client.clients.get(application.client_id);
    assert.deepEqual([kept.policies, kept.leeway, description], [[policyOf(second)], 5, 'Changed']);
    const last = await exchange(second.audience);
    await serves(scene, last.access_token, second.audience, second.scope);

    // The token as the Management API sees it, until it is revoked.
    const [listed] = await all(client.users.refreshToken.list(user.user_id));
    assert.equal(listed.client_id, application.client_id);
    assert.equal((await client.refreshTokens.get(listed.id)).user_id, user.user_id);
    const updated = await client.refreshTokens.update(listed.id, { refresh_token_metadata: { device: 'car' } });
    assert.deepEqual(updated.refresh_token_metadata, { device: 'car' });
    assert.deepEqual((await client.refreshTokens.get(listed.id)).refresh_token_metadata, { device: 'car' });
    await client.refreshTokens.revoke({ ids: [listed.id] });
    await assert.rejects(exchange(first.audience), (error) => error instanceof AuthApiError && error.error === 'invalid_grant');
    await refuses(client.refreshTokens.get(listed.id), 404, 'The refresh token does not exist.', Management.NotFoundError);
  });

  test('auth0 management: applications, from their making to their end', async () => {
    const client = sdk(server);
    const policies = [{ audience: server.apis[1].audience, scope: ['write:b', 'read:b'] }];
    const made = await client.clients.create({
      name: unique('Shop'), app_type: 'regular_web', callbacks: ['https://shop.example/cb'],
      grant_types: ['authorization_code', 'refresh_token', 'client_credentials'], token_endpoint_auth_method: 'client_secret_post',
      jwt_configuration: { alg: 'RS256', lifetime_in_seconds: 600 }, client_metadata: { a: '1', b: '2' },
      refresh_token: { rotation_type: 'rotating', expiration_type: 'expiring', leeway: 3, policies },
    });
    assert.match(made.client_id, /^[A-Za-z0-9]{32}$/);
    assert.match(made.client_secret, /^[\w-]{64}$/);
    assert.deepEqual(made.refresh_token.policies, policies, 'scopes keep their order');
    const { client_id: id } = made;
    const { signing_keys, ...read } = await client.clients.get(id);
    assert.ok(signing_keys === undefined || Array.isArray(signing_keys));
    assert.deepEqual([read.name, read.refresh_token], [made.name, made.refresh_token]);
    assert.deepEqual(await client.clients.get(id, { fields: 'client_id,name', include_fields: true }), { client_id: id, name: made.name });

    const changed = await client.clients.update(id, {
      jwt_configuration: { lifetime_in_seconds: 60 }, client_metadata: { a: null, c: '3' }, callbacks: ['https://shop.example/b'],
    });
    assert.equal(changed.jwt_configuration.alg, 'RS256');
    assert.equal(changed.jwt_configuration.lifetime_in_seconds, 60);
    assert.deepEqual(changed.client_metadata, { b: '2', c: '3' });
    assert.deepEqual(changed.callbacks, ['https://shop.example/b']);
    assert.deepEqual(changed.refresh_token, made.refresh_token);

    const rotated = await client.clients.rotateSecret(id);
    assert.notEqual(rotated.client_secret, made.client_secret);
    await client.clientGrants.create({ client_id: id, audience: server.apis[0].audience, scope: ['read:a'] });
    const ask = (secret) => oauthOf(server, { client_id: id, client_secret: secret }).clientCredentialsGrant({ audience: server.apis[0].audience });
    await assert.rejects(ask(made.client_secret), { statusCode: 401 });
    await serves(scene, (await ask(rotated.client_secret)).data.access_token, server.apis[0].audience, 'read:a');

    const { publicKey } = generateKeyPairSync('rsa', {
      modulusLength: 2048, publicKeyEncoding: { type: 'spki', format: 'pem' }, privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    });
    const credential = await client.clients.credentials.create(id, { credential_type: 'public_key', name: 'key', pem: publicKey, alg: 'RS256' });
    assert.match(credential.id, /^cred_/);
    assert.equal((await client.clients.credentials.get(id, credential.id)).kid, credential.kid);
    const expires_at = new Date(Date.now() + 86_400_000).toISOString();
    const patched = await client.clients.credentials.update(id, credential.id, { expires_at });
    assert.equal(Date.parse(patched.expires_at), Date.parse(expires_at));
    assert.equal((await client.clients.credentials.list(id)).length, 1);
    await client.clients.credentials.delete(id, credential.id);
    assert.deepEqual(await client.clients.credentials.list(id), []);

    await refuses(client.clients.create({ name: 'x', unheard_of: 1 }), 400, 'invalid_body', Management.BadRequestError);
    await refuses(client.clients.update(id, { jwt_configuration: { lifetime_in_seconds: 'long' } }), 400, 'invalid_body', Management.BadRequestError);
    await refuses(client.clients.list({ per_page: 101 }), 400, 'invalid_query_string', Management.BadRequestError);
    await client.clients.delete(id);
    await refuses(client.clients.get(id), 404, 'inexistent_client', Management.NotFoundError);
    await refuses(client.clients.rotateSecret(id), 404, 'inexistent_client', Management.NotFoundError);
  });

  test('auth0 management: APIs, by identifier too, and what applications may do with them', async () => {
    const client = sdk(server);
    const identifier = `https://${unique('api')}.example/a/b c/`;
    const made = await client.resourceServers.create({ name: 'API', identifier, scopes: [{ value: 'read:x' }], signing_alg: 'RS256' });
    assert.deepEqual(await client.resourceServers.get(identifier), await client.resourceServers.get(made.id));
    const updated = await client.resourceServers.update(identifier, { scopes: [{ value: 'write:x' }, { value: 'read:x' }], token_lifetime: 60 });
    assert.deepEqual(updated.scopes, [{ value: 'write:x' }, { value: 'read:x' }]);
    assert.equal(updated.token_lifetime, 60);
    await refuses(client.resourceServers.create({ name: 'Twin', identifier }), 409, 'A resource server with the same identifier already exists.', Management.ConflictError);
    await refuses(client.resourceServers.update(made.id, { token_lifetime: -1 }), 400, 'invalid_body');

    const { client_id } = await addApplication(server, { name: unique('machine'), app_type: 'non_interactive', grant_types: ['client_credentials'] });
    const grant = await client.clientGrants.create({ client_id, audience: identifier, scope: ['read:x'] });
    assert.match(grant.id, /^cgr_/);
    await refuses(client.clientGrants.create({ client_id, audience: identifier, scope: [] }), 409, 'A client grant with the same client, audience and subject type already exists.', Management.ConflictError);
    assert.deepEqual((await client.clientGrants.update(grant.id, { scope: ['write:x'] })).scope, ['write:x']);
    const found = await all(client.clientGrants.list({ audience: identifier, take: 1 }));
    assert.deepEqual(found.map(({ id, scope }) => [id, scope]), [[grant.id, ['write:x']]]);
    await client.clientGrants.delete(grant.id);
    assert.deepEqual(await all(client.clientGrants.list({ client_id })), []);
    await client.resourceServers.delete(identifier);
    await refuses(client.resourceServers.get(identifier), 404, 'inexistent_resource_server', Management.NotFoundError);
  });

  test('auth0 management: people, as they are found and changed', async () => {
    const client = sdk(server);
    const mark = unique('mark');
    const people = [];
    for (const name of ['Ada', 'Bob', 'Cyd']) {
      people.push(await client.users.create({
        connection: CONNECTION, email: `${unique(name.toLowerCase())}@example.com`, password: PASSWORD, name,
        user_metadata: { colour: 'blue', size: { a: 1, b: 2 } }, app_metadata: { mark },
      }));
    }
    const [ada] = people;
    assert.match(ada.user_id, /^auth0\|/);
    const search = { q: `app_metadata.mark:"${mark}"`, search_engine: 'v3' };
    const names = async (more) => (await all(client.users.list({ ...search, ...more }))).map(({ name }) => name);
    assert.deepEqual(await names({ sort: 'name:-1', per_page: 1 }), ['Cyd', 'Bob', 'Ada']);
    assert.deepEqual(await names({ sort: 'created_at:1' }), ['Ada', 'Bob', 'Cyd']);
    assert.deepEqual(await names({ q: `${search.q} AND name:B*` }), ['Bob']);
    assert.deepEqual(await names({ q: `${search.q} AND name:Nobody` }), []);
    await refuses(client.users.list({ q: 'name:(' }), 400, 'invalid_query_string', Management.BadRequestError);
    const [byEmail] = await client.users.listUsersByEmail({ email: ada.email });
    assert.equal(byEmail.user_id, ada.user_id);
    assert.deepEqual(await client.users.listUsersByEmail({ email: 'nobody@nowhere.example' }), []);

    const merged = await client.users.update(ada.user_id, { user_metadata: { colour: null, size: { c: 3 } }, nickname: 'A' });
    assert.deepEqual([merged.user_metadata, merged.nickname], [{ size: { c: 3 } }, 'A']);
    const cleared = await client.users.update(ada.user_id, { user_metadata: {} });
    assert.deepEqual(cleared.user_metadata ?? {}, {});
    assert.deepEqual((await client.users.get(ada.user_id)).app_metadata, { mark });
    await refuses(client.users.create({ connection: CONNECTION, email: ada.email, password: PASSWORD }), 409, 'user_exists', Management.ConflictError);
    await refuses(client.users.update(ada.user_id, { user_id: 'x' }), 400, 'invalid_body', Management.BadRequestError);

    const { client_id, client_secret } = server.applications.web;
    const password = (given) => oauthOf(server, { client_id, client_secret }).passwordGrant({ username: ada.email, password: given, scope: 'openid' });
    assert.ok((await password(PASSWORD)).data.id_token);
    await client.users.update(ada.user_id, { password: `${PASSWORD} 2`, connection: CONNECTION });
    await assert.rejects(password(PASSWORD), { error: 'invalid_grant' });
    await client.users.update(ada.user_id, { blocked: true });
    await assert.rejects(password(`${PASSWORD} 2`), (error) => error instanceof AuthApiError);

    const { ticket } = await client.tickets.changePassword({ user_id: ada.user_id, ttl_sec: 60 });
    assert.ok(ticket.startsWith(server.issuer), ticket);
    const verify = await client.tickets.verifyEmail({ user_id: ada.user_id });
    assert.ok(verify.ticket.startsWith(server.issuer), verify.ticket);
    await refuses(client.tickets.changePassword({ user_id: 'auth0|nobody' }), 404, 'inexistent_user', Management.NotFoundError);
    const job = await client.jobs.verificationEmail.create({ user_id: ada.user_id });
    assert.equal(job.type, 'verification_email');
    assert.equal((await finished(client, job.id)).status, 'completed');

    await client.users.delete(ada.user_id);
    await refuses(client.users.get(ada.user_id), 404, 'inexistent_user', Management.NotFoundError);
  });

  test('auth0 management: roles, permissions and where they come from', async () => {
    const client = sdk(server);
    const { identifier, user } = await furnish(client);
    const permission = (name) => ({ resource_server_identifier: identifier, permission_name: name });
    const role = await client.roles.create({ name: unique('Clerk'), description: 'Clerks' });
    assert.match(role.id, /^rol_/);
    assert.equal((await client.roles.update(role.id, { description: 'Others' })).description, 'Others');
    await client.roles.permissions.add(role.id, { permissions: [permission('read:x'), permission('write:x')] });
    await client.roles.permissions.delete(role.id, { permissions: [permission('write:x')] });
    const [held] = await all(client.roles.permissions.list(role.id));
    assert.deepEqual([held.permission_name, held.resource_server_identifier, held.description], ['read:x', identifier, 'Read']);

    await client.users.roles.assign(user.user_id, { roles: [role.id] });
    assert.deepEqual((await all(client.users.roles.list(user.user_id))).map(({ id }) => id), [role.id]);
    assert.deepEqual((await all(client.roles.users.list(role.id))).map(({ user_id }) => user_id), [user.user_id]);
    await client.users.permissions.create(user.user_id, { permissions: [permission('read:x'), permission('write:x')] });
    const sources = (await all(client.users.permissions.list(user.user_id)))
      .map(({ permission_name: name, sources: by }) => [name, by.map(({ source_type, source_id }) => [source_type, source_id].filter(Boolean))]).sort();
    assert.equal(sources.length, 2);
    assert.deepEqual(sources[0][1].map(([type]) => type).sort(), ['DIRECT', 'ROLE']);
    assert.deepEqual(sources[0][1].find(([type]) => type === 'ROLE')[1], role.id);
    assert.deepEqual(sources[1][1].map(([type]) => type), ['DIRECT']);
    const effective = await all(client.users.effectivePermissions.list(user.user_id, { resource_server_identifier: identifier, take: 1 }));
    assert.deepEqual(effective.map(({ permission_name }) => permission_name).sort(), ['read:x', 'write:x']);
    const behind = await all(client.users.effectivePermissions.sources.roles.list(user.user_id, permission('read:x')));
    assert.deepEqual(behind.map(({ id }) => id), [role.id]);
    assert.deepEqual((await all(client.users.effectiveRoles.list(user.user_id))).map(({ id }) => id), [role.id]);

    await client.users.permissions.delete(user.user_id, { permissions: [permission('read:x'), permission('write:x')] });
    assert.equal((await all(client.users.permissions.list(user.user_id))).length, 1);
    await client.users.roles.delete(user.user_id, { roles: [role.id] });
    assert.deepEqual(await all(client.users.permissions.list(user.user_id)), []);
    await client.roles.users.assign(role.id, { users: [user.user_id] });
    assert.equal((await all(client.users.roles.list(user.user_id))).length, 1);
    await refuses(client.roles.get('rol_aaaaaaaaaaaaaaaa'), 404, 'Role not found.', Management.NotFoundError);
    await refuses(client.roles.permissions.add(role.id, { permissions: [] }), 400, 'invalid_body', Management.BadRequestError);
    await client.roles.delete(role.id);
    assert.deepEqual(await all(client.users.roles.list(user.user_id)), []);
  });

  test('auth0 management: connections and organizations', async () => {
    const client = sdk(server);
    const { connection, application, user } = await furnish(client);
    const got = await client.connections.get(connection.id);
    assert.deepEqual([got.name, got.strategy], [connection.name, 'auth0']);
    const changed = await client.connections.update(connection.id, { options: { ...got.options, disable_signup: true } });
    assert.equal(changed.options.disable_signup, true);
    await client.connections.checkStatus(connection.id);
    assert.deepEqual(await all(client.connections.clients.get(connection.id)), [{ client_id: application.client_id }]);
    const ofClient = await all(client.clients.connections.get(application.client_id, { take: 1 }));
    assert.ok(ofClient.some(({ id }) => id === connection.id));
    await refuses(client.connections.create({ name: connection.name, strategy: 'auth0' }), 409, 'A connection with the same name already exists', Management.ConflictError);
    await refuses(client.connections.get('con_aaaaaaaaaaaaaaaa'), 404, 'inexistent_connection', Management.NotFoundError);

    const name = unique('acme');
    const organization = await client.organizations.create({ name, display_name: 'Acme', metadata: { a: '1' } });
    assert.match(organization.id, /^org_/);
    assert.equal((await client.organizations.getByName(name)).id, organization.id);
    const edited = await client.organizations.update(organization.id, { display_name: 'Acme 2', metadata: { b: '2' } });
    assert.deepEqual([edited.display_name, edited.metadata], ['Acme 2', { b: '2' }]);
    await client.organizations.members.create(organization.id, { members: [user.user_id] });
    assert.deepEqual((await all(client.organizations.members.list(organization.id))).map(({ user_id }) => user_id), [user.user_id]);
    assert.deepEqual((await all(client.users.organizations.list(user.user_id))).map(({ id }) => id), [organization.id]);
    await client.organizations.members.delete(organization.id, { members: [user.user_id] });
    assert.deepEqual(await all(client.organizations.members.list(organization.id)), []);
    await refuses(client.organizations.create({ name }), 409, 'An organization with this name already exists.', Management.ConflictError);
    await client.organizations.delete(organization.id);
    await refuses(client.organizations.get(organization.id), 404, 'No organization found by that id or name', Management.NotFoundError);

    await client.connections.users.deleteByEmail(connection.id, { email: user.email });
    await refuses(client.users.get(user.user_id), 404, 'inexistent_user', Management.NotFoundError);
    await client.connections.delete(connection.id);
    await refuses(client.connections.get(connection.id), 404, 'inexistent_connection', Management.NotFoundError);
  });

  test('auth0 management: people are imported with their passwords, and exported', async () => {
    const client = sdk(server);
    const folder = await mkdtemp(join(tmpdir(), 'doorward-import-'));
    try {
      const file = join(folder, 'users.json');
      const email = `${unique('moved')}@example.com`;
      await writeFile(file, JSON.stringify([
        { email, email_verified: true, password_hash: BCRYPT.hash, app_metadata: { from: 'elsewhere' } },
        { email: `${unique('moved')}@example.com`, user_id: unique('id') },
        { email: server.user.email, name: 'Known already' },
      ]));
      const [{ id: connection_id }] = await all(client.connections.list({ name: CONNECTION }));
      const { id } = await client.jobs.usersImports.create({ users: createReadStream(file), connection_id, external_id: 'judge' });
      const job = await finished(client, id);
      assert.deepEqual([job.status, job.type, job.external_id], ['completed', 'users_import', 'judge']);
      assert.deepEqual([job.summary.total, job.summary.inserted, job.summary.failed], [3, 2, 1]);
      const failed = await client.jobs.errors.get(id);
      assert.equal(failed.length, 1);
      assert.equal(failed[0].user.email, server.user.email);
      assert.ok(failed[0].errors[0].code && failed[0].errors[0].message);

      const { client_id, client_secret } = server.applications.web;
      const { data } = await oauthOf(server, { client_id, client_secret })
        .passwordGrant({ username: email, password: BCRYPT.password, scope: 'openid' });
      assert.ok(data.id_token);
      const [found] = await client.users.listUsersByEmail({ email });
      assert.deepEqual([found.email_verified, found.app_metadata], [true, { from: 'elsewhere' }]);

      const exported = await client.jobs.usersExports.create({ connection_id, format: 'json', fields: [{ name: 'email' }] });
      const done = await finished(client, exported.id);
      assert.deepEqual([done.status, done.type], ['completed', 'users_export']);
      assert.equal(new URL(done.location).origin, new URL(server.issuer).origin);
      await refuses(client.jobs.get('job_aaaaaaaaaaaaaaaa'), 404, 'Job not found.', Management.NotFoundError);
      await refuses(client.jobs.usersImports.create({ users: createReadStream(file), connection_id: 'con_aaaaaaaaaaaaaaaa' }),
        400, 'invalid_body', Management.BadRequestError);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  test('auth0 management: sessions, tokens, consent and logs of a person', async () => {
    const client = sdk(server);
    const [first] = server.apis;
    const user = await addUser(server);
    const wanted = { audience: first.audience, scope: `openid offline_access ${first.scope}` };
    const tokens = await loggedIn(server, server.applications.stranger, user, wanted);
    const { sessions, users, userGrants, deviceCredentials, logs } = client;

    const [session] = await all(users.sessions.list(user.user_id));
    assert.equal((await sessions.get(session.id)).user_id, user.user_id);
    const noted = await sessions.update(session.id, { session_metadata: { desk: '7' } });
    assert.deepEqual(noted.session_metadata, { desk: '7' });
    const [grant] = await all(userGrants.list({ user_id: user.user_id, per_page: 1 }));
    assert.deepEqual([grant.clientID, grant.audience], [server.applications.stranger.client_id, first.audience]);
    assert.ok(grant.scope.includes('read:a'));
    const [device] = await all(deviceCredentials.list({ user_id: user.user_id, type: 'rotating_refresh_token' }));
    assert.equal(device.client_id, server.applications.stranger.client_id);

    const seen = await all(users.logs.list(user.user_id, { sort: 'date:1', per_page: 1 }));
    assert.ok(seen.some(({ type }) => type === 's'), JSON.stringify(seen));
    assert.ok(seen.every(({ user_id }) => user_id === user.user_id));
    const one = await logs.get(seen[0].log_id);
    assert.deepEqual([one.log_id, one.type], [seen[0].log_id, seen[0].type]);
    const searched = await all(logs.list({ search: `user_id:"${user.user_id}"`, per_page: 2 }));
    assert.equal(new Set(searched.map(({ log_id }) => log_id)).size, searched.length);
    assert.ok(searched.length >= seen.length);
    await refuses(logs.get('90020201010000000000000000000000000000000000000000000000'), 404, 'Log not found.', Management.NotFoundError);

    await userGrants.delete(grant.id);
    assert.deepEqual(await all(userGrants.list({ user_id: user.user_id })), []);
    await sessions.revoke(session.id);
    await assert.rejects(oauthOf(server, server.applications.stranger).refreshTokenGrant({ refresh_token: tokens.refresh_token }),
      (error) => error instanceof AuthApiError && error.error === 'invalid_grant');
    await refuses(sessions.get(session.id), 404, 'The session does not exist.', Management.NotFoundError);

    await loggedIn(server, server.applications.web, user, wanted);
    await users.revokeAccess(user.user_id);
    assert.deepEqual(await all(users.sessions.list(user.user_id)), []);
    // One by one, by each of their names.
    await loggedIn(server, server.applications.web, user, wanted);
    await loggedIn(server, server.applications.web, user, wanted);
    const [oneToken, otherToken] = await all(client.refreshTokens.list({ user_id: user.user_id, take: 1 }));
    await client.refreshTokens.delete(oneToken.id);
    await deviceCredentials.delete(otherToken.id);
    assert.deepEqual(await all(users.refreshToken.list(user.user_id)), []);
    const [oneSession] = await all(users.sessions.list(user.user_id));
    await sessions.delete(oneSession.id);
    assert.equal((await all(users.sessions.list(user.user_id))).length, 1);
    await loggedIn(server, server.applications.web, user, wanted);
    await users.sessions.delete(user.user_id);
    await users.refreshToken.delete(user.user_id);
    assert.deepEqual(await all(users.refreshToken.list(user.user_id)), []);
    await userGrants.deleteByUserId({ user_id: user.user_id });

    assert.equal(typeof await client.stats.getActiveUsersCount(), 'number');
    const today = new Date().toISOString().slice(0, 10).replaceAll('-', '');
    const days = await client.stats.getDaily({ from: '20250101', to: today });
    assert.ok(days.reduce((sum, { logins }) => sum + logins, 0) >= 3, JSON.stringify(days));
    assert.deepEqual(await client.userBlocks.list(user.user_id), { blocked_for: [] });
    assert.deepEqual(await client.userBlocks.listByIdentifier({ identifier: user.email }), { blocked_for: [] });
    await client.userBlocks.delete(user.user_id);
    await client.userBlocks.deleteByIdentifier({ identifier: user.email });
    await refuses(client.userBlocks.list('auth0|nobody'), 404, 'inexistent_user', Management.NotFoundError);
  });
}
