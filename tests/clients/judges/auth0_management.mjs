// The Management API through auth0 (node-auth0) 7, as its judges use it.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { AuthenticationClient } from 'auth0';
import { ManagementClient, ManagementError } from 'auth0-management';
import { CALLBACK } from './cast.mjs';
import { logIn } from './visitor.mjs';

export const PASSWORD = 'a long password of the judge';
const REQUESTS = 200;

export const unique = (name) => `${name}-${randomBytes(6).toString('hex')}`;
export const domainOf = ({ issuer }) => new URL(issuer).host;
export const sdk = (on, machine = on.management ?? on.bootstrap) => new ManagementClient({
  domain: domainOf(on), clientId: machine.client_id, clientSecret: machine.client_secret,
});
export const oauthOf = (on, { client_id: clientId, client_secret: clientSecret }) =>
  new AuthenticationClient({ domain: domainOf(on), clientId, clientSecret }).oauth;

/** Asserts that the SDK throws its error, with the code in it or, where there is none, the message. */
export function refuses(attempt, statusCode, said, type = ManagementError) {
  return assert.rejects(async () => attempt, (error) => {
    assert.ok(error instanceof type && error instanceof ManagementError, error);
    assert.equal(error.statusCode, statusCode, error.message);
    assert.equal(error.body.errorCode ?? error.body.message, said, error.message);
    if (error.rawResponse) assert.equal(error.body.statusCode, statusCode);
    return true;
  });
}

/** Everything that a list method finds, page by page to the end, which must come. */
export async function all(listing) {
  const found = [];
  let page = await listing;
  for (let requests = 1; ; requests += 1) {
    assert.ok(requests < REQUESTS, 'it does not end');
    found.push(...page.data);
    if (!page.hasNextPage()) return found;
    page = await page.getNextPage();
  }
}

/** The same with the iterator of the SDK. */
export async function iterated(listing) {
  const found = [];
  for await (const item of await listing) {
    assert.ok(found.length < 10_000, 'it does not end');
    found.push(item);
  }
  return found;
}

export async function finished(client, id) {
  for (let tries = 0; tries < 200; tries += 1) {
    const job = await client.jobs.get(id);
    if (job.status === 'completed' || job.status === 'failed') return job;
    await sleep(50);
  }
  return assert.fail('the job does not end');
}

/** A login with an application of `on`, for the first API of the cast unless another is named. */
export async function loggedIn(on, application, user, { audience, scope, consent } = {}) {
  const url = new URL('authorize', on.issuer);
  url.search = new URLSearchParams({
    response_type: 'code', client_id: application.client_id, redirect_uri: CALLBACK, scope, audience,
  });
  const code = (await logIn(url, user, { consent })).searchParams.get('code');
  const { data } = await oauthOf(on, application).authorizationCodeGrant({ code, redirect_uri: CALLBACK });
  return data;
}

/** An application with people who log in, an API with permissions, a role, an organization. */
export async function furnish(client) {
  const identifier = `https://${unique('api')}.example/a b/`;
  const api = await client.resourceServers.create({
    name: unique('API'), identifier, allow_offline_access: true,
    scopes: [{ value: 'read:x', description: 'Read' }, { value: 'write:x' }],
  });
  const connection = await client.connections.create({ name: unique('people'), strategy: 'auth0' });
  const application = await client.clients.create({
    name: unique('Application'), app_type: 'regular_web', callbacks: [CALLBACK],
    token_endpoint_auth_method: 'client_secret_post', grant_types: ['authorization_code', 'refresh_token'],
    refresh_token: { rotation_type: 'non-rotating', expiration_type: 'expiring' },
  });
  await client.connections.clients.update(connection.id, [{ client_id: application.client_id, status: true }]);
  const person = { email: `${unique('person')}@example.com`, password: PASSWORD };
  const { user_id } = await client.users.create({ connection: connection.name, ...person });
  const user = { ...person, user_id };
  return { identifier, api, connection, application, user };
}
