// The quick start for Express as it stands, with our addresses and ids in it.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { freePort, management, ready } from '../server.mjs';
import { addApplication, stage } from './cast.mjs';
import { Visitor } from './visitor.mjs';

const { server } = stage();
const clients = fileURLToPath(new URL('..', import.meta.url));
const source = readFileSync(new URL('../quickstarts/express.mjs', import.meta.url), 'utf8');

test('the quick start for Express has at most ten lines of application code', () => {
  const lines = source.split('\n').filter((line) => line.trim() && !line.startsWith('import '));
  assert.ok(lines.length <= 10, `${lines.length} lines`);
});

test('the quick start for Express logs in, calls its API, and logs out', async (t) => {
  const orders = { identifier: 'https://orders.example/', scopes: [{ value: 'read:orders' }] };
  await management(server)('POST', 'resource-servers', { name: 'Orders', allow_offline_access: true, ...orders })
    // The server of the stage may have it: it is one of those that `doorward quickstart` makes.
    .catch((error) => assert.match(error.message, /: 409 /));
  const origin = `http://127.0.0.1:${await freePort()}`;
  const { client_id, client_secret } = await addApplication(server, {
    app_type: 'regular_web', callbacks: [`${origin}/callback`], allowed_logout_urls: [origin],
  });
  const program = source
    .replaceAll('http://127.0.0.1:3000', origin).replace('3000', new URL(origin).port)
    .replace('http://127.0.0.1:8484', server.issuer.slice(0, -1))
    .replace('YOUR_CLIENT_ID', client_id).replace('YOUR_CLIENT_SECRET', client_secret);
  // From stdin, where it finds the packages of the folder that it is started in.
  const child = spawn(process.execPath, ['--input-type=module'], { cwd: clients, stdio: ['pipe', 'inherit', 'inherit'] });
  t.after(() => child.kill());
  child.stdin.end(program);
  await ready(`${origin}/nothing-is-here`, child, 404);
  const visitor = new Visitor();
  const { callback: authorize } = await visitor.follow(origin);
  const { callback } = await visitor.visit(authorize, server.user);
  const { html } = await visitor.follow(callback);
  assert.deepEqual(JSON.parse(html), { email: server.user.email, orders: [`of ${server.user.user_id}`] });

  const { callback: logout } = await visitor.follow(`${origin}/logout`);
  assert.equal((await visitor.follow(logout)).callback.href, `${origin}/`);
  const { callback: again } = await visitor.follow(origin);
  assert.equal(new URL((await visitor.follow(again)).url).pathname, '/u/login');
});
