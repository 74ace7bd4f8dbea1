// The built-in functions as they were before a script ran. A script may replace any method of any
// prototype; what the prelude does on its behalf uses only these. For the same reason it joins texts with
// `+` where it matters: the engine compiles a template to a call of `String.prototype.concat`.

const { bind, call } = Function.prototype;

/** `uncurry(f)(self, ...args)` is `f.call(self, ...args)`, whatever becomes of `call`. */
const uncurry = bind.bind(call);

const { getOwnPropertyDescriptor } = Object;
export const { apply } = Reflect;
export const { assign, create, defineProperty, getPrototypeOf, hasOwn, keys } = Object;
export const { isArray } = Array;
export const { isSafeInteger } = Number;
export const { floor, trunc } = Math;
export const parse = JSON.parse;
export const stringify = JSON.stringify;
export const fromCharCode = String.fromCharCode;
export const isView = ArrayBuffer.isView;
export const text = String;

export const charCodeAt = uncurry(String.prototype.charCodeAt);
export const lastIndexOf = uncurry(String.prototype.lastIndexOf);
export const padStart = uncurry(String.prototype.padStart);
export const slice = uncurry(String.prototype.slice);
export const split = uncurry(String.prototype.split);
export const startsWith = uncurry(String.prototype.startsWith);
export const toLowerCase = uncurry(String.prototype.toLowerCase);
export const toUpperCase = uncurry(String.prototype.toUpperCase);
export const trim = uncurry(String.prototype.trim);
export const toWellFormed = uncurry(String.prototype.toWellFormed);
export const toText = uncurry(Object.prototype.toString);
export const MapClass = Map;
export const mapGet = uncurry(Map.prototype.get);
export const mapSet = uncurry(Map.prototype.set);
export const mapDelete = uncurry(Map.prototype.delete);
export const Bytes = Uint8Array;
export const setBytes = uncurry(Uint8Array.prototype.set);
export const PromiseClass = Promise;
export const then = uncurry(Promise.prototype.then);
const resolvePromise = Promise.resolve;
const rejectPromise = Promise.reject;
export const resolved = (value) => apply(resolvePromise, PromiseClass, [value]);
export const rejected = (value) => apply(rejectPromise, PromiseClass, [value]);

const bufferOf = uncurry(getOwnPropertyDescriptor(getPrototypeOf(Uint8Array.prototype), 'buffer').get);
const offsetOf = uncurry(getOwnPropertyDescriptor(getPrototypeOf(Uint8Array.prototype), 'byteOffset').get);
const byteLengthOf = uncurry(getOwnPropertyDescriptor(getPrototypeOf(Uint8Array.prototype), 'byteLength').get);
const viewBuffer = uncurry(getOwnPropertyDescriptor(DataView.prototype, 'buffer').get);
const viewOffset = uncurry(getOwnPropertyDescriptor(DataView.prototype, 'byteOffset').get);
const viewLength = uncurry(getOwnPropertyDescriptor(DataView.prototype, 'byteLength').get);

/** The bytes of an ArrayBuffer or of a view on one, not copied; `undefined` for anything else. */
export function bytesOf(source) {
  if (isView(source)) {
    const tag = toText(source);
    if (tag === '[object DataView]') return new Bytes(viewBuffer(source), viewOffset(source), viewLength(source));
    return new Bytes(bufferOf(source), offsetOf(source), byteLengthOf(source));
  }
  if (source instanceof ArrayBuffer || (typeof SharedArrayBuffer === 'function' && source instanceof SharedArrayBuffer)) {
    return new Bytes(source);
  }
  return undefined;
}

/** A property that a script may replace but that `for…in` does not show. */
export function hidden(target, name, value) {
  defineProperty(target, name, { __proto__: null, value, writable: true, enumerable: false, configurable: true });
}

/** A property whose value is made when it is first read: most scripts need few of them. */
export function lazy(target, name, make) {
  defineProperty(target, name, {
    __proto__: null,
    enumerable: false,
    configurable: true,
    get() {
      const value = make();
      hidden(target, name, value);
      return value;
    },
    set(value) {
      hidden(target, name, value);
    },
  });
}
