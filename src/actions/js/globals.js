// What scripts that were written for Node.js expect in the global scope, and what they may require.

import { hidden, lazy, slice, startsWith } from './primordials.js';
import { host } from './host.js';
import * as console from './console.js';
import { load } from './parts.js';
import * as timers from './timers.js';

/** The globals that each part has. */
const PARTS = [
  ['encoding', ['TextEncoder', 'TextDecoder', 'atob', 'btoa']],
  ['url', ['URL', 'URLSearchParams']],
  ['buffer', ['Buffer']],
  ['webcrypto', ['crypto', 'Crypto', 'CryptoKey', 'SubtleCrypto']],
  ['clone', ['structuredClone']],
  ['abort', ['AbortController', 'AbortSignal', 'DOMException', 'Event', 'EventTarget']],
  ['fetch', ['fetch', 'Headers', 'Request', 'Response']],
];

/** Module → the part that has it. */
const MODULES = {
  __proto__: null, crypto: 'nodecrypto', buffer: 'buffer', url: 'nodeurl', util: 'util', querystring: 'nodeurl',
};

/** `require` of the few modules that exist. Packages are for the operator's bundler. */
export function require(name) {
  if (typeof name !== 'string') throw new TypeError('require: the "id" argument must be a string');
  const plain = startsWith(name, 'node:') ? slice(name, 5) : name;
  const part = MODULES[plain];
  if (part === undefined) {
    const error = new Error(
      `Cannot find module '${name}': there are no packages in Doorward; bundle it into the code of the script`,
    );
    error.code = 'MODULE_NOT_FOUND';
    throw error;
  }
  return load(part).modules[plain];
}

export function install(global, onFailure) {
  hidden(global, 'global', global);
  console.install(global);
  timers.install(global, onFailure);
  for (const [part, names] of PARTS) {
    for (const name of names) lazy(global, name, () => load(part)[name]);
  }
  hidden(global, 'process', {
    env: {},
    version: 'v22.0.0',
    versions: { node: '22.0.0' },
    nextTick: (callback, ...args) => global.queueMicrotask(() => callback(...args)),
    hrtime: { bigint: () => BigInt(Math.trunc(host.now() * 1e6)) },
  });
  const started = host.now();
  hidden(global, 'performance', { now: () => host.now() - started, timeOrigin: started });
}
