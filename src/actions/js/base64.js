// Base64 and base64url (RFC 4648), read as Node.js reads them: either alphabet, ending at what is
// neither.

import { apply, Bytes, charCodeAt, create, fromCharCode } from './primordials.js';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const URL_ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const NONE = 255;

function codes(alphabet) {
  const found = new Bytes(64);
  for (let i = 0; i < 64; i += 1) found[i] = charCodeAt(alphabet, i);
  return found;
}

const CODES = codes(ALPHABET);
const URL_CODES = codes(URL_ALPHABET);
const VALUES = new Bytes(256).fill(NONE);
for (let i = 0; i < 64; i += 1) VALUES[CODES[i]] = VALUES[URL_CODES[i]] = i;

/** Characters from their codes, in pieces that an argument list can hold. */
export function characters(units, from = 0, to = units.length) {
  let written = '';
  for (let start = from; start < to; start += 4096) {
    const end = start + 4096 < to ? start + 4096 : to;
    const list = create(null);
    list.length = end - start;
    for (let i = start; i < end; i += 1) list[i - start] = units[i];
    written += apply(fromCharCode, undefined, list);
  }
  return written;
}

/** Bytes, or an ArrayBuffer, as base64; with `url` as base64url without padding. */
export function encode(source, url) {
  const bytes = source instanceof Bytes ? source : new Bytes(source);
  const { length } = bytes;
  const table = url ? URL_CODES : CODES;
  const rest = length % 3;
  const size = url ? Math.ceil((length * 4) / 3) : Math.ceil(length / 3) * 4;
  const units = new Bytes(size);
  let at = 0;
  for (let i = 0; i < length - rest; i += 3) {
    const three = (bytes[i] << 16) | (bytes[i + 1] << 8) | bytes[i + 2];
    units[at++] = table[three >> 18];
    units[at++] = table[(three >> 12) & 63];
    units[at++] = table[(three >> 6) & 63];
    units[at++] = table[three & 63];
  }
  if (rest === 1) {
    units[at++] = table[bytes[length - 1] >> 2];
    units[at++] = table[(bytes[length - 1] & 3) << 4];
  } else if (rest === 2) {
    const two = (bytes[length - 2] << 8) | bytes[length - 1];
    units[at++] = table[two >> 10];
    units[at++] = table[(two >> 4) & 63];
    units[at++] = table[(two & 15) << 2];
  }
  while (at < size) units[at++] = 61;
  return characters(units);
}

/** The bytes of a text. With `strict`, anything but base64url without padding throws. */
export function decode(text, strict) {
  const { length } = text;
  const bytes = new Bytes(((length * 3) >> 2) + 3);
  let size = 0;
  let held = 0;
  let bits = 0;
  for (let i = 0; i < length; i += 1) {
    const code = charCodeAt(text, i);
    const value = code < 256 ? VALUES[code] : NONE;
    if (value === NONE || (strict && (code === 43 || code === 47))) {
      if (strict) throw new TypeError('not base64url');
      if (code === 61) break;
      continue;
    }
    held = ((held << 6) | value) & 0xffffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[size++] = (held >> bits) & 255;
    }
  }
  return bytes.slice(0, size);
}
