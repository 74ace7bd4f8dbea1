// Web Cryptography: random values, digests and HMAC.

import { Bytes, bytesOf, isView, padStart, setBytes, text, toText, toUpperCase } from './primordials.js';
import { decode as fromBase64, encode as toBase64 } from './base64.js';
import { DOMException } from './abort.js';
import { host } from './host.js';
import { offer } from './parts.js';

const HASHES = { __proto__: null, 'SHA-1': 'sha1', 'SHA-256': 'sha256', 'SHA-384': 'sha384', 'SHA-512': 'sha512' };
const BLOCKS = { __proto__: null, sha1: 64, sha256: 64, sha384: 128, sha512: 128 };
const JWK_NAMES = { __proto__: null, sha1: 'HS1', sha256: 'HS256', sha384: 'HS384', sha512: 'HS512' };
const MOST_RANDOM = 65536;

function failure(name, message) {
  return new DOMException(message, name);
}

function nameOf(algorithm) {
  return toUpperCase(text(typeof algorithm === 'object' && algorithm !== null ? algorithm.name : algorithm));
}

function hashOf(algorithm) {
  const hash = HASHES[nameOf(algorithm)];
  if (hash === undefined) throw failure('NotSupportedError', 'Unrecognized algorithm name');
  return hash;
}

function hmacOnly(algorithm) {
  if (nameOf(algorithm) !== 'HMAC') {
    throw failure('NotSupportedError', `crypto.subtle: only HMAC is available in Doorward, not ${nameOf(algorithm)}`);
  }
}

function input(source) {
  const bytes = bytesOf(source);
  if (bytes === undefined) throw new TypeError('The argument must be an ArrayBuffer or a view on one');
  // A copy: the source may change before the promise is settled.
  return bytes.slice();
}

let makeKey;
let secretOf;
let mayMake = false;

export class CryptoKey {
  #secret;
  constructor() {
    if (!mayMake) throw new TypeError('Illegal constructor');
  }
  static {
    makeKey = (secret, hash, extractable, usages) => {
      mayMake = true;
      const key = new CryptoKey();
      mayMake = false;
      key.#secret = secret;
      key.type = 'secret';
      key.extractable = Boolean(extractable);
      key.algorithm = { name: 'HMAC', hash: { name: hash }, length: secret.length * 8 };
      key.usages = [...usages];
      return Object.freeze(key);
    };
    secretOf = (key, usage) => {
      if (key === null || typeof key !== 'object' || !(#secret in key)) {
        throw new TypeError('The "key" argument must be a CryptoKey');
      }
      if (usage && !key.usages.includes(usage)) {
        throw failure('InvalidAccessError', `The key is not for "${usage}"`);
      }
      return key.#secret;
    };
  }
}

function hashName(hash) {
  return nameOf(hash);
}

export class SubtleCrypto {
  async digest(algorithm, source) {
    return host.digest(hashOf(algorithm), input(source));
  }
  async importKey(format, source, algorithm, extractable, usages) {
    hmacOnly(algorithm);
    hashOf(algorithm.hash);
    let secret;
    if (format === 'raw') secret = input(source);
    else if (format === 'jwk' && source?.kty === 'oct') secret = fromBase64(text(source.k), true);
    else throw failure('NotSupportedError', 'crypto.subtle.importKey: only "raw" and "jwk" are available in Doorward');
    if (secret.length === 0) throw failure('DataError', 'Zero-length key is not supported');
    return makeKey(secret, hashName(algorithm.hash), extractable, usages);
  }
  async exportKey(format, key) {
    const secret = secretOf(key);
    if (!key.extractable) throw failure('InvalidAccessError', 'key is not extractable');
    if (format === 'raw') return secret.slice().buffer;
    if (format === 'jwk') {
      const alg = JWK_NAMES[hashOf(key.algorithm.hash)];
      return { kty: 'oct', k: toBase64(secret, true), alg, key_ops: [...key.usages], ext: true };
    }
    throw failure('NotSupportedError', 'crypto.subtle.exportKey: only "raw" and "jwk" are available in Doorward');
  }
  async generateKey(algorithm, extractable, usages) {
    hmacOnly(algorithm);
    const length = algorithm.length === undefined ? BLOCKS[hashOf(algorithm.hash)] : algorithm.length >> 3;
    return makeKey(new Bytes(host.random(length)), hashName(algorithm.hash), extractable, usages);
  }
  async sign(algorithm, key, source) {
    hmacOnly(algorithm);
    return host.hmac(hashOf(key?.algorithm?.hash), secretOf(key, 'sign'), input(source));
  }
  async verify(algorithm, key, signature, source) {
    hmacOnly(algorithm);
    const expected = host.hmac(hashOf(key?.algorithm?.hash), secretOf(key, 'verify'), input(source));
    return host.equal(new Bytes(expected), input(signature));
  }
}
for (const name of ['encrypt', 'decrypt', 'deriveBits', 'deriveKey', 'wrapKey', 'unwrapKey']) {
  SubtleCrypto.prototype[name] = async function () {
    throw failure('NotSupportedError', `crypto.subtle.${name} is not available in Doorward`);
  };
}

const subtle = new SubtleCrypto();

export class Crypto {
  get subtle() {
    return subtle;
  }
  getRandomValues(target) {
    if (!isView(target) || toText(target).startsWith('[object Float') || toText(target) === '[object DataView]') {
      throw failure('TypeMismatchError', 'The data argument must be an integer-type TypedArray');
    }
    const bytes = bytesOf(target);
    if (bytes.length > MOST_RANDOM) {
      throw failure('QuotaExceededError', `The requested length exceeds ${MOST_RANDOM} bytes`);
    }
    setBytes(bytes, new Bytes(host.random(bytes.length)));
    return target;
  }
  randomUUID() {
    const bytes = new Bytes(host.random(16));
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let written = '';
    for (let i = 0; i < 16; i += 1) {
      if (i === 4 || i === 6 || i === 8 || i === 10) written += '-';
      written += padStart(bytes[i].toString(16), 2, '0');
    }
    return written;
  }
}

export const crypto = new Crypto();

offer('webcrypto', { crypto, Crypto, CryptoKey, SubtleCrypto });
