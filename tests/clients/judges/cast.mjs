// The cast of all judges, made through the Management API: three APIs, applications, people.

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { management } from '../server.mjs';

export const CONNECTION = 'Username-Password-Authentication';
/** Nothing listens there: the judges read the redirect and do not follow it. */
export const CALLBACK = 'http://127.0.0.1:9/callback';

const APIS = [
  { audience: 'https://api1.example/', scope: 'read:a write:a' },
  { audience: 'https://api2.example/', scope: 'read:b write:b' },
  // Outside every policy.
  { audience: 'https://api3.example/', scope: 'read:c' },
];

/** What the applications of the cast may ask for after the login: the first two APIs. */
export const REFRESH = {
  rotation_type: 'rotating',
  expiration_type: 'expiring',
  leeway: 10,
  policies: APIS.slice(0, 2).map(({ audience, scope }) => ({ audience, scope: scope.split(' ') })),
};

const APPLICATIONS = {
  spa: { app_type: 'spa', token_endpoint_auth_method: 'none' },
  native: { app_type: 'native', token_endpoint_auth_method: 'none' },
  web: { app_type: 'regular_web', token_endpoint_auth_method: 'client_secret_post' },
  // A stranger, who must ask the person for consent.
  stranger: { app_type: 'regular_web', token_endpoint_auth_method: 'client_secret_post', is_first_party: false },
};

/** Makes the cast on a started server. Plain values: Python reads them too, from a file. */
export async function seed(server) {
  const call = management(server);
  for (const { audience, scope } of APIS) {
    await call('POST', 'resource-servers', {
      name: audience,
      identifier: audience,
      scopes: scope.split(' ').map((value) => ({ value })),
      allow_offline_access: true,
    });
  }
  const applications = {};
  for (const [name, more] of Object.entries(APPLICATIONS)) {
    applications[name] = await addApplication(server, { name, ...more });
  }
  applications.machine = await addApplication(server, {
    name: 'machine', app_type: 'non_interactive', token_endpoint_auth_method: 'client_secret_post',
    grant_types: ['client_credentials'], callbacks: [], refresh_token: undefined,
  });
  await call('POST', 'client-grants', {
    client_id: applications.machine.client_id, audience: APIS[0].audience, scope: ['read:a'],
  });
  return { apis: APIS, callback: CALLBACK, applications, user: await addUser(server) };
}

/** An application of one's own. */
export async function addApplication(server, more = {}) {
  const { client_id, client_secret } = await management(server)('POST', 'clients', {
    name: 'Application',
    callbacks: [CALLBACK],
    grant_types: ['authorization_code', 'refresh_token', 'password',
      'http://auth0.com/oauth/grant-type/password-realm'],
    refresh_token: REFRESH,
    ...more,
  });
  return { client_id, client_secret };
}

/** A person of one's own. */
export async function addUser(server) {
  const name = randomBytes(6).toString('hex');
  const user = { email: `${name}@example.com`, password: `a long password of ${name}` };
  const { user_id } = await management(server)('POST', 'users', { connection: CONNECTION, ...user });
  return { ...user, user_id };
}

/** Blocks a person. */
export async function block(server, { user_id }) {
  await management(server)('PATCH', `users/${encodeURIComponent(user_id)}`, { blocked: true });
}

/**
 * The stage that session.mjs has set: `server`, and `hasty`, whose codes expire after a second;
 * `resourceServers`, where an API checks the tokens for each audience.
 */
export function stage() {
  const path = process.env.JUDGES_STAGE;
  if (!path) throw new Error('the judges are started by tests/clients/judges/run.mjs');
  return JSON.parse(readFileSync(path, 'utf8'));
}
