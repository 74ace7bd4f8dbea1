// What a script threw, in words.

import { apply, slice, text } from './primordials.js';

/** Most characters of a message: it goes to clients and logs. */
const LENGTH = 1000;
const UNREADABLE = 'the script threw something that cannot be shown';

function nameOf(thrown) {
  const { name } = thrown;
  return typeof name === 'string' ? slice(name, 0, LENGTH) : '';
}

function messageOf(thrown, name) {
  if (thrown === null || typeof thrown !== 'object') return text(thrown);
  const { message, toString } = thrown;
  if (typeof message === 'string' && message !== '') return message;
  if (name !== '') return name;
  return typeof toString === 'function' ? text(apply(toString, thrown, [])) : UNREADABLE;
}

/** Name and message of what was thrown, which may be anything, and may throw itself when it is read. */
export function describe(thrown) {
  try {
    const name = thrown !== null && typeof thrown === 'object' ? nameOf(thrown) : '';
    return { name, message: slice(messageOf(thrown, name), 0, LENGTH) };
  } catch {
    return { name: '', message: UNREADABLE };
  }
}
