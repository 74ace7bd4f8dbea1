// The table of SDKs in the documentation is about those that the tests install.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const read = (path) => readFileSync(new URL(path, import.meta.url), 'utf8');
const { dependencies } = JSON.parse(read('package.json'));
const { packages } = JSON.parse(read('package-lock.json'));
/** No SDKs: what they run in, and what the tests check them with. */
const TOOLS = ['express', 'jose', 'playwright-core', 'react', 'react-dom'];

const told = Object.fromEntries([...read('../../docs/sdks.md').matchAll(/^\| `([^`]+)` \| (\S+) \|/gm)]
  .map(([, name, version]) => [name, version]));

test('every SDK is in the table, in the version that is installed', () => {
  const installed = Object.fromEntries(Object.keys(dependencies).filter((name) => !TOOLS.includes(name))
    .map((name) => [name, packages[`node_modules/${name}`].version]));
  const wanted = read('python/requirements.in').matchAll(/^([\w-]+)==(\S+)$/gm);
  for (const [, name] of wanted) {
    const [, version] = new RegExp(`^${name}==(\\S+)`, 'mi').exec(read('python/requirements.txt'));
    installed[name] = version;
  }
  assert.ok(Object.keys(installed).length >= 12);
  assert.deepEqual(told, installed);
});
