// The stage of the tests with SDKs that live in browsers: a server, three APIs that check what they
// are sent, an application on an origin of its own, a browser, and people.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import express from 'express';
import { auth } from 'express-oauth2-jwt-bearer';
import { freshPage, launch, logIn } from './browser.mjs';
import { management, startApplication, startDoorward } from './server.mjs';

const installed = createRequire(import.meta.url);
/** The unmodified SDK; it makes the global `auth0`. */
export const SPA_JS = installed.resolve('@auth0/auth0-spa-js/dist/auth0-spa-js.production.js');

// The page makes its client from what the test has left for it, after every redirect again.
const PAGE = `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><title>Application</title>
<script src="/sdk.js"></script>
<script>const options = JSON.parse(localStorage.getItem('application')); if (options) window.client = new auth0.Auth0Client(options);</script>`;

const THIRD = { name: 'Third API', audience: 'https://third.example/', scope: 'read:third' };

/** What people grant at every login, before the scopes of APIs. */
export const BASE = 'openid profile email offline_access';

export const policiesOf = (apis) => apis.map(({ audience, scope }) => ({ audience, scope: scope.split(' ') }));

/** Sets the stage; `stop()` clears it. `config` is a configuration file for the server. */
export async function setStage({ config, page = PAGE, files = { '/sdk.js': SPA_JS } } = {}) {
  const stoppers = [];
  const stop = async () => {
    while (stoppers.length > 0) await stoppers.pop()();
  };
  try {
    const doorward = await startDoorward({ config });
    stoppers.push(doorward.stop);
    const application = await startApplication(page, files);
    stoppers.push(application.stop);
    const browser = await launch();
    stoppers.push(() => browser.close());
    const stage = new Stage(doorward, application.origin, browser, stop);
    await stage.addApi(THIRD);
    stage.apis = [...doorward.apis, THIRD];
    stoppers.push(await stage.startResourceServers());
    return stage;
  } catch (error) {
    await stop();
    throw error;
  }
}

class Stage {
  constructor(doorward, origin, browser, stop) {
    Object.assign(this, { doorward, origin, browser, stop });
    this.issuer = doorward.issuer;
    this.user = doorward.user;
    this.call = management(doorward);
  }

  async addApi({ name, audience, scope, ...more }) {
    return this.call('POST', 'resource-servers', {
      name, identifier: audience, allow_offline_access: true,
      scopes: scope.split(' ').map((value) => ({ value })), ...more,
    });
  }

  async startResourceServers() {
    const app = express();
    this.apis.forEach(({ audience }, i) => {
      app.get(`/${i}`, auth({ issuerBaseURL: this.issuer, audience }),
        (request, response) => response.json(request.auth.payload));
    });
    app.use((error, request, response, next) => {
      if (response.headersSent) return next(error);
      return response.status(error.status ?? 500).json({ error: error.code, message: error.message });
    });
    const server = app.listen(0, '127.0.0.1');
    await once(server, 'listening');
    this.resourceServers = `http://127.0.0.1:${server.address().port}`;
    return () => { server.closeAllConnections(); server.close(); };
  }

  /** The API takes the token and finds its scopes in it; every other API refuses it. */
  async assertServes(token, wanted) {
    let claims;
    for (const [i, api] of this.apis.entries()) {
      const response = await fetch(`${this.resourceServers}/${i}`, { headers: { Authorization: `Bearer ${token}` } });
      const body = await response.json();
      if (api.audience === wanted.audience) {
        assert.equal(response.status, 200, JSON.stringify(body));
        claims = body;
      } else {
        assert.equal(response.status, 401, `${api.name} took a token for ${wanted.name}`);
      }
    }
    const scopes = claims.scope.split(' ');
    for (const scope of wanted.scope.split(' ')) assert.ok(scopes.includes(scope), `${wanted.name}: ${scope}`);
    for (const other of this.apis.filter((api) => api.audience !== wanted.audience)) {
      for (const scope of other.scope.split(' ')) assert.ok(!scopes.includes(scope), `${wanted.name}: ${scope}`);
    }
    return claims;
  }

  /** A client for the application, with refresh tokens for every API. Returns its id. */
  async register({ refresh_token, ...more } = {}) {
    const { client_id } = await this.call('POST', 'clients', {
      name: 'Application with auth0-spa-js',
      app_type: 'spa',
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'],
      callbacks: [this.origin],
      web_origins: [this.origin],
      allowed_logout_urls: [`${this.origin}/bye`],
      refresh_token: {
        rotation_type: 'rotating', expiration_type: 'expiring', leeway: 10, policies: policiesOf(this.apis), ...refresh_token,
      },
      ...more,
    });
    return client_id;
  }

  /** A person of one's own. */
  async addUser(more = {}) {
    const name = randomBytes(6).toString('hex');
    const user = { email: `${name}@example.com`, password: `a long password of ${name}` };
    const created = await this.call('POST', 'users', { connection: 'Username-Password-Authentication', ...user, ...more });
    return { ...user, user_id: created.user_id };
  }

  change(user, body) {
    return this.call('PATCH', `users/${encodeURIComponent(user.user_id)}`, body);
  }

  /**
   * What the application passes to the SDK: refresh tokens for many APIs, logging in for the first.
   * The scopes of each API, and `default` for the login.
   */
  options(clientId, { authorizationParams, ...more } = {}) {
    const [first] = this.apis;
    const scope = { default: `${BASE} ${first.scope}` };
    for (const api of this.apis) scope[api.audience] = `${BASE} ${api.scope}`;
    return {
      domain: this.issuer.replace(/\/$/, ''),
      clientId,
      useRefreshTokens: true,
      useMrrt: true,
      cacheLocation: 'localstorage',
      ...more,
      authorizationParams: { redirect_uri: this.origin, audience: first.audience, scope, ...authorizationParams },
    };
  }

  /** A fresh profile with the application open in it, logged in to nothing. */
  async visit(options, browserOptions = {}) {
    const page = await freshPage(this.browser, browserOptions);
    const visit = new Visit(this, page);
    await visit.open(options);
    return visit;
  }

  /** The same as somebody who has logged in to the server before, in another application. */
  async visitWithSession(options, user = this.user) {
    this.sessions ??= new Map();
    if (!this.sessions.has(user.email)) this.sessions.set(user.email, this.#sessionOf(user));
    return this.visit(options, { storageState: await this.sessions.get(user.email) });
  }

  async #sessionOf(user) {
    const visit = await this.visit(this.options(await this.register()));
    await visit.logIn({ user });
    const { cookies } = await visit.page.context().storageState();
    await visit.close();
    return { cookies: cookies.filter(({ name }) => /doorward/.test(name)), origins: [] };
  }
}

/** A browser profile with the application in it. */
class Visit {
  /** What the application has sent to the token endpoint. */
  sent = [];
  /** The addresses at the server that the browser has been sent to. */
  authorized = [];

  constructor(stage, page) {
    this.stage = stage;
    this.page = page;
    page.context().on('request', (request) => {
      const { origin, pathname, searchParams } = new URL(request.url());
      if (`${origin}/` !== stage.issuer) return;
      if (pathname === '/authorize') this.authorized.push(Object.fromEntries(searchParams));
      if (pathname !== '/oauth/token' || request.method() !== 'POST') return;
      const body = request.postData() ?? '';
      this.sent.push(body.startsWith('{') ? JSON.parse(body) : Object.fromEntries(new URLSearchParams(body)));
    });
  }

  async open(options, page = this.page) {
    this.options = options;
    await page.goto(this.stage.origin);
    await page.evaluate((text) => localStorage.setItem('application', text), JSON.stringify(options));
    await page.reload();
  }

  close() {
    return this.page.context().close();
  }

  /** Calls `action(argument)` in the page, where `client` is the SDK. */
  run(action, argument) {
    return this.page.evaluate(action, argument);
  }

  /** The same where the SDK must refuse: its error class, `error` and `error_description`. */
  async refusal(action, argument) {
    const outcome = await this.page.evaluate(async ([source, passed]) => {
      try {
        return { value: await (0, eval)(`(${source})`)(passed) };
      } catch (error) {
        const name = Object.keys(auth0).find((one) => one.endsWith('Error') && auth0[one] === error.constructor);
        return {
          refused: {
            name: name ?? error.name, error: error.error, description: error.error_description ?? error.message,
            ...(error.appState && { appState: error.appState }),
          },
        };
      }
    }, [action.toString(), argument]);
    assert.ok(outcome.refused, `refused, not ${JSON.stringify(outcome.value)}`);
    assert.notEqual(outcome.refused.description, 'Failed to fetch');
    return outcome.refused;
  }

  /** Sends the browser to the server, to log in. */
  async leave(options = {}) {
    // Not awaited: the redirect destroys the page before the call could answer.
    await this.page.evaluate((passed) => { client.loginWithRedirect(passed); }, options);
  }

  /** A whole login by redirect; with `user` through the login page. Returns what the SDK says. */
  async logIn({ user, ...options } = {}) {
    await this.leave({ appState: { seen: 7 }, ...options });
    if (user) await logIn(this.page, user);
    return this.comeBack();
  }

  /** The answer of the server arrives in the application. */
  async comeBack() {
    await this.page.waitForURL((url) => url.origin === this.stage.origin && url.searchParams.has('state'));
    await this.page.waitForLoadState();
    const result = await this.run(async () => {
      const { appState } = await client.handleRedirectCallback();
      history.replaceState(null, '', '/');
      return { appState, user: await client.getUser(), claims: await client.getIdTokenClaims() };
    });
    assert.ok(result.user.sub);
    return result;
  }

  /** A token for an API. `more` is passed on to the SDK. */
  token({ audience, scope }, more = {}) {
    return this.run(([passed]) => client.getTokenSilently(passed),
      [{ ...more, authorizationParams: { audience, ...(more.scope && { scope: more.scope }) } }]);
  }

  /** The refresh tokens in local storage, by audience. */
  async refreshTokens() {
    return this.run(() => Object.fromEntries(Object.entries(localStorage)
      .filter(([key]) => key.startsWith('@@auth0spajs@@') && !key.endsWith('@@user@@'))
      .map(([, text]) => JSON.parse(text).body)
      .map((body) => [body.audience, body.refresh_token])));
  }

  /** The cookie by which the SDK remembers that somebody is logged in. */
  async isRemembered() {
    const cookies = await this.page.context().cookies(this.stage.origin);
    return cookies.some(({ name }) => name === `auth0.${this.options.clientId}.is.authenticated`);
  }
}
