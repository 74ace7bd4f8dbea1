// TextEncoder, TextDecoder, atob and btoa.

import { DOMException } from './abort.js';
import { Bytes, bytesOf, charCodeAt, text, toLowerCase, trim } from './primordials.js';
import { characters, decode as fromBase64, encode as toBase64 } from './base64.js';
import { decodeUtf8, utf8 } from './utf8.js';
import { offer } from './parts.js';

const LABELS = {
  __proto__: null,
  'utf-8': 'utf-8', utf8: 'utf-8', 'unicode-1-1-utf-8': 'utf-8',
  'utf-16le': 'utf-16le', 'utf-16': 'utf-16le', ucs2: 'utf-16le',
  latin1: 'windows-1252', 'iso-8859-1': 'windows-1252', ascii: 'windows-1252', 'windows-1252': 'windows-1252',
};

export class TextEncoder {
  get encoding() {
    return 'utf-8';
  }
  encode(value = '') {
    return utf8(text(value));
  }
  encodeInto(value, target) {
    const bytes = this.encode(value);
    const { length } = target;
    let end = bytes.length < length ? bytes.length : length;
    // Never half a character.
    while (end < bytes.length && end > 0 && (bytes[end] & 0xc0) === 0x80) end -= 1;
    target.set(bytes.subarray(0, end));
    return { read: decodeUtf8(bytes.slice(0, end), false).length, written: end };
  }
}

export class TextDecoder {
  #held = new Bytes(0);
  #encoding;
  constructor(label = 'utf-8', { fatal = false, ignoreBOM = false } = {}) {
    this.#encoding = LABELS[toLowerCase(trim(text(label)))];
    if (this.#encoding === undefined) throw new RangeError(`The "${label}" encoding is not supported`);
    this.fatal = Boolean(fatal);
    this.ignoreBOM = Boolean(ignoreBOM);
  }
  get encoding() {
    return this.#encoding;
  }
  decode(source = new Bytes(0), { stream = false } = {}) {
    const given = bytesOf(source);
    if (given === undefined) throw new TypeError('The "input" argument must be an ArrayBuffer or a view on one');
    let bytes = given;
    if (this.#held.length > 0) {
      bytes = new Bytes(this.#held.length + given.length);
      bytes.set(this.#held);
      bytes.set(given, this.#held.length);
    }
    const whole = stream ? this.#whole(bytes) : bytes.length;
    this.#held = bytes.slice(whole);
    const decoded = this.#read(bytes.slice(0, whole));
    return !this.ignoreBOM && charCodeAt(decoded, 0) === 0xfeff ? decoded.slice(1) : decoded;
  }
  /** How many bytes end with a whole character. */
  #whole(bytes) {
    if (this.#encoding === 'utf-16le') return bytes.length & ~1;
    if (this.#encoding !== 'utf-8') return bytes.length;
    for (let back = 1; back <= 3 && back <= bytes.length; back += 1) {
      const byte = bytes[bytes.length - back];
      if (byte >= 0xc0) {
        const needs = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
        return needs > back ? bytes.length - back : bytes.length;
      }
      if (byte < 0x80) break;
    }
    return bytes.length;
  }
  #read(bytes) {
    if (this.#encoding === 'windows-1252') return characters(bytes);
    if (this.#encoding === 'utf-16le') {
      const units = new Uint16Array(bytes.length >> 1);
      for (let i = 0; i < units.length; i += 1) units[i] = bytes[2 * i] | (bytes[2 * i + 1] << 8);
      return characters(units);
    }
    try {
      return decodeUtf8(bytes, this.fatal);
    } catch {
      const error = new TypeError('The encoded data was not valid for encoding utf-8');
      error.code = 'ERR_ENCODING_INVALID_ENCODED_DATA';
      throw error;
    }
  }
}

function invalidCharacter(message) {
  return new DOMException(message, 'InvalidCharacterError');
}

/** Text whose characters are bytes, as base64. */
export function btoa(value) {
  const given = text(value);
  const bytes = new Bytes(given.length);
  for (let i = 0; i < given.length; i += 1) {
    const code = charCodeAt(given, i);
    if (code > 255) throw invalidCharacter('Invalid character');
    bytes[i] = code;
  }
  return toBase64(bytes);
}

/** Base64 as text whose characters are bytes. */
export function atob(value) {
  const given = text(value).replace(/[\t\n\f\r ]/g, '').replace(/={1,2}$/, '');
  if (given.length % 4 === 1 || /[^A-Za-z0-9+/]/.test(given)) {
    throw invalidCharacter('The string to be decoded is not correctly encoded.');
  }
  return characters(fromBase64(given));
}

offer('encoding', { TextEncoder, TextDecoder, atob, btoa });
