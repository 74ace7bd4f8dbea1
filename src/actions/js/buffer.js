// Buffer: bytes with the methods that Node.js gave them.

import { apply, Bytes, bytesOf, charCodeAt, padStart, text, toLowerCase } from './primordials.js';
import { characters, decode as fromBase64, encode as toBase64 } from './base64.js';
import { byteLength as utf8Length, decodeUtf8, utf8 } from './utf8.js';
import { atob, btoa } from './encoding.js';
import { offer } from './parts.js';

const ENCODINGS = {
  __proto__: null,
  utf8: 'utf8', 'utf-8': 'utf8', base64: 'base64', base64url: 'base64url', hex: 'hex', latin1: 'latin1', binary: 'latin1',
  ascii: 'ascii', utf16le: 'utf16le', 'utf-16le': 'utf16le', ucs2: 'utf16le', 'ucs-2': 'utf16le',
};

function encodingOf(name = 'utf8') {
  const found = ENCODINGS[toLowerCase(text(name))];
  if (found === undefined) {
    const error = new TypeError(`Unknown encoding: ${name}`);
    error.code = 'ERR_UNKNOWN_ENCODING';
    throw error;
  }
  return found;
}

function fromHex(value) {
  const bytes = new Bytes(value.length >> 1);
  for (let i = 0; i < bytes.length; i += 1) {
    const pair = value.slice(2 * i, 2 * i + 2);
    if (!/^[0-9a-fA-F]{2}$/.test(pair)) return bytes.subarray(0, i);
    bytes[i] = Number.parseInt(pair, 16);
  }
  return bytes;
}

function units(value, size) {
  const bytes = new Bytes(value.length * size);
  for (let i = 0; i < value.length; i += 1) {
    const unit = charCodeAt(value, i);
    bytes[i * size] = unit;
    if (size === 2) bytes[i * 2 + 1] = unit >> 8;
  }
  return bytes;
}

/** The bytes that a text stands for in an encoding. */
export function encoded(value, encoding) {
  switch (encodingOf(encoding)) {
    case 'base64':
    case 'base64url':
      return fromBase64(value);
    case 'hex':
      return fromHex(value);
    case 'latin1':
    case 'ascii':
      return units(value, 1);
    case 'utf16le':
      return units(value, 2);
    default:
      return utf8(value);
  }
}

/** The text that bytes stand for in an encoding. */
export function decoded(bytes, encoding) {
  switch (encodingOf(encoding)) {
    case 'base64':
      return toBase64(bytes);
    case 'base64url':
      return toBase64(bytes, true);
    case 'hex': {
      let written = '';
      for (let i = 0; i < bytes.length; i += 1) written += padStart(bytes[i].toString(16), 2, '0');
      return written;
    }
    case 'latin1':
      return characters(bytes);
    case 'ascii':
      return characters(bytes.map((byte) => byte & 127));
    case 'utf16le': {
      const codes = new Uint16Array(bytes.length >> 1);
      for (let i = 0; i < codes.length; i += 1) codes[i] = bytes[2 * i] | (bytes[2 * i + 1] << 8);
      return characters(codes);
    }
    default:
      return decodeUtf8(bytes, false);
  }
}

function wrap(bytes) {
  return new Buffer(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Bytes, or a text in an encoding. */
function bytesFrom(value, encoding) {
  if (typeof value === 'string') return encoded(value, encoding);
  const bytes = bytesOf(value);
  if (bytes === undefined) throw new TypeError('The argument must be a string, an ArrayBuffer, or a view on one');
  return bytes;
}

export class Buffer extends Uint8Array {
  static from(value, encoding, length) {
    if (typeof value === 'string') return wrap(encoded(value, encoding));
    if (value instanceof ArrayBuffer) return new Buffer(value, encoding, length);
    if (value !== null && typeof value === 'object') {
      if (value.type === 'Buffer' && Array.isArray(value.data)) return Buffer.from(value.data);
      if (ArrayBuffer.isView(value) || typeof value.length === 'number') {
        const made = new Buffer(value.length);
        for (let i = 0; i < value.length; i += 1) made[i] = value[i];
        return made;
      }
      const primitive = value.valueOf?.();
      if (primitive !== undefined && primitive !== value) return Buffer.from(primitive, encoding, length);
    }
    throw new TypeError('The first argument must be of type string or an instance of Buffer, ArrayBuffer, or Array');
  }
  static alloc(size, fill, encoding) {
    if (typeof size !== 'number') throw new TypeError('The "size" argument must be of type number');
    const made = new Buffer(size);
    return fill === undefined ? made : made.fill(fill, 0, size, encoding);
  }
  static allocUnsafe(size) {
    return Buffer.alloc(size);
  }
  static allocUnsafeSlow(size) {
    return Buffer.alloc(size);
  }
  static concat(list, total = list.reduce((sum, one) => sum + one.length, 0)) {
    const made = Buffer.alloc(total);
    let at = 0;
    for (const one of list) {
      if (at >= total) break;
      made.set(one.length > total - at ? one.subarray(0, total - at) : one, at);
      at += one.length;
    }
    return made;
  }
  static isBuffer(value) {
    return value instanceof Buffer;
  }
  static isEncoding(name) {
    return toLowerCase(text(name)) in ENCODINGS;
  }
  static byteLength(value, encoding) {
    if (typeof value !== 'string') return bytesFrom(value).length;
    return encodingOf(encoding) === 'utf8' ? utf8Length(value) : encoded(value, encoding).length;
  }
  static compare(one, other) {
    return wrap(bytesFrom(one)).compare(other);
  }

  // What the array's own methods make would be made anew by the constructor.
  static get [Symbol.species]() {
    return Buffer;
  }
  get parent() {
    return this.buffer;
  }
  toString(encoding, start = 0, end = this.length) {
    return decoded(new Bytes(this.buffer, this.byteOffset, this.byteLength).subarray(start, end), encoding);
  }
  toJSON() {
    return { type: 'Buffer', data: Array.from(this) };
  }
  equals(other) {
    return this.compare(other) === 0;
  }
  compare(other) {
    const bytes = bytesFrom(other);
    for (let i = 0; i < this.length && i < bytes.length; i += 1) {
      if (this[i] !== bytes[i]) return this[i] < bytes[i] ? -1 : 1;
    }
    return Math.sign(this.length - bytes.length);
  }
  slice(start, end) {
    return this.subarray(start, end);
  }
  write(value, offset = 0, length = this.length - offset, encoding = 'utf8') {
    if (typeof offset === 'string') return this.write(value, 0, this.length, offset);
    if (typeof length === 'string') return this.write(value, offset, this.length - offset, length);
    const bytes = encoded(value, encoding).subarray(0, Math.min(length, this.length - offset));
    this.set(bytes, offset);
    return bytes.length;
  }
  fill(value, start = 0, end = this.length, encoding = 'utf8') {
    if (typeof value === 'number') {
      apply(Bytes.prototype.fill, this, [value, start, end]);
      return this;
    }
    const bytes = bytesFrom(value, typeof start === 'string' ? start : encoding);
    if (bytes.length === 0) return this.fill(0);
    const from = typeof start === 'string' ? 0 : start;
    for (let i = from; i < end; i += 1) this[i] = bytes[(i - from) % bytes.length];
    return this;
  }
  copy(target, at = 0, start = 0, end = this.length) {
    const bytes = this.subarray(start, Math.min(end, start + target.length - at));
    target.set(bytes, at);
    return bytes.length;
  }
  indexOf(value, from = 0, encoding = 'utf8') {
    if (typeof value === 'number') return apply(Bytes.prototype.indexOf, this, [value & 255, from]);
    const bytes = bytesFrom(value, encoding);
    for (let i = from; i + bytes.length <= this.length; i += 1) {
      let j = 0;
      while (j < bytes.length && this[i + j] === bytes[j]) j += 1;
      if (j === bytes.length) return i;
    }
    return -1;
  }
  includes(value, from, encoding) {
    return this.indexOf(value, from, encoding) >= 0;
  }
  #view() {
    return new DataView(this.buffer, this.byteOffset, this.byteLength);
  }
  readUInt8(at = 0) {
    return this.#view().getUint8(at);
  }
  readUInt16BE(at = 0) {
    return this.#view().getUint16(at);
  }
  readUInt16LE(at = 0) {
    return this.#view().getUint16(at, true);
  }
  readUInt32BE(at = 0) {
    return this.#view().getUint32(at);
  }
  readUInt32LE(at = 0) {
    return this.#view().getUint32(at, true);
  }
  readInt32BE(at = 0) {
    return this.#view().getInt32(at);
  }
  writeUInt8(value, at = 0) {
    this.#view().setUint8(at, value);
    return at + 1;
  }
  writeUInt16BE(value, at = 0) {
    this.#view().setUint16(at, value);
    return at + 2;
  }
  writeUInt32BE(value, at = 0) {
    this.#view().setUint32(at, value);
    return at + 4;
  }
  writeUInt32LE(value, at = 0) {
    this.#view().setUint32(at, value, true);
    return at + 4;
  }
  [Symbol.for('nodejs.util.inspect.custom')]() {
    const shown = Array.from(this.subarray(0, 50), (byte) => padStart(byte.toString(16), 2, '0')).join(' ');
    const more = this.length > 50 ? ` ... ${this.length - 50} more byte${this.length > 51 ? 's' : ''}` : '';
    return `<Buffer ${shown}${more}>`;
  }
}
for (const name of ['readUInt8', 'readUInt16BE', 'readUInt16LE', 'readUInt32BE', 'readUInt32LE', 'writeUInt8',
  'writeUInt16BE', 'writeUInt32BE', 'writeUInt32LE']) {
  Object.defineProperty(Buffer.prototype, name.replace('UInt', 'Uint'), {
    value: Buffer.prototype[name], writable: true, configurable: true,
  });
}

export const modules = {
  __proto__: null,
  buffer: { Buffer, atob, btoa, constants: { MAX_LENGTH: 2 ** 31 - 1 }, kMaxLength: 2 ** 31 - 1 },
};

offer('buffer', { Buffer, modules });
