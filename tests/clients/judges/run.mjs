// Starts Doorward over one transport and lets all judges of that transport have their say:
//   node judges/run.mjs http|https [a part of the names of judges]
// With TEST_POSTGRES_URL on Postgres, else on the embedded database.

import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { access, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { launchDoorward } from '../server.mjs';

const [transport = 'http', only = ''] = process.argv.slice(2);
const tls = transport === 'https';

// Statuses as the standard has them over one transport, as Auth0 has them over the other: no SDK
// may depend on which.
const errorStatus = tls ? 'auth0' : 'rfc';
const config = (code_lifetime) => `
[oauth]
error_status = "${errorStatus}"
code_lifetime = ${code_lifetime}

# The judges wait on loopback addresses to be told of a log out.
[outbound]
allow_private = true
`;

async function authorityOf({ folder, child, log }) {
  const path = join(folder, 'ca.pem');
  for (let tries = 0; tries < 600; tries += 1) {
    if (child.exitCode !== null) break;
    if (await access(path).then(() => true, () => false)) return path;
    await sleep(50);
  }
  throw new Error(`doorward wrote no ca.pem\n${log()}`);
}

const servers = [];
try {
  // The second server's codes live for a second: nobody wants to wait for a minute.
  servers.push(await launchDoorward({ tls, config: config(60) }));
  servers.push(await launchDoorward({ tls, config: config(1) }));
  // Two on which nobody has made anything, with the same machine client as two stages of one product
  // have: what is exported from one is imported into the other. And one more, for whoever revokes
  // signing keys or counts what there is. What uses them speaks https only. The last is for Actions, which
  // concern everybody who logs in.
  const bootstrap = { client_id: 'deployer', client_secret: randomBytes(32).toString('hex') };
  for (let i = tls ? 0 : 3; i < 4; i += 1) servers.push({ ...await launchDoorward({ tls, bootstrap }), bootstrap });
  const trust = {};
  if (tls) {
    const paths = await Promise.all(servers.map(authorityOf));
    const both = await Promise.all(paths.map((path) => readFile(path, 'utf8')));
    const file = join(servers[0].folder, 'authorities.pem');
    await writeFile(file, both.join('\n'));
    // Node, requests and the ssl module of Python.
    Object.assign(trust, { NODE_EXTRA_CA_CERTS: file, REQUESTS_CA_BUNDLE: file, SSL_CERT_FILE: file });
  }
  // Node reads the authorities it trusts when it starts, so what follows is a process of its own.
  const session = spawn(process.execPath, [fileURLToPath(new URL('session.mjs', import.meta.url))], {
    stdio: 'inherit',
    env: {
      ...process.env,
      ...trust,
      JUDGES: JSON.stringify({
        transport, only, errorStatus, servers: servers.map(({ issuer, folder, bootstrap }) => ({ issuer, folder, bootstrap })),
      }),
    },
  });
  const [code] = await once(session, 'exit');
  for (const { issuer, child, log } of servers) {
    // A server that ends by itself is a failure of its own, and the reason of those that follow it.
    if (child.exitCode === null && child.signalCode === null) continue;
    process.exitCode = 1;
    console.error(`the server at ${issuer} ended by itself: ${child.signalCode ?? child.exitCode}\n${log()}`);
  }
  if (code !== 0) {
    process.exitCode = 1;
    if (process.env.DOORWARD_LOG) console.error(servers.map(({ log }) => log()).join('\n'));
  }
} finally {
  await Promise.all(servers.map((server) => server.stop()));
}
