// The table of SDKs in the documentation is about those that the tests install.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const read = (path) => readFileSync(new URL(path, import.meta.url), 'utf8');
const { dependencies } = JSON.parse(read('package.json'));
const { packages } = JSON.parse(read('package-lock.json'));
/** No SDKs: what they run in, what the tests check with, and what the console is made of. */
const TOOLS = ['@seriousme/openapi-schema-validator', 'ajv', 'axe-core', 'express', 'htm', 'jose', 'playwright-core',
  'preact', 'react', 'react-dom'];

// An SDK may be there in two versions, one of them under an alias.
const told = [...read('../../docs/sdks.md').matchAll(/^\| `([^`]+)` \| (\S+) \|/gm)]
  .map(([, name, version]) => `${name} ${version}`);

test('every SDK is in the table, in the version that is installed', () => {
  const installed = Object.keys(dependencies).filter((name) => !TOOLS.includes(name)).map((alias) => {
    const { name = alias, version } = packages[`node_modules/${alias}`];
    return `${name} ${version}`;
  });
  const wanted = read('python/requirements.in').matchAll(/^([\w-]+)==(\S+)$/gm);
  for (const [, name] of wanted) {
    const [, version] = new RegExp(`^${name}==(\\S+)`, 'mi').exec(read('python/requirements.txt'));
    installed.push(`${name} ${version}`);
  }
  assert.ok(installed.length >= 12);
  assert.deepEqual(told.sort(), installed.sort());
});
