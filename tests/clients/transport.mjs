// Over what the tests talk: DOORWARD_TRANSPORT=http, the default, or https with a certificate of
// Doorward's own making. A browser sends a session cookie into a frame only if the application and
// the server share scheme and host name, so the application follows the server.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { access, readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import nodeTls from 'node:tls';

const transport = process.env.DOORWARD_TRANSPORT ?? 'http';
if (!['http', 'https'].includes(transport)) throw new Error(`DOORWARD_TRANSPORT: ${transport}`);

/** Whether the tests talk over https. */
export const tls = transport === 'https';

const authorities = [];

/** Waits for the authority that a started Doorward writes, and lets this process trust it. */
export async function trustAuthorityOf({ folder, child, log }) {
  const path = join(folder, 'ca.pem');
  for (let tries = 0; tries < 600 && child.exitCode === null; tries += 1) {
    if (await access(path).then(() => true, () => false)) {
      trust(await readFile(path, 'utf8'));
      return;
    }
    await sleep(50);
  }
  throw new Error(`doorward wrote no ca.pem\n${log()}`);
}

/**
 * Adds an authority to those that Node trusts by itself. NODE_EXTRA_CA_CERTS does that too, but is
 * read when Node starts, and the server makes its authority later.
 */
function trust(authority) {
  authorities.push(authority);
  if (authorities.length > 1) return;
  const { createSecureContext } = nodeTls;
  nodeTls.createSecureContext = (options) => {
    const made = createSecureContext(options);
    for (const one of authorities) made.context.addCACert(one);
    return made;
  };
}

/** A web server of an application. Only the browser talks to it, and takes its certificate as it is. */
export function serverFor(handler) {
  return tls ? createTlsServer(certificate(), handler) : createServer(handler);
}

let made;
function certificate() {
  if (made) return made;
  const folder = mkdtempSync(join(tmpdir(), 'doorward-certificate-'));
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256',
    '-nodes', '-days', '2', '-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1',
    '-keyout', key, '-out', cert], { stdio: 'ignore' });
  made = { key: readFileSync(key), cert: readFileSync(cert) };
  rmSync(folder, { recursive: true });
  return made;
}
