// The calls that a script makes, as JSON from the moment that they are made: nothing that it does
// afterwards to an object or a prototype changes them.

import { host } from './host.js';
import { stringify, toWellFormed } from './primordials.js';

let closed = false;

/** A value as JSON. */
export const quote = (value) => stringify(value);

/**
 * Notes a call. `args` are names and JSON texts in turn.
 * @throws when the execution is over, or made too many calls.
 */
export function record(call, ...args) {
  if (closed) throw new Error('api.' + call + ': the script has ended');
  let members = '';
  for (let i = 0; i < args.length; i += 2) {
    if (args[i + 1] === undefined) continue;
    members += (members && ',') + quote(args[i]) + ':' + args[i + 1];
  }
  host.command(toWellFormed('{"call":' + quote(call) + ',"args":{' + members + '}}'));
}

/** No call counts any more. */
export function close() {
  closed = true;
}
