// The tour of the README, run as it stands: what the page promises is what the commands print.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startDoorward } from './server.mjs';

let server;
before(async () => { server = await startDoorward(); });
after(() => server?.stop());

/** The commands of the section, without what they print. */
function commands(section) {
  const readme = readFileSync(fileURLToPath(new URL('../../README.md', import.meta.url)), 'utf8');
  const text = readme.split(`## ${section}`)[1].split('\n## ')[0];
  const blocks = [...text.matchAll(/```console\n([\s\S]*?)```/g)].map((match) => match[1].split('\n'));
  const found = [];
  for (const lines of blocks) {
    for (let i = 0; i < lines.length; i += 1) {
      if (!lines[i].startsWith('$ ')) continue;
      let command = lines[i].slice(2);
      // A line goes on after a backslash and inside quotes.
      while (command.trimEnd().endsWith('\\') || command.split("'").length % 2 === 0) {
        i += 1;
        command += `\n${lines[i]}`;
      }
      found.push(command);
    }
  }
  return found;
}

test('the tour of the README prints what it shows', () => {
  const tour = commands('Multi-resource refresh tokens in five minutes');
  assert.ok(tour.length >= 10, `${tour.length} commands`);
  const script = ['set -eu', ...tour.flatMap((command) => [command, 'echo; echo "=== next"'])]
    .join('\n')
    .replace('ISSUER=http://127.0.0.1:8484', `ISSUER=${server.issuer.replace(/\/$/, '')}`)
    .replace('Q=doorward-data/quickstart.json', `Q=${server.folder}/quickstart.json`);
  const printed = execFileSync('bash', ['-c', script], { encoding: 'utf8', timeout: 60_000 });
  const answers = printed.split('=== next').map((text) => text.trim()).filter(Boolean);
  const [policies, login, other, again, refused, dead] = answers.map((text) => JSON.parse(text));

  assert.deepEqual(policies.map((policy) => policy.audience),
    ['https://orders.example/', 'https://billing.example/']);
  assert.equal(login.scope, 'openid offline_access read:orders');
  assert.equal(login.resource, 'https://orders.example/');
  assert.equal(other.scope, 'openid offline_access read:invoices');
  assert.equal(other.resource, 'https://billing.example/');
  assert.equal(again.scope, 'openid offline_access read:orders');
  assert.equal(again.refresh_token, other.refresh_token, 'the same successor');
  assert.equal(refused.error, 'invalid_target');
  assert.equal(dead.error, 'invalid_grant');
  assert.equal(dead.error_description, 'Unknown or invalid refresh token.');
});
