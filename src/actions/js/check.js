// Arguments, judged as those of the documented methods are: a wrong type throws inside the script.

import { isSafeInteger, stringify } from './primordials.js';

function kind(value) {
  return value === null ? 'null' : typeof value;
}

export function string(method, name, value) {
  if (typeof value !== 'string') throw new TypeError(`${method}: "${name}" must be a string, not ${kind(value)}`);
  return value;
}

export function filled(method, name, value) {
  if (string(method, name, value) === '') throw new TypeError(`${method}: "${name}" must not be empty`);
  return value;
}

export function object(method, name, value) {
  if (value === null || typeof value !== 'object') {
    throw new TypeError(`${method}: "${name}" must be an object, not ${kind(value)}`);
  }
  return value;
}

/** An optional object of options. */
export function options(method, value) {
  return value === undefined || value === null ? {} : object(method, 'options', value);
}

/** Epoch milliseconds. */
export function time(method, name, value) {
  const at = typeof value === 'number' ? value : NaN;
  if (!isSafeInteger(at) || at < 0) {
    throw new TypeError(`${method}: "${name}" must be a time in whole milliseconds since 1970`);
  }
  return at;
}

/** The JSON of a value; `undefined` for `undefined`. */
export function json(method, name, value) {
  if (value === undefined) return undefined;
  const written = stringify(value);
  if (written === undefined) throw new TypeError(`${method}: "${name}" must be JSON, not ${kind(value)}`);
  return written;
}

/** A method that Doorward has nothing for. */
export function missing(name, why) {
  return function () {
    throw new Error(`${name} is not available in Doorward${why ? `: ${why}` : ''}`);
  };
}
