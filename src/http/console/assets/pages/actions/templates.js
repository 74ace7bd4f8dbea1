// Actions to begin with: the examples of docs/actions.md, word for word. A test compares them.

/** `{id, trigger, title, about, code}` */
export const templates = [
  {
    id: 'mrrt-policy',
    trigger: 'post-login',
    title: 'Decide by the refresh-token policies of the application',
    about: 'The plan of the user goes into the tokens of one API, if the application may exchange for it.',
    code: `// post-login. An application whose refresh token may be exchanged for this API gets
// the plan of the user into the access token of that API, and only of that API.
const API = 'https://myapi';

exports.onExecutePostLogin = async (event, api) => {
  const policies = event.client.refresh_token?.policies;
  if (!policies?.some((policy) => policy?.audience?.includes(API))) return;
  if (event.resource_server?.identifier !== API) return;

  const plan = event.user.app_metadata.plan ?? 'free';
  api.accessToken.setCustomClaim('https://myapi/plan', plan);
  if (plan === 'free') api.accessToken.removeScope('write:messages');
};
`,
  },
  {
    id: 'claims',
    trigger: 'post-login',
    title: 'The same claims in both tokens, at the login and after each refresh',
    about: 'Roles and a department go into the ID token and the access token, again at each refresh.',
    code: `// post-login. The code runs at each exchange, so that a change of the metadata or
// the roles of a user is in the next token.
exports.onExecutePostLogin = async (event, api) => {
  const claims = {
    'https://example.com/roles': event.authorization?.roles ?? [],
    'https://example.com/department': event.user.app_metadata.department ?? null,
    'https://example.com/refreshed': event.transaction?.protocol === 'oauth2-refresh-token',
  };
  for (const [name, value] of Object.entries(claims)) {
    api.idToken.setCustomClaim(name, value);
    api.accessToken.setCustomClaim(name, value);
  }
};
`,
  },
  {
    id: 'deny-audience',
    trigger: 'post-login',
    title: 'Refuse one API to some users',
    about: 'Only people marked in app_metadata get tokens for one API.',
    code: `// post-login. The refresh token survives a refusal: it is still good for other APIs.
exports.onExecutePostLogin = async (event, api) => {
  const isPayments = event.resource_server?.identifier === 'https://payments.example.com';
  const isTrusted = event.user.app_metadata.payments === true;
  if (isPayments && !isTrusted) {
    console.log('payments refused to', event.user.user_id);
    api.access.deny('Ask your administrator for access to payments.');
  }
};
`,
  },
  {
    id: 'progressive-profile',
    trigger: 'post-login',
    title: 'Ask for something that is missing, on a page of yours',
    about: 'Sends the browser to a page of yours and goes on with its answer. Takes the secret PROFILE_KEY.',
    code: `// post-login, with the secret PROFILE_KEY.
const PAGE = 'https://profile.example.com/complete';

exports.onExecutePostLogin = async (event, api) => {
  if (event.user.user_metadata.birthday || !api.redirect.canRedirect()) return;
  const session_token = api.redirect.encodeToken({
    secret: event.secrets.PROFILE_KEY,
    payload: { ask: 'birthday', name: event.user.name },
    expiresInSeconds: 300,
  });
  api.redirect.sendUserTo(PAGE, { query: { session_token } });
};

exports.onContinuePostLogin = async (event, api) => {
  let answer;
  try {
    answer = api.redirect.validateToken({ secret: event.secrets.PROFILE_KEY });
  } catch (error) {
    return api.access.deny(error.message);
  }
  if (!/^\\d{4}-\\d{2}-\\d{2}$/.test(answer.birthday ?? '')) return api.access.deny('A birthday is needed.');
  api.user.setUserMetadata('birthday', answer.birthday);
  api.idToken.setCustomClaim('birthdate', answer.birthday);
};
`,
  },
  {
    id: 'external-api',
    trigger: 'post-login',
    title: 'Ask another service, and remember the answer',
    about: 'Asks a service over https and remembers the answer. Takes the secrets CRM_URL and CRM_TOKEN.',
    code: `// post-login, with the secrets CRM_URL and CRM_TOKEN. A login does not wait for
// the service more than two seconds, and fails with it only when nothing is known.
exports.onExecutePostLogin = async (event, api) => {
  const key = \`tier:\${event.user.user_id}\`.slice(0, 64);
  let tier = api.cache.get(key)?.value;
  if (tier === undefined) {
    const url = new URL('/v1/customers', event.secrets.CRM_URL);
    url.searchParams.set('email', event.user.email);
    const response = await fetch(url, {
      headers: { authorization: \`Bearer \${event.secrets.CRM_TOKEN}\` },
      signal: AbortSignal.timeout(2000),
    });
    if (!response.ok) throw new Error(\`The customer service answered \${response.status}.\`);
    ({ tier } = await response.json());
    api.cache.set(key, tier, { ttl: 10 * 60 * 1000 });
  }
  api.accessToken.setCustomClaim('https://example.com/tier', tier);
};
`,
  },
  {
    id: 'block-sign-ups',
    trigger: 'pre-user-registration',
    title: 'Only people of some domains may sign up',
    about: 'Accounts for addresses of your own domains only.',
    code: `// pre-user-registration. The first text is for the log, the second for the user.
const DOMAINS = ['example.com', 'example.org'];

exports.onExecutePreUserRegistration = async (event, api) => {
  const domain = event.user.email?.split('@').pop().toLowerCase();
  if (!DOMAINS.includes(domain)) {
    return api.access.deny(\`sign-up from \${domain}\`, 'Sign up with your company address.');
  }
  api.user.setAppMetadata('domain', domain);
};
`,
  },
  {
    id: 'machine-claims',
    trigger: 'credentials-exchange',
    title: 'A claim for machines',
    about: 'A claim from the metadata of the application, and no token for one that is suspended.',
    code: `// credentials-exchange.
exports.onExecuteCredentialsExchange = async (event, api) => {
  if (event.client.metadata.suspended === 'true') {
    return api.access.deny('invalid_request', 'This application is suspended.');
  }
  api.accessToken.setCustomClaim('https://example.com/team', event.client.metadata.team ?? 'none');
};
`,
  },
];

/** A rule to begin with. */
export const ruleTemplate = `function addCountry(user, context, callback) {
  const namespace = configuration.NAMESPACE;
  if (context.protocol === 'oauth2-refresh-token' && user.app_metadata.blocked_refresh) {
    return callback(new UnauthorizedError('Log in again.'));
  }
  context.idToken[namespace + 'country'] = user.user_metadata.country || 'unknown';
  context.accessToken[namespace + 'country'] = user.user_metadata.country || 'unknown';
  callback(null, user, context);
}
`;
