// Starts what the tests talk to: Doorward itself, and the web server of a foreign application.

import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { serverFor, tls, trustAuthorityOf } from './transport.mjs';

const START_DEADLINE = 30_000;
const STOP_DEADLINE = 15_000;

export async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}

/** A database of its own on the cluster of `TEST_POSTGRES_URL`, made with psql. */
async function freshPostgres(url) {
  const name = `doorward_clients_${process.pid}_${randomBytes(6).toString('hex')}`;
  const sql = async (statement) => {
    const psql = spawn('psql', ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', url, '-c', statement],
      { stdio: ['ignore', 'inherit', 'inherit'] });
    const [code] = await once(psql, 'exit');
    if (code !== 0) throw new Error(`psql failed: ${statement}`);
  };
  await sql(`CREATE DATABASE ${name}`);
  const own = new URL(url);
  own.pathname = `/${name}`;
  return { url: own.href, drop: () => sql(`DROP DATABASE ${name} WITH (FORCE)`) };
}

/**
 * `doorward quickstart` in a folder of its own, on a free port, ready to be used. Returns what
 * quickstart.json says, `issuer`, `folder`, `log()` (what the server printed) and `stop()`.
 */
export async function startDoorward({ config } = {}) {
  const doorward = await launchDoorward({ config, tls });
  try {
    if (tls) await trustAuthorityOf(doorward);
    await ready(`${doorward.issuer}health/ready`, doorward.child);
    return { ...await quickstart(doorward.folder), ...doorward };
  } catch (error) {
    await doorward.stop();
    throw new Error(`doorward quickstart did not start: ${error.message}\n${doorward.log()}`);
  }
}

/** The credentials that a started `doorward quickstart` has written into its folder. */
export async function quickstart(folder) {
  return JSON.parse(await readFile(join(folder, 'quickstart.json'), 'utf8'));
}

/**
 * The same, not yet ready: `child` is the process. `config` is the text of a configuration file;
 * with `tls` the server has a certificate of its own making, whose authority is `ca.pem` in the
 * folder. With `serve` it is `doorward serve` instead, a server on which nobody has made anything yet;
 * `bootstrap`, the id and secret of a machine client, implies it.
 */
export async function launchDoorward({ config, bootstrap, serve = Boolean(bootstrap), tls = false } = {}) {
  const binary = process.env.DOORWARD_BIN;
  if (!binary) throw new Error('DOORWARD_BIN must name the doorward binary under test');
  const folder = await mkdtemp(join(tmpdir(), 'doorward-clients-'));
  const port = await freePort();
  const issuer = `http${tls ? 's' : ''}://127.0.0.1:${port}/`;
  const postgres = process.env.TEST_POSTGRES_URL
    ? await freshPostgres(process.env.TEST_POSTGRES_URL) : undefined;

  const env = {
    PATH: process.env.PATH,
    DOORWARD_LISTEN: `127.0.0.1:${port}`,
    DOORWARD_ISSUER: issuer,
    DOORWARD_DATA_DIR: folder,
    ...(tls && { DOORWARD_TLS: 'self-signed' }),
    // With Postgres there may be replicas, so the server wants to be told the key they share.
    ...(postgres && {
      DOORWARD_DATABASE_URL: postgres.url,
      DOORWARD_MASTER_KEY: randomBytes(32).toString('hex'),
    }),
    ...(bootstrap && {
      DOORWARD_BOOTSTRAP_CLIENT_ID: bootstrap.client_id,
      DOORWARD_BOOTSTRAP_CLIENT_SECRET: bootstrap.client_secret,
    }),
    ...(process.env.DOORWARD_LOG && { DOORWARD_LOG: process.env.DOORWARD_LOG }),
  };
  if (config) {
    env.DOORWARD_CONFIG = join(folder, 'doorward.toml');
    await writeFile(env.DOORWARD_CONFIG, config);
  }
  // What quickstart does by itself is a step of its own when there may be replicas.
  if (serve && postgres) {
    const [code] = await once(spawn(binary, ['migrate'], { cwd: folder, env, stdio: 'ignore' }), 'exit');
    if (code !== 0) throw new Error(`doorward migrate ended with ${code}`);
  }
  const child = spawn(binary, [serve ? 'serve' : 'quickstart'], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => { output += text; });
  }
  const exited = once(child, 'exit');
  const log = () => output;

  const stop = async () => {
    child.kill('SIGTERM');
    const late = setTimeout(() => child.kill('SIGKILL'), STOP_DEADLINE);
    await exited;
    clearTimeout(late);
    await postgres?.drop();
    await rm(folder, { recursive: true, force: true });
  };
  return { issuer, folder, env, child, log, stop };
}

/** Waits until `url` answers as expected, unless the process behind it has ended. */
export async function ready(url, child, expected = 200) {
  const deadline = Date.now() + START_DEADLINE;
  while (Date.now() < deadline) {
    if (child && child.exitCode !== null) throw new Error(`it exited with ${child.exitCode}`);
    const response = await fetch(url).catch(() => undefined);
    if (response?.status === expected) return;
    await sleep(50);
  }
  throw new Error(`${url} did not answer ${expected} within ${START_DEADLINE} ms`);
}

/** A web server on another origin: one HTML page, or what makes it, and files under the names given. */
export async function startApplication(html, files = {}) {
  const server = serverFor(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://x');
    const file = files[pathname];
    response.setHeader('Content-Type', file ? 'text/javascript' : 'text/html');
    response.end(file ? await readFile(file) : typeof html === 'function' ? html() : html);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `${tls ? 'https' : 'http'}://127.0.0.1:${server.address().port}`;
  const stop = async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  };
  return { origin, stop };
}

/** Calls the Management API of a started Doorward as its seeded machine client. */
export function management({ issuer, management: machine }) {
  let token;
  const authorize = async () => {
    const response = await fetch(`${issuer}oauth/token`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({
        grant_type: 'client_credentials',
        client_id: machine.client_id,
        client_secret: machine.client_secret,
        audience: `${issuer}api/v2/`,
      }),
    });
    const body = await response.json();
    if (!response.ok) throw new Error(`no management token: ${JSON.stringify(body)}`);
    return body.access_token;
  };
  return async (method, path, body) => {
    token ??= await authorize();
    const response = await fetch(`${issuer}api/v2/${path}`, {
      method,
      headers: {
        Authorization: `Bearer ${token}`,
        ...(body && { 'Content-Type': 'application/json' }),
      },
      body: body && JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text ? JSON.parse(text) : undefined;
  };
}
