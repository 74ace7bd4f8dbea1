// What people find in their mailboxes: the messages that a server without a mail server writes to files.

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const DEADLINE = 10_000;

/** Waits for the newest message to an address of which `matches` finds something. Returns the text. */
export async function mailTo({ folder }, address, matches) {
  const deadline = Date.now() + DEADLINE;
  while (Date.now() < deadline) {
    const outbox = join(folder, 'outbox');
    const names = (await readdir(outbox).catch(() => [])).filter((name) => name.endsWith('.eml'));
    for (const name of names.sort().reverse()) {
      const raw = await readFile(join(outbox, name), 'utf8');
      if (!new RegExp(`^To: .*${address}`, 'mi').test(raw)) continue;
      const found = matches.exec(text(raw));
      if (found) return found;
    }
    await sleep(50);
  }
  throw new Error(`no message to ${address} with ${matches}`);
}

/** The plain part of a message (RFC 2045), decoded. */
function text(raw) {
  const [, part] = /Content-Type: text\/plain[^]*?\r?\n\r?\n([^]*?)\r?\n--/i.exec(raw) ?? [, raw];
  if (/Content-Transfer-Encoding: base64/i.test(raw)) return Buffer.from(part, 'base64').toString('utf8');
  return part.replace(/=\r?\n/g, '').replace(/=([0-9A-F]{2})/g, (code, hex) => String.fromCharCode(parseInt(hex, 16)));
}
