import express from 'express';
import login from 'express-openid-connect';
import { auth, requiredScopes } from 'express-oauth2-jwt-bearer';

const [issuerBaseURL, audience] = ['http://127.0.0.1:8484', 'https://orders.example/'];
const app = express().use(login.auth({ issuerBaseURL, baseURL: 'http://127.0.0.1:3000', authRequired: false, idpLogout: true,
  clientID: 'YOUR_CLIENT_ID', clientSecret: 'YOUR_CLIENT_SECRET', secret: 'YOUR_COOKIE_SECRET',
  authorizationParams: { response_type: 'code', audience, scope: 'openid email offline_access read:orders' } }));
app.get('/', login.requiresAuth(), async ({ oidc: { user, accessToken } }, response) => {
  const answer = await fetch('http://127.0.0.1:3000/orders', { headers: { Authorization: `Bearer ${accessToken.access_token}` } });
  response.json({ email: user.email, orders: await answer.json() });
});
app.get('/orders', auth({ issuerBaseURL, audience }), requiredScopes('read:orders'), (request, response) => response.json([`of ${request.auth.payload.sub}`]));
app.listen(3000, '127.0.0.1');
