// Code for applications, with their own values in it. Each snippet works as it stands: the tests run
// them. `settings` are {issuer, clientId, secret, audience, scope, callback, others}; `others` are
// the further APIs of the application's refresh tokens, {audience, scope}.

/** A text as a literal of JavaScript and of Python, good in a script element too. */
const literal = (text) => `'${JSON.stringify(String(text)).slice(1, -1)
  .replaceAll("'", String.raw`\'`).replaceAll(String.raw`\"`, '"').replaceAll('<', String.raw`\x3c`)}'`;

/** A text as one word of a shell. */
const shell = (text) => `'${String(text).replaceAll("'", String.raw`'\''`)}'`;

/** SDKs take a host for https, and otherwise the origin. */
const domainOf = ({ issuer }) => {
  const { protocol, host, origin } = new URL(issuer);
  return protocol === 'https:' ? host : origin;
};
const originOf = ({ issuer }) => new URL(issuer).origin;
const list = (...scopes) => scopes.filter(Boolean).join(' ');

/** What the options of the browser SDKs have in common, indented by `indent`. */
function parameters(settings, indent, scopes = 'profile email') {
  const { callback, audience, scope, others = [] } = settings;
  const single = literal(list(scopes, audience && scope));
  const byApi = others.length === 0 ? single
    : `{\n${indent}    default: ${single},\n${others.map((one) => `${indent}    ${literal(one.audience)}: ${literal(scopes)},\n`).join('')}${indent}  }`;
  return [
    `redirect_uri: ${literal(callback)},`,
    audience && `audience: ${literal(audience)},`,
    `scope: ${byApi},`,
  ].filter(Boolean).map((line) => `${indent}  ${line}`).join('\n');
}

function spaJs(settings) {
  const { others = [] } = settings;
  const also = others.map(({ audience, scope }, i) => `
  // The same login, for another API: no redirect, no second login.
  const other${i + 1} = await client.getTokenSilently({
    authorizationParams: { audience: ${literal(audience)}, scope: ${literal(scope)} },
  });
  show(${literal(`A token for ${audience}`)}, other${i + 1});`).join('');
  return `<!doctype html>
<meta charset="utf-8">
<title>My application</title>
<script src="https://cdn.auth0.com/js/auth0-spa-js/2.27/auth0-spa-js.production.js"></script>
<button id="login">Log in</button>
<button id="logout">Log out</button>
<pre id="shown"></pre>
<script type="module">
const client = await auth0.createAuth0Client({
  domain: ${literal(domainOf(settings))},
  clientId: ${literal(settings.clientId)},
  useRefreshTokens: true,${others.length > 0 ? '\n  useMrrt: true,' : ''}
  authorizationParams: {
${parameters(settings, '  ')}
  },
});
const show = (name, value) => document.querySelector('#shown').append(name, ': ', value, '\\n');
document.querySelector('#login').onclick = () => client.loginWithRedirect();
document.querySelector('#logout').onclick = () => client.logout({ logoutParams: { returnTo: ${literal(new URL('/', settings.callback).href)} } });

if (/[?&](code|error)=/.test(location.search)) {
  await client.handleRedirectCallback().finally(() => history.replaceState(null, '', location.pathname));
}
if (await client.isAuthenticated()) {
  show('Logged in as', (await client.getUser()).email);
  const token = await client.getTokenSilently();
  show(${literal(settings.audience ? `A token for ${settings.audience}` : 'Access token')}, token);${also}
}
</script>
`;
}

function react(settings) {
  const { others: [other] = [] } = settings;
  const ask = other ? `getAccessTokenSilently({
    authorizationParams: { audience: ${literal(other.audience)}, scope: ${literal(other.scope)} },
  })` : 'getAccessTokenSilently()';
  return `import { useState } from 'react';
import { createRoot } from 'react-dom/client';
import { Auth0Provider, useAuth0 } from '@auth0/auth0-react';

function App() {
  const { user, isLoading, loginWithRedirect, logout, getAccessTokenSilently } = useAuth0();
  const [token, setToken] = useState('');
  if (isLoading) return <p>Loading…</p>;
  if (!user) return <button onClick={() => loginWithRedirect()}>Log in</button>;
  const ask = async () => setToken(await ${ask});
  return (
    <>
      <p>Logged in as {user.email}</p>
      <button onClick={ask}>Get a token${other ? ' for another API' : ''}</button>
      <button onClick={() => logout({ logoutParams: { returnTo: location.origin } })}>Log out</button>
      <pre>{token}</pre>
    </>
  );
}

createRoot(document.getElementById('root')).render(
  <Auth0Provider
    domain=${JSON.stringify(domainOf(settings))}
    clientId=${JSON.stringify(settings.clientId)}
    useRefreshTokens${other ? '\n    useMrrt' : ''}
    authorizationParams={{
${parameters(settings, '    ')}
    }}
  >
    <App />
  </Auth0Provider>,
);
`;
}

const expressCallback = (callback) => {
  const { origin, pathname } = new URL(callback);
  return { origin, path: pathname };
};

function express(settings) {
  const { origin, path } = expressCallback(settings.callback);
  const port = new URL(origin).port || '3000';
  return `// npm install express express-openid-connect
import express from 'express';
import login from 'express-openid-connect';

const app = express();
app.use(login.auth({
  issuerBaseURL: ${literal(originOf(settings))},
  baseURL: ${literal(origin)},
  clientID: ${literal(settings.clientId)},
  clientSecret: ${literal(settings.secret)},
  // Encrypts the session cookie: any long random text of your own.
  secret: process.env.COOKIE_SECRET,
  authRequired: false,
  idpLogout: true,
  routes: { callback: ${literal(path)} },
  authorizationParams: {
    response_type: 'code',${settings.audience ? `\n    audience: ${literal(settings.audience)},` : ''}
    scope: ${literal(list('openid profile email offline_access', settings.audience && settings.scope))},
  },
}));

app.get('/', login.requiresAuth(), (request, response) => {
  response.json({ user: request.oidc.user, token: request.oidc.accessToken.access_token });
});

app.listen(${port});
`;
}

function openidClient(settings) {
  const { callback, audience, others: [other] = [] } = settings;
  const { origin, path } = expressCallback(callback);
  const plain = originOf(settings).startsWith('http:');
  return `// npm install openid-client
import { createServer } from 'node:http';
import * as client from 'openid-client';

const config = await client.discovery(new URL(${literal(settings.issuer)}), ${literal(settings.clientId)}, ${literal(settings.secret)}${plain ? `, undefined, {
  execute: [client.allowInsecureRequests],
}` : ''});
const logins = new Map();

createServer(async (request, response) => {
  const url = new URL(request.url, ${literal(origin)});
  if (url.pathname !== ${literal(path)} || !url.search) {
    const [verifier, state] = [client.randomPKCECodeVerifier(), client.randomState()];
    logins.set(state, verifier);
    const to = client.buildAuthorizationUrl(config, {
      redirect_uri: ${literal(callback)},${audience ? `\n      audience: ${literal(audience)},` : ''}
      scope: ${literal(list('openid profile email offline_access', audience && settings.scope))},
      code_challenge: await client.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      state,
    });
    response.writeHead(302, { Location: to.href }).end();
    return;
  }
  const state = url.searchParams.get('state');
  const tokens = await client.authorizationCodeGrant(config, url, {
    pkceCodeVerifier: logins.get(state),
    expectedState: state,
  });
  logins.delete(state);${other ? `
  // The same login, for another API.
  const other = await client.refreshTokenGrant(config, tokens.refresh_token, {
    audience: ${literal(other.audience)},
    scope: ${literal(other.scope)},
  });` : ''}
  response.end(JSON.stringify({ user: tokens.claims(), token: tokens.access_token${other ? ', other: other.access_token' : ''} }));
}).listen(${new URL(origin).port || '3000'});
`;
}

function curl(settings) {
  return `curl --fail-with-body --silent --show-error ${shell(`${originOf(settings)}/oauth/token`)} \\
  --data-urlencode 'grant_type=client_credentials' \\
  --data-urlencode ${shell(`client_id=${settings.clientId}`)} \\
  --data-urlencode ${shell(`client_secret=${settings.secret}`)} \\
  --data-urlencode ${shell(`audience=${settings.audience}`)}
`;
}

function pythonMachine(settings) {
  return `import json
from urllib.parse import urlencode
from urllib.request import urlopen

answer = urlopen(${literal(`${originOf(settings)}/oauth/token`)}, urlencode({
    'grant_type': 'client_credentials',
    'client_id': ${literal(settings.clientId)},
    'client_secret': ${literal(settings.secret)},
    'audience': ${literal(settings.audience)},
}).encode())
token = json.load(answer)['access_token']
print(token)
`;
}

function native(settings) {
  const origin = originOf(settings);
  return `Issuer (discovery)      ${settings.issuer}
Authorization endpoint  ${origin}/authorize
Token endpoint          ${origin}/oauth/token
End session endpoint    ${origin}/oidc/logout
Client ID               ${settings.clientId}
Client secret           none: PKCE with S256
Redirect URI            ${settings.callback}
Scopes                  ${list('openid profile email offline_access', settings.audience && settings.scope)}
${settings.audience ? `Additional parameter    audience=${settings.audience}\n` : ''}`;
}

function device(settings) {
  const scope = list('openid profile email offline_access', settings.audience && settings.scope);
  return `# Shows the code that people confirm; ask /oauth/token for the tokens until they have.
curl --silent ${shell(`${originOf(settings)}/oauth/device/code`)} \\
  --data-urlencode ${shell(`client_id=${settings.clientId}`)} \\
  --data-urlencode ${shell(`scope=${scope}`)}${settings.audience ? ` \\
  --data-urlencode ${shell(`audience=${settings.audience}`)}` : ''}
`;
}

/** What there is for each kind: `{id, title, about, callback, text(settings)}`; `callback` is where it usually runs. */
export const SNIPPETS = {
  spa: [
    { id: 'spa-js', title: 'JavaScript (auth0-spa-js)',
      about: 'A whole page: save it as index.html and serve it where the callback URL leads.',
      callback: 'http://localhost:3000/', text: spaJs },
    { id: 'react', title: 'React (auth0-react)',
      about: 'After npm install @auth0/auth0-react. The main file of the application.',
      callback: 'http://localhost:3000/', text: react },
  ],
  regular_web: [
    { id: 'express', title: 'Express (express-openid-connect)',
      about: 'A whole server. Start it with COOKIE_SECRET in its environment.',
      callback: 'http://localhost:3000/callback', text: express },
    { id: 'openid-client', title: 'Node.js (openid-client)',
      about: 'A whole server, with nothing but a certified library.',
      callback: 'http://localhost:3000/callback', text: openidClient },
  ],
  native: [
    { id: 'values', title: 'Values for AppAuth and other libraries',
      about: 'What libraries for iOS, Android and the desktop ask for.',
      callback: 'com.example.app://callback', text: native },
    { id: 'device', title: 'Device code (curl)',
      about: 'For devices without a browser or a keyboard.',
      callback: 'com.example.app://callback', text: device },
  ],
  non_interactive: [
    { id: 'curl', title: 'curl', about: 'Prints an access token for the API.', text: curl },
    { id: 'python', title: 'Python', about: 'With the standard library.', text: pythonMachine },
  ],
};

/** Placed where the secret belongs, until somebody asks for it. */
export const SECRET = 'YOUR_CLIENT_SECRET';
