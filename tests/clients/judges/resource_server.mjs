// The APIs that check the access tokens of all judges: Express with express-oauth2-jwt-bearer.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import express from 'express';
import { auth } from 'express-oauth2-jwt-bearer';

/** Starts an API for each audience; `urls` says where, by audience. */
export async function startResourceServers(issuer, audiences) {
  const app = express();
  audiences.forEach((audience, i) => {
    app.get(`/api${i}`, auth({ issuerBaseURL: issuer, audience }),
      (request, response) => response.json(request.auth.payload));
  });
  app.use((error, request, response, next) => {
    if (response.headersSent) return next(error);
    return response.status(error.status ?? 500).json({ error: error.code, message: error.message });
  });
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${server.address().port}`;
  return {
    urls: Object.fromEntries(audiences.map((audience, i) => [audience, `${origin}/api${i}`])),
    stop() { server.closeAllConnections(); server.close(); },
  };
}

/** Asserts that this API takes the token, with these scopes, and that every other API refuses it. */
export async function serves({ resourceServers }, token, audience, scope = '') {
  const call = (url) => fetch(url, { headers: { Authorization: `Bearer ${token}` } });
  let claims;
  for (const [name, url] of Object.entries(resourceServers)) {
    const response = await call(url);
    const body = await response.json();
    if (name === audience) {
      assert.equal(response.status, 200, JSON.stringify(body));
      claims = body;
    } else {
      assert.equal(response.status, 401, `${name} took a token for ${audience}`);
      assert.equal(body.error, 'invalid_token');
    }
  }
  const granted = claims.scope?.split(' ') ?? [];
  for (const wanted of scope.split(' ').filter(Boolean)) assert.ok(granted.includes(wanted), `${wanted} in ${granted}`);
  return claims;
}
