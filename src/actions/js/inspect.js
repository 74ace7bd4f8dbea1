// Values in words, as `util.inspect` and `util.format` of Node.js write them in the common cases.

import { bytesOf, getPrototypeOf, hasOwn, isArray, isView, keys, padStart, stringify, text, toText } from './primordials.js';
import { offer } from './parts.js';

const USUAL_DEPTH = 2;
const MOST_ITEMS = 100;
const MOST_CHARACTERS = 10_000;
const LINE = 72;
const IDENTIFIER = /^[A-Za-z_$][\w$]*$/;

export const custom = Symbol.for('nodejs.util.inspect.custom');

function quoted(value) {
  const cut = value.length > MOST_CHARACTERS;
  const shown = cut ? value.slice(0, MOST_CHARACTERS) : value;
  const inner = stringify(shown).slice(1, -1).replaceAll('\\"', '"');
  let written;
  if (!inner.includes("'")) written = `'${inner}'`;
  else if (!inner.includes('"')) written = `"${inner}"`;
  else if (!inner.includes('`')) written = `\`${inner}\``;
  else written = `'${inner.replaceAll("'", "\\'")}'`;
  return cut ? `${written}... ${value.length - MOST_CHARACTERS} more characters` : written;
}

function primitive(value) {
  switch (typeof value) {
    case 'string':
      return quoted(value);
    case 'number':
      return Object.is(value, -0) ? '-0' : `${value}`;
    case 'bigint':
      return `${value}n`;
    case 'symbol':
      return value.toString();
    default:
      return `${value}`;
  }
}

function functionName(value) {
  const source = Function.prototype.toString.call(value);
  if (source.startsWith('class')) return `[class ${value.name || '(anonymous)'}]`;
  const kind = toText(value).slice(8, -1);
  return value.name ? `[${kind}: ${value.name}]` : `[${kind} (anonymous)]`;
}

function errorText(error) {
  const name = text(error.name ?? 'Error');
  const head = error.message ? `${name}: ${error.message}` : name;
  const frames = typeof error.stack === 'string' ? error.stack.trimEnd() : '';
  if (frames === '') return `[${head}]`;
  return frames.startsWith(name) ? frames : `${head}\n${frames}`;
}

function constructorName(value) {
  for (let from = value; from !== null; from = getPrototypeOf(from)) {
    if (hasOwn(from, 'constructor') && typeof from.constructor === 'function') return from.constructor.name;
  }
  return null;
}

function member(name) {
  return typeof name === 'symbol' ? `[${name.toString()}]` : IDENTIFIER.test(name) ? name : quoted(name);
}

class Inspection {
  #depth;
  #within = [];
  #circular = [];
  constructor(depth) {
    this.#depth = depth ?? Infinity;
  }

  value(value, level) {
    if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return primitive(value);
    const at = this.#within.indexOf(value);
    if (at >= 0) {
      if (!this.#circular.includes(value)) this.#circular.push(value);
      return `[Circular *${this.#circular.indexOf(value) + 1}]`;
    }
    const own = value[custom];
    if (typeof own === 'function') {
      const shown = own.call(value, this.#depth - level, { depth: this.#depth }, inspect);
      if (shown !== value) return typeof shown === 'string' ? shown : this.value(shown, level);
    }
    this.#within.push(value);
    const written = this.#object(value, level);
    this.#within.pop();
    const reference = this.#circular.indexOf(value);
    return reference >= 0 ? `<ref *${reference + 1}> ${written}` : written;
  }

  #object(value, level) {
    const kind = toText(value).slice(8, -1);
    const name = constructorName(value);
    if (typeof value === 'function') return this.#braces(functionName(value), this.#members(value, level), level, '{}');
    if (value instanceof Error) {
      const members = this.#members(value, level, ['stack', 'message']);
      const head = errorText(value);
      return this.#braces(head, members, level, '{}');
    }
    if (kind === 'Date') return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString();
    if (kind === 'RegExp') return `${value}`;
    if (kind === 'Promise') return 'Promise { <pending> }';
    if (kind === 'WeakMap' || kind === 'WeakSet') return `${kind} { <items unknown> }`;
    if (level > this.#depth) return isArray(value) ? '[Array]' : `[${name ?? 'Object: null prototype'}]`;
    if (kind === 'ArrayBuffer') {
      const bytes = [...bytesOf(value).subarray(0, 50)].map((byte) => padStart(byte.toString(16), 2, '0')).join(' ');
      return `ArrayBuffer { [Uint8Contents]: <${bytes}>, byteLength: ${value.byteLength} }`;
    }
    if (isArray(value) || (isView(value) && kind !== 'DataView')) return this.#list(value, name, level);
    if (value instanceof Map) {
      const items = [...value].map(([k, v]) => `${this.value(k, level + 1)} => ${this.value(v, level + 1)}`);
      return this.#braces(`Map(${value.size})`, items.concat(this.#members(value, level)), level, '{}', true);
    }
    if (value instanceof Set) {
      const items = [...value].map((item) => this.value(item, level + 1));
      return this.#braces(`Set(${value.size})`, items.concat(this.#members(value, level)), level, '{}', true);
    }
    if (kind === 'Boolean' || kind === 'Number' || kind === 'String') return `[${kind}: ${primitive(value.valueOf())}]`;
    const prefix = name === null ? '[Object: null prototype]' : name === 'Object' ? '' : name;
    return this.#braces(prefix, this.#members(value, level), level, '{}', true);
  }

  #list(value, name, level) {
    const items = [];
    for (let i = 0; i < value.length && i < MOST_ITEMS; i += 1) {
      if (isArray(value) && !hasOwn(value, i)) {
        let end = i;
        while (end + 1 < value.length && !hasOwn(value, end + 1)) end += 1;
        items.push(`<${end - i + 1} empty item${end > i ? 's' : ''}>`);
        i = end;
      } else {
        items.push(this.value(value[i], level + 1));
      }
    }
    const rest = value.length - MOST_ITEMS;
    if (rest > 0) items.push(`... ${rest} more item${rest > 1 ? 's' : ''}`);
    const others = isArray(value) ? this.#members(value, level).slice(keys(value).filter((k) => /^\d+$/.test(k)).length) : [];
    const prefix = name === 'Array' ? '' : `${name}(${value.length})`;
    return this.#braces(prefix, items.concat(others), level, '[]', true);
  }

  #members(value, level, except = []) {
    const written = [];
    const names = [...keys(value), ...Object.getOwnPropertySymbols(value).filter((s) => Object.prototype.propertyIsEnumerable.call(value, s))];
    for (const name of names) {
      if (except.includes(name)) continue;
      const property = Object.getOwnPropertyDescriptor(value, name);
      let shown;
      if (property.get) shown = property.set ? '[Getter/Setter]' : '[Getter]';
      else if (property.set) shown = '[Setter]';
      else shown = this.value(property.value, level + 1);
      written.push(`${member(name)}: ${shown}`);
    }
    return written;
  }

  #braces(prefix, members, level, [open, close], always = false) {
    const head = prefix ? `${prefix} ` : '';
    if (members.length === 0) return always ? `${head}${open}${close}` : prefix;
    const length = members.reduce((sum, item) => sum + item.length + 2, head.length);
    if (length <= LINE && !members.some((item) => item.includes('\n'))) {
      return `${head}${open} ${members.join(', ')} ${close}`;
    }
    const indent = ' '.repeat(2 * (level + 1));
    return `${head}${open}\n${members.map((item) => indent + item).join(',\n')}\n${indent.slice(2)}${close}`;
  }
}

/** `value` in words. */
export function inspect(value, options) {
  const depth = options !== null && typeof options === 'object' && 'depth' in options ? options.depth : USUAL_DEPTH;
  return new Inspection(depth).value(value, 0);
}
inspect.custom = custom;

function substitute(kind, value) {
  switch (kind) {
    case 's':
      if (typeof value === 'bigint') return `${value}n`;
      if (value !== null && typeof value === 'object' && !(value instanceof Error)) return inspect(value, { depth: 0 });
      return value instanceof Error ? `${value}` : text(value);
    case 'd':
      return typeof value === 'bigint' ? `${value}n` : typeof value === 'object' ? 'NaN' : `${Number(value)}`;
    case 'i':
      return typeof value === 'object' ? 'NaN' : `${Number.parseInt(value, 10)}`;
    case 'f':
      return `${Number.parseFloat(value)}`;
    case 'j':
      try {
        return `${stringify(value)}`;
      } catch {
        return '[Circular]';
      }
    case 'O':
      return inspect(value);
    case 'o':
      return inspect(value, { depth: 4 });
    default:
      return '';
  }
}

/** Arguments of a logging function in one text. */
export function format(args) {
  let next = 0;
  let written = '';
  if (typeof args[0] === 'string') {
    next = 1;
    written = args.length === 1 ? args[0] : args[0].replace(/%[sdifjoOc%]/g, (place) => {
      if (place === '%%') return '%';
      if (next >= args.length) return place;
      next += 1;
      return substitute(place[1], args[next - 1]);
    });
  }
  for (; next < args.length; next += 1) {
    if (next > 0) written += ' ';
    written += typeof args[next] === 'string' ? args[next] : inspect(args[next]);
  }
  return written;
}

offer('inspect', { format, inspect });
