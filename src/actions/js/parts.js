// Parts of the prelude that most scripts do not need. Each is read when it is first asked for, and
// says itself what it has: it may have been read before, as a part of another.

import { host } from './host.js';

const parts = { __proto__: null };

/** Called by a part: what it has. */
export function offer(name, part) {
  parts[name] = part;
}

/** What a part has. */
export function load(name) {
  if (parts[name] === undefined) host.load(`${name}.js`);
  return parts[name];
}
