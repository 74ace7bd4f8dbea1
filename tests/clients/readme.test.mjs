// The commands of the documentation, run as they stand: what a page shows is what they print.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startDoorward } from './server.mjs';

let server;
before(async () => { server = await startDoorward(); });
after(() => server?.stop());

/** The commands of a page, each with the lines that the page shows below it. */
function commands(text) {
  const found = [];
  for (const [, block] of text.matchAll(/```console\n([\s\S]*?)```/g)) {
    const lines = block.split('\n');
    for (let i = 0; i < lines.length; i += 1) {
      if (!lines[i].startsWith('$ ')) {
        if (lines[i]) found.at(-1)?.shown.push(lines[i]);
        continue;
      }
      let command = lines[i].slice(2);
      // A line goes on after a backslash and inside quotes.
      while (command.trimEnd().endsWith('\\') || command.split("'").length % 2 === 0) {
        i += 1;
        command += `\n${lines[i]}`;
      }
      found.push({ command, shown: [] });
    }
  }
  return found;
}

function page(path) {
  return readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), 'utf8');
}

/** What each command prints, against our server. */
function run(found) {
  const script = ['set -eu', ...found.flatMap(({ command }) => [command, 'echo; echo "=== next"'])]
    .join('\n')
    .replace('ISSUER=http://127.0.0.1:8484', `ISSUER=${server.issuer.replace(/\/$/, '')}`)
    .replace('Q=doorward-data/quickstart.json', `Q=${server.folder}/quickstart.json`);
  const printed = execFileSync('bash', ['-c', script], { encoding: 'utf8', timeout: 120_000 });
  return printed.split('=== next').slice(0, -1).map((text) => text.trim());
}

test('the tour of the README prints what it shows', () => {
  const tour = page('README.md')
    .split('## Multi-resource refresh tokens in five minutes')[1].split('\n## ')[0];
  const printed = run(commands(tour)).filter(Boolean).map((text) => JSON.parse(text));
  const [policies, login, other, again, refused, dead] = printed;
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

test('every row of the decision prints what the page shows, to the letter', () => {
  const found = commands(page('docs/multi-resource-refresh-tokens.md'));
  const shown = found.map((entry) => entry.shown.join('\n'));
  assert.ok(shown.filter(Boolean).length >= 11, `${shown.filter(Boolean).length} examples`);
  run(found).forEach((printed, i) => assert.equal(printed, shown[i], found[i].command));
});

test('the quick starts of the README are the programs that the tests run', () => {
  const readme = page('README.md');
  for (const [name, language] of [['spa.html', 'js'], ['react.html', 'js'], ['express.mjs', 'js'], ['python.py', 'python']]) {
    const file = page(`tests/clients/quickstarts/${name}`);
    const shown = readme.split(`(tests/clients/quickstarts/${name})`)[1].split(`\`\`\`${language}\n`)[1].split('\n```')[0];
    assert.ok(file.includes(`\n${shown}\n`) || file.startsWith(`${shown}\n`), name);
  }
});
