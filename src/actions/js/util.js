// The module `util`.

import { format, inspect } from './inspect.js';
import { TextDecoder, TextEncoder } from './encoding.js';
import { isView, toText } from './primordials.js';
import { offer } from './parts.js';

const kept = Symbol.for('nodejs.util.promisify.custom');

function promisify(original) {
  if (typeof original !== 'function') throw new TypeError('The "original" argument must be of type function');
  if (original[kept]) return original[kept];
  return function (...args) {
    return new Promise((resolve, reject) => {
      original.call(this, ...args, (error, value) => (error ? reject(error) : resolve(value)));
    });
  };
}
promisify.custom = kept;

function callbackify(original) {
  return function (...args) {
    const callback = args.pop();
    original.apply(this, args).then((value) => callback(null, value), (error) => callback(error));
  };
}

function inherits(constructor, parent) {
  Object.defineProperty(constructor, 'super_', { value: parent, writable: true, configurable: true });
  Object.setPrototypeOf(constructor.prototype, parent.prototype);
}

function isDeepStrictEqual(one, other) {
  if (Object.is(one, other)) return true;
  if (one === null || other === null || typeof one !== 'object' || typeof other !== 'object') return false;
  if (Object.getPrototypeOf(one) !== Object.getPrototypeOf(other)) return false;
  if (one instanceof Date) return one.getTime() === other.getTime();
  if (one instanceof RegExp) return `${one}` === `${other}`;
  if (one instanceof Map || one instanceof Set) return isDeepStrictEqual([...one], [...other]);
  const names = Object.keys(one);
  return names.length === Object.keys(other).length &&
    names.every((name) => Object.hasOwn(other, name) && isDeepStrictEqual(one[name], other[name]));
}

const tagged = (tag) => (value) => toText(value) === `[object ${tag}]`;

export const modules = {
  __proto__: null,
  util: {
    format: (...args) => format(args),
    inspect,
    promisify,
    callbackify,
    inherits,
    isDeepStrictEqual,
    deprecate: (callback) => callback,
    TextEncoder,
    TextDecoder,
    isArray: Array.isArray,
    types: {
      isDate: tagged('Date'), isRegExp: tagged('RegExp'), isMap: tagged('Map'), isSet: tagged('Set'),
      isPromise: tagged('Promise'), isNativeError: (value) => value instanceof Error, isArrayBufferView: isView,
      isArrayBuffer: tagged('ArrayBuffer'), isUint8Array: (value) => value instanceof Uint8Array,
      isAsyncFunction: tagged('AsyncFunction'),
    },
  },
};

offer('util', { modules });
