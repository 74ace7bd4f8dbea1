// What the settings of an API mean.

/** How its access tokens can be signed. */
export const ALGORITHMS = [
  ['RS256', 'RS256: public key, read by everything'],
  ['PS256', 'PS256: public key, RSA-PSS'],
  ['RS512', 'RS512: public key, longer hash'],
  ['ES256', 'ES256: public key, elliptic curve, short tokens'],
  ['EdDSA', 'EdDSA: public key, Ed25519, short tokens'],
  ['HS256', 'HS256: one secret that the API shares with this server'],
];

export const DIALECTS = [
  ['access_token', 'Auth0 profile', 'Scopes in “scope”. What the Auth0 SDKs for APIs expect.'],
  ['access_token_authz', 'Auth0 profile with permissions', 'The same, and the permissions of the user in “permissions”.'],
  ['rfc9068_profile', 'RFC 9068', 'The standard profile: type “at+jwt”, with “client_id” and “jti”.'],
  ['rfc9068_profile_authz', 'RFC 9068 with permissions', 'The same, and the permissions of the user in “permissions”.'],
];

export const USER_POLICIES = [
  ['allow_all', 'Every application', 'Users log in for this API through any application of this server.'],
  ['require_client_grant', 'Applications with a grant', 'Only applications that were given a grant for users, and with its scopes.'],
  ['deny_all', 'None', 'No user gets a token for this API.'],
];

export const CLIENT_POLICIES = [
  ['require_client_grant', 'Applications with a grant', 'Those under “Applications”, each with its scopes.'],
  ['deny_all', 'None', 'No application gets a token of its own.'],
];

/** Which algorithm a token of a policy is signed with does not matter to who exchanges it. */
export const PROOFS = [
  ['unset', 'What the application does'],
  ['allowed', 'Bound to a key if the application sends a proof'],
  ['public_clients', 'Required of applications that cannot keep a secret'],
  ['all_clients', 'Required of every application'],
];

/** The setting as one word. */
export function proofOf(setting) {
  if (!setting || setting.mechanism !== 'dpop') return setting ? 'other' : 'unset';
  return setting.required ? setting.required_for ?? 'all_clients' : 'allowed';
}

/** The word as the setting; `null` removes it. */
export function proofSetting(word) {
  if (word === 'unset') return null;
  if (word === 'allowed') return { mechanism: 'dpop', required: false };
  return { mechanism: 'dpop', required: true, required_for: word };
}
