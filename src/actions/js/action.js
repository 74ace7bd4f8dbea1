// Runs an Action: a CommonJS module, whose export is called with `event` and `api`.

import { apply } from './primordials.js';
import { require } from './globals.js';
import { apiOf } from './api.js';

/** Calls the handler, and waits for it. `false` when the module does not export it. */
export async function run(name, input, factory) {
  const module = { exports: {} };
  apply(factory, module.exports, [module.exports, require, module, '/action.js', '/']);
  const { exports } = module;
  const handler = exports === null || exports === undefined ? undefined : exports[name];
  if (handler === undefined) return false;
  if (typeof handler !== 'function') {
    throw new TypeError(`exports.${name} must be a function, not ${handler === null ? 'null' : typeof handler}`);
  }
  const { event } = input;
  // `await` calls nothing that a script could have replaced, except the `then` of its own object.
  await apply(handler, exports, [event, apiOf(input, name)]);
  return true;
}
