// The kinds of applications, and what a new one of each kind is.

/** `{value, title, sentence, grants, method}` of each kind that can be made here. */
export const KINDS = [
  {
    value: 'spa',
    title: 'Single-page application',
    sentence: 'Runs in the browser, like React or Vue. It cannot keep a secret, so it proves itself with PKCE.',
    grants: ['authorization_code', 'refresh_token'],
    method: 'none',
  },
  {
    value: 'regular_web',
    title: 'Regular web application',
    sentence: 'Runs on a server that shows pages, like Express or Django. It has a secret.',
    grants: ['authorization_code', 'refresh_token'],
    method: 'client_secret_post',
  },
  {
    value: 'native',
    title: 'Native application',
    sentence: 'Runs on a phone, a desktop or a television. It cannot keep a secret, and may log in with a code shown on a screen.',
    grants: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
    method: 'none',
  },
  {
    value: 'non_interactive',
    title: 'Machine to machine',
    sentence: 'A service or a script that calls APIs in its own name. Nobody logs in.',
    grants: ['client_credentials'],
    method: 'client_secret_post',
  },
];

const OTHERS = { resource_server: 'API', express_configuration: 'Express configuration' };

/** The name of a kind; applications that other tools made may have none, or an uncommon one. */
export const kindTitle = (type) => KINDS.find(({ value }) => value === type)?.title ?? OTHERS[type] ?? type ?? 'No kind chosen';

/** Whether people log in at such an application. */
export const hasLogins = ({ app_type: type }) => type !== 'non_interactive' && type !== 'resource_server';

/** Whether it has a secret or a key to prove itself with. */
export const isConfidential = (client) => Boolean(client.client_authentication_methods)
  || (client.token_endpoint_auth_method
    ? client.token_endpoint_auth_method !== 'none'
    : !['spa', 'native'].includes(client.app_type));

/** Every way to get tokens: `[grant type, title, what it means]`. */
export const GRANTS = [
  ['authorization_code', 'Authorization code',
    'People log in on the login page, and the application gets a code for its tokens. What nearly every application needs.'],
  ['refresh_token', 'Refresh token', 'The application gets new tokens without another login.'],
  ['client_credentials', 'Client credentials', 'The application gets tokens in its own name. It takes a secret or a key.'],
  ['urn:ietf:params:oauth:grant-type:device_code', 'Device code',
    'For devices without a keyboard: people confirm a code on another screen.'],
  ['http://auth0.com/oauth/grant-type/passwordless/otp', 'Mailed code',
    'People type a code that was mailed to them into the application itself.'],
  ['implicit', 'Implicit', 'Tokens come with the redirect. For old libraries only: addresses end up in logs and histories.'],
  ['password', 'Password', 'The application asks for the password itself. For old applications only: it sees what people type.'],
];

/** The other name that the password grant goes by. */
const REALM = 'http://auth0.com/oauth/grant-type/password-realm';

/** The choices for one application: what it has and this list does not know is shown, too. */
export function grantOptions(grants = []) {
  const known = GRANTS.filter(([value]) => value !== 'password' || !grants.includes(REALM) || grants.includes('password'));
  const others = grants.filter((grant) => !GRANTS.some(([value]) => value === grant));
  return [...known, ...others.map((grant) => [grant, grant === REALM ? 'Password, with a connection' : grant])];
}
