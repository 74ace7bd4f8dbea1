// The module `crypto`: hashes, HMAC and random values.

import { Bytes, bytesOf, text, toLowerCase } from './primordials.js';
import { Buffer, encoded } from './buffer.js';
import { missing } from './check.js';
import { host } from './host.js';
import { crypto as webcrypto } from './webcrypto.js';
import { offer } from './parts.js';

const HASHES = { __proto__: null, md5: 1, sha1: 1, sha256: 1, sha384: 1, sha512: 1 };
const MOST_RANDOM = 1024 * 1024;

function hashOf(name) {
  const hash = toLowerCase(text(name)).replace(/^(rsa-)?sha-?/, 'sha');
  if (!(hash in HASHES)) throw new Error(`Digest method not supported: ${name}`);
  return hash;
}

function input(source, encoding) {
  const bytes = typeof source === 'string' ? encoded(source, encoding) : bytesOf(source);
  if (bytes === undefined) throw new TypeError('The "data" argument must be a string, a Buffer or a TypedArray');
  return bytes;
}

/** What `createHash` and `createHmac` answer: parts are gathered until they are digested. */
class Digest {
  #finish;
  #parts;
  #done = false;
  constructor(finish, parts = []) {
    this.#finish = finish;
    this.#parts = parts;
  }
  update(source, encoding) {
    if (this.#done) throw new Error('Digest already called');
    this.#parts.push(input(source, encoding).slice());
    return this;
  }
  copy() {
    return new Digest(this.#finish, [...this.#parts]);
  }
  digest(encoding) {
    if (this.#done) throw new Error('Digest already called');
    this.#done = true;
    const digest = Buffer.from(this.#finish(Buffer.concat(this.#parts)));
    return encoding === undefined || encoding === 'buffer' ? digest : digest.toString(encoding);
  }
}

function createHash(name) {
  const hash = hashOf(name);
  return new Digest((bytes) => host.digest(hash, bytes));
}

function createHmac(name, key) {
  const hash = hashOf(name);
  const secret = input(key, 'utf8').slice();
  return new Digest((bytes) => host.hmac(hash, secret, bytes));
}

function randomBytes(size, callback) {
  if (!Number.isInteger(size) || size < 0 || size > MOST_RANDOM) {
    throw new RangeError(`The value of "size" is out of range. It must be >= 0 && <= ${MOST_RANDOM}. Received ${size}`);
  }
  const bytes = Buffer.from(host.random(size));
  if (callback === undefined) return bytes;
  globalThis.setImmediate(() => callback(null, bytes));
  return undefined;
}

function randomInt(low, high) {
  const [from, to] = high === undefined ? [0, low] : [low, high];
  const range = to - from;
  if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to) || !(range > 0) || range > 2 ** 48) {
    throw new RangeError('The value of "max" is out of range');
  }
  // Numbers at the end of the range are thrown away, so that each is as likely as the others.
  const limit = 2 ** 48 - (2 ** 48 % range);
  for (;;) {
    const bytes = new Bytes(host.random(6));
    const found = bytes.reduce((sum, byte) => sum * 256 + byte, 0);
    if (found < limit) return from + (found % range);
  }
}

function timingSafeEqual(one, other) {
  const [a, b] = [bytesOf(one), bytesOf(other)];
  if (a === undefined || b === undefined) throw new TypeError('The arguments must be Buffers, TypedArrays or DataViews');
  if (a.length !== b.length) throw new RangeError('Input buffers must have the same byte length');
  return host.equal(a, b);
}

const crypto = {
  createHash,
  createHmac,
  randomBytes,
  randomInt,
  randomUUID: () => webcrypto.randomUUID(),
  getRandomValues: (target) => webcrypto.getRandomValues(target),
  randomFillSync: (target) => webcrypto.getRandomValues(target),
  timingSafeEqual,
  getHashes: () => Object.keys(HASHES),
  hash: (name, source, encoding = 'hex') => createHash(name).update(source).digest(encoding),
  subtle: webcrypto.subtle,
  webcrypto,
};
for (const name of ['createSign', 'createVerify', 'sign', 'verify', 'createCipheriv', 'createDecipheriv', 'createPrivateKey',
  'createPublicKey', 'createSecretKey', 'generateKeyPair', 'generateKeyPairSync', 'pbkdf2', 'pbkdf2Sync', 'scrypt', 'scryptSync',
  'publicEncrypt', 'privateDecrypt', 'hkdf', 'hkdfSync', 'createDiffieHellman', 'createECDH']) {
  crypto[name] = missing(`crypto.${name}`);
}

export const modules = { __proto__: null, crypto };

offer('nodecrypto', { modules });
