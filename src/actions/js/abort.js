// DOMException, Event, EventTarget, AbortController and AbortSignal.

import { MapClass, mapGet, mapSet, text } from './primordials.js';
import { offer } from './parts.js';

const CODES = {
  __proto__: null,
  InvalidCharacterError: 5, NotSupportedError: 9, SyntaxError: 12, InvalidAccessError: 15, NetworkError: 19, AbortError: 20,
  QuotaExceededError: 22, TimeoutError: 23, DataCloneError: 25,
};

export class DOMException extends Error {
  #name;
  constructor(message = '', name = 'Error') {
    super(message);
    this.#name = typeof name === 'object' ? text(name?.name ?? 'Error') : text(name);
  }
  get name() {
    return this.#name;
  }
  get code() {
    return CODES[this.#name] ?? 0;
  }
}

export class Event {
  #prevented = false;
  constructor(type, { bubbles = false, cancelable = false } = {}) {
    this.type = text(type);
    this.bubbles = bubbles;
    this.cancelable = cancelable;
    this.target = null;
  }
  get defaultPrevented() {
    return this.#prevented;
  }
  preventDefault() {
    this.#prevented = this.cancelable;
  }
}

export class EventTarget {
  #listeners = new MapClass();
  addEventListener(type, listener, options) {
    if (listener === null || listener === undefined) return;
    const once = typeof options === 'object' && options?.once === true;
    const known = mapGet(this.#listeners, type) ?? [];
    if (!known.some((entry) => entry.listener === listener)) {
      mapSet(this.#listeners, type, [...known, { listener, once }]);
    }
  }
  removeEventListener(type, listener) {
    const known = mapGet(this.#listeners, type) ?? [];
    mapSet(this.#listeners, type, known.filter((entry) => entry.listener !== listener));
  }
  dispatchEvent(event) {
    event.target = this;
    this[`on${event.type}`]?.(event);
    for (const { listener, once } of mapGet(this.#listeners, event.type) ?? []) {
      if (once) this.removeEventListener(event.type, listener);
      if (typeof listener === 'function') listener.call(this, event);
      else listener.handleEvent(event);
    }
    return !event.defaultPrevented;
  }
}

let mayMake = false;

function makeSignal() {
  mayMake = true;
  try {
    return new AbortSignal();
  } finally {
    mayMake = false;
  }
}

let abort;

export class AbortSignal extends EventTarget {
  #aborted = false;
  #reason;
  onabort = null;
  constructor() {
    super();
    if (!mayMake) throw new TypeError('Illegal constructor');
  }
  static {
    abort = (signal, reason = new DOMException('This operation was aborted', 'AbortError')) => {
      if (signal.#aborted) return;
      signal.#aborted = true;
      signal.#reason = reason;
      signal.dispatchEvent(new Event('abort'));
    };
  }
  get aborted() {
    return this.#aborted;
  }
  get reason() {
    return this.#reason;
  }
  throwIfAborted() {
    if (this.#aborted) throw this.#reason;
  }
  static abort(reason) {
    const signal = makeSignal();
    abort(signal, reason);
    return signal;
  }
  static timeout(ms) {
    const signal = makeSignal();
    const reason = new DOMException('The operation was aborted due to timeout', 'TimeoutError');
    globalThis.setTimeout(() => abort(signal, reason), ms);
    return signal;
  }
  static any(signals) {
    const all = [...signals];
    const signal = makeSignal();
    const first = all.find((one) => one.aborted);
    if (first) abort(signal, first.reason);
    for (const one of all) one.addEventListener('abort', () => abort(signal, one.reason), { once: true });
    return signal;
  }
}

export class AbortController {
  #signal = makeSignal();
  get signal() {
    return this.#signal;
  }
  abort(reason) {
    abort(this.#signal, reason);
  }
}

offer('abort', { AbortController, AbortSignal, DOMException, Event, EventTarget });
