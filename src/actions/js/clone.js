// structuredClone.

import { isView, MapClass, mapGet, mapSet, toText } from './primordials.js';
import { DOMException } from './abort.js';
import { offer } from './parts.js';

const ERRORS = { __proto__: null, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError };

function refuse(what) {
  return new DOMException(`${what} could not be cloned.`, 'DataCloneError');
}

function copy(value, seen) {
  if (typeof value === 'function' || typeof value === 'symbol') throw refuse(String(value));
  if (value === null || typeof value !== 'object') return value;
  const known = mapGet(seen, value);
  if (known !== undefined) return known;
  const keep = (made) => {
    mapSet(seen, value, made);
    return made;
  };
  switch (toText(value).slice(8, -1)) {
    case 'Boolean':
    case 'Number':
    case 'String':
    case 'BigInt':
      return keep(Object(value.valueOf()));
    case 'Date':
      return keep(new Date(value.getTime()));
    case 'RegExp':
      return keep(new RegExp(value.source, value.flags));
    case 'ArrayBuffer':
      return keep(value.slice(0));
    case 'Map': {
      const made = keep(new Map());
      for (const [key, item] of [...value]) made.set(copy(key, seen), copy(item, seen));
      return made;
    }
    case 'Set': {
      const made = keep(new Set());
      for (const item of [...value]) made.add(copy(item, seen));
      return made;
    }
    case 'Error': {
      const made = keep(Object.create((ERRORS[value.name] ?? Error).prototype));
      for (const name of ['message', 'stack', 'cause']) {
        if (Object.hasOwn(value, name)) {
          Object.defineProperty(made, name, { value: copy(value[name], seen), writable: true, configurable: true });
        }
      }
      return made;
    }
    case 'Promise':
    case 'WeakMap':
    case 'WeakSet':
    case 'WeakRef':
    case 'Generator':
      throw refuse(`#<${toText(value).slice(8, -1)}>`);
    default:
  }
  if (isView(value)) {
    const buffer = copy(value.buffer, seen);
    return keep(new value.constructor(buffer, value.byteOffset, value.length ?? value.byteLength));
  }
  const made = keep(Array.isArray(value) ? new Array(value.length) : {});
  for (const name of Object.keys(value)) {
    // Assigning "__proto__" would set the prototype.
    Object.defineProperty(made, name, {
      value: copy(value[name], seen), writable: true, enumerable: true, configurable: true,
    });
  }
  return made;
}

export function structuredClone(value) {
  if (arguments.length === 0) throw new TypeError("The \"value\" argument must be specified");
  return copy(value, new MapClass());
}

offer('clone', { structuredClone });
