// Timers. The worker keeps the time and says when one is due.

import { apply, hidden, mapDelete, mapGet, mapSet, MapClass, resolved, then } from './primordials.js';
import { host } from './host.js';

/** Most timers at once. */
const MOST = 1000;
/** Beyond it, as in Node.js, a timer is due at once. */
const LONGEST = 2 ** 31 - 1;

const timers = new MapClass();
let last = 0;
let active = 0;
let failed = () => {};

/** What setTimeout answers: an object as in Node.js, and a number where one is asked for. */
class Timeout {
  #id;
  constructor(id) {
    this.#id = id;
  }
  static idOf(timer) {
    return timer !== null && typeof timer === 'object' && #id in timer ? timer.#id : timer;
  }
  ref() {
    return this;
  }
  unref() {
    return this;
  }
  hasRef() {
    return true;
  }
  close() {
    clear(this);
    return this;
  }
  refresh() {
    const timer = mapGet(timers, this.#id);
    if (timer) host.setTimer(this.#id, timer.ms);
    return this;
  }
  [Symbol.toPrimitive]() {
    return this.#id;
  }
}
const idOf = Timeout.idOf;
delete Timeout.idOf;

function set(name, callback, delay, args, again) {
  if (typeof callback !== 'function') {
    throw new TypeError(`${name}: the "callback" argument must be a function`);
  }
  if (active >= MOST) throw new RangeError(`${name}: more than ${MOST} timers`);
  const asked = +delay;
  const ms = asked >= 1 && asked <= LONGEST ? asked : 1;
  const id = ++last;
  active += 1;
  mapSet(timers, id, { __proto__: null, callback, args, ms, again });
  host.setTimer(id, name === 'setImmediate' ? 0 : ms);
  return new Timeout(id);
}

function clear(timer) {
  const id = +idOf(timer);
  if (mapDelete(timers, id)) {
    active -= 1;
    host.clearTimer(id);
  }
}

/** Calls what a timer was set for. */
export function fire(id) {
  const timer = mapGet(timers, id);
  if (!timer) return;
  if (timer.again) {
    host.setTimer(id, timer.ms);
  } else {
    mapDelete(timers, id);
    active -= 1;
  }
  try {
    apply(timer.callback, undefined, timer.args);
  } catch (thrown) {
    failed(thrown);
  }
}

/** `onFailure` is told what a callback throws: nobody else is there to catch it. */
export function install(global, onFailure) {
  failed = onFailure;
  hidden(global, 'setTimeout', function setTimeout(callback, delay, ...args) {
    return set('setTimeout', callback, delay, args, false);
  });
  hidden(global, 'setInterval', function setInterval(callback, delay, ...args) {
    return set('setInterval', callback, delay, args, true);
  });
  hidden(global, 'setImmediate', function setImmediate(callback, ...args) {
    return set('setImmediate', callback, 0, args, false);
  });
  hidden(global, 'clearTimeout', function clearTimeout(timer) {
    clear(timer);
  });
  hidden(global, 'clearInterval', function clearInterval(timer) {
    clear(timer);
  });
  hidden(global, 'clearImmediate', function clearImmediate(timer) {
    clear(timer);
  });
  hidden(global, 'queueMicrotask', function queueMicrotask(callback) {
    if (typeof callback !== 'function') throw new TypeError('queueMicrotask: the argument must be a function');
    then(then(resolved(), () => callback()), undefined, failed);
  });
}
