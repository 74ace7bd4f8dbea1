// What a script threw, in words.

import { apply, slice, text } from './primordials.js';

/** Most characters of a message: it goes to clients and logs. */
const LENGTH = 1000;
/** Most characters of a stack: where it was thrown stands at its beginning. */
const STACK_LENGTH = 4000;
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

function stackOf(thrown) {
  try {
    const { stack } = thrown;
    return typeof stack === 'string' ? slice(stack, 0, STACK_LENGTH) : '';
  } catch {
    return '';
  }
}

/** Name, message and stack of what was thrown, which may be anything, and may throw itself when it is read. */
export function describe(thrown) {
  try {
    const isObject = thrown !== null && typeof thrown === 'object';
    const name = isObject ? nameOf(thrown) : '';
    const message = slice(messageOf(thrown, name), 0, LENGTH);
    return { name, message, stack: isObject ? stackOf(thrown) : '' };
  } catch {
    return { name: '', message: UNREADABLE, stack: '' };
  }
}
