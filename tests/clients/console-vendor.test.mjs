// The libraries that the console carries are those of the registry, byte for byte but for where
// they import each other from.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

const VENDOR = new URL('../../src/http/console/assets/vendor/', import.meta.url);
const INSTALLED = new URL('./node_modules/', import.meta.url);

const FILES = [
  ['preact.js', 'preact', 'dist/preact.mjs'],
  ['hooks.js', 'preact', 'hooks/dist/hooks.mjs'],
  ['htm.js', 'htm', 'dist/htm.mjs'],
];

for (const [ours, name, path] of FILES) {
  test(`vendor/${ours} is ${name}'s ${path}`, async () => {
    const released = await readFile(new URL(`${name}/${path}`, INSTALLED), 'utf8');
    const expected = released.replace(/^\/\/# sourceMappingURL=.*\n?/m, '').replace('from"preact"', 'from"./preact.js"');
    assert.equal((await readFile(new URL(ours, VENDOR), 'utf8')).trim(), expected.trim());
  });
}

test('every library is named with its version and its licence', async () => {
  const text = await readFile(new URL('LICENSES.txt', VENDOR), 'utf8');
  for (const [, name] of FILES) {
    const { version } = JSON.parse(await readFile(new URL(`${name}/package.json`, INSTALLED), 'utf8'));
    assert.match(text.toLowerCase(), new RegExp(`${name} ${version.replaceAll('.', '\\.')}`));
  }
  assert.match(text, /MIT License/i);
  assert.match(text, /Apache License/i);
});
