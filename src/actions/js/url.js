// URL and URLSearchParams (URL Standard). Parsing is the worker's.

import { parse, text, toWellFormed } from './primordials.js';
import { host } from './host.js';
import { decodeUtf8, utf8 } from './utf8.js';
import { offer } from './parts.js';

function invalid(input) {
  const error = new TypeError('Invalid URL');
  error.code = 'ERR_INVALID_URL';
  error.input = input;
  return error;
}

// What encodeURIComponent leaves alone and a form does not.
const FORM = { __proto__: null, '!': '%21', "'": '%27', '(': '%28', ')': '%29', '~': '%7E', '%20': '+' };

function encodePart(value) {
  return encodeURIComponent(toWellFormed(text(value))).replace(/[!'()~]|%20/g, (found) => FORM[found]);
}

function decodePart(value) {
  const spaced = value.replaceAll('+', ' ');
  if (!spaced.includes('%')) return spaced;
  try {
    return decodeURIComponent(spaced);
  } catch {
    // Broken escapes stay as they are, bytes that are no UTF-8 become U+FFFD.
    const bytes = [];
    for (const byte of utf8(spaced)) bytes.push(byte);
    const out = [];
    for (let i = 0; i < bytes.length; i += 1) {
      const code = Number.parseInt(String.fromCharCode(bytes[i + 1] ?? 0, bytes[i + 2] ?? 0), 16);
      const hex = /^[0-9a-fA-F]{2}$/.test(String.fromCharCode(bytes[i + 1] ?? 0, bytes[i + 2] ?? 0));
      if (bytes[i] === 0x25 && hex) {
        out.push(code);
        i += 2;
      } else {
        out.push(bytes[i]);
      }
    }
    return decodeUtf8(new Uint8Array(out), false);
  }
}

function parsePairs(query) {
  const pairs = [];
  for (const part of query.split('&')) {
    if (part === '') continue;
    const at = part.indexOf('=');
    const name = at < 0 ? part : part.slice(0, at);
    pairs.push([decodePart(name), at < 0 ? '' : decodePart(part.slice(at + 1))]);
  }
  return pairs;
}

let attach;
let refresh;

export class URLSearchParams {
  #pairs = [];
  #changed = null;

  static {
    attach = (params, changed) => {
      params.#changed = changed;
    };
    refresh = (params, query) => {
      params.#pairs = parsePairs(query.startsWith('?') ? query.slice(1) : query);
    };
  }

  constructor(init = '') {
    if (init !== null && typeof init === 'object') {
      if (typeof init[Symbol.iterator] === 'function') {
        for (const pair of init) {
          const both = [...pair];
          if (both.length !== 2) throw new TypeError('Each query pair must be an iterable [name, value] tuple');
          this.#pairs.push([toWellFormed(text(both[0])), toWellFormed(text(both[1]))]);
        }
      } else {
        for (const name of Object.keys(init)) this.#pairs.push([toWellFormed(name), toWellFormed(text(init[name]))]);
      }
    } else {
      refresh(this, toWellFormed(text(init)));
    }
  }

  get size() {
    return this.#pairs.length;
  }
  append(name, value) {
    this.#pairs.push([toWellFormed(text(name)), toWellFormed(text(value))]);
    this.#changed?.(this.toString());
  }
  delete(name, value) {
    const [n, v] = [text(name), value === undefined ? undefined : text(value)];
    this.#pairs = this.#pairs.filter((pair) => pair[0] !== n || (v !== undefined && pair[1] !== v));
    this.#changed?.(this.toString());
  }
  get(name) {
    const wanted = text(name);
    return this.#pairs.find((pair) => pair[0] === wanted)?.[1] ?? null;
  }
  getAll(name) {
    const wanted = text(name);
    return this.#pairs.filter((pair) => pair[0] === wanted).map((pair) => pair[1]);
  }
  has(name, value) {
    const wanted = text(name);
    return this.#pairs.some((pair) => pair[0] === wanted && (value === undefined || pair[1] === text(value)));
  }
  set(name, value) {
    const wanted = toWellFormed(text(name));
    const at = this.#pairs.findIndex((pair) => pair[0] === wanted);
    const pair = [wanted, toWellFormed(text(value))];
    if (at < 0) this.#pairs.push(pair);
    else this.#pairs = this.#pairs.map((one, i) => (i === at ? pair : one)).filter((one, i) => one[0] !== wanted || i === at);
    this.#changed?.(this.toString());
  }
  sort() {
    this.#pairs.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    this.#changed?.(this.toString());
  }
  forEach(callback, self) {
    for (const [name, value] of this.#pairs) callback.call(self, value, name, this);
  }
  *entries() {
    for (const [name, value] of this.#pairs) yield [name, value];
  }
  *keys() {
    for (const [name] of this.#pairs) yield name;
  }
  *values() {
    for (const [, value] of this.#pairs) yield value;
  }
  [Symbol.iterator]() {
    return this.entries();
  }
  toString() {
    return this.#pairs.map(([name, value]) => `${encodePart(name)}=${encodePart(value)}`).join('&');
  }
  [Symbol.for('nodejs.util.inspect.custom')](depth, options, inspect) {
    const shown = this.#pairs.map(([name, value]) => `${inspect(name)} => ${inspect(value)}`);
    return `URLSearchParams {${shown.length ? ` ${shown.join(', ')} ` : ''}}`;
  }
}

export class URL {
  #parts;
  #params;

  constructor(input, base) {
    const address = toWellFormed(text(input));
    const parsed = host.parseUrl(address, base === undefined ? undefined : toWellFormed(text(base)));
    if (!parsed) throw invalid(address);
    this.#parts = parse(parsed);
  }

  static canParse(input, base) {
    return Boolean(host.parseUrl(text(input), base === undefined ? undefined : text(base)));
  }
  static parse(input, base) {
    return URL.canParse(input, base) ? new URL(input, base) : null;
  }

  #set(part, value) {
    const changed = host.setUrlPart(this.#parts.href, part, toWellFormed(text(value)));
    if (changed) this.#parts = parse(changed);
    if (this.#params && part === 'search') refresh(this.#params, this.#parts.search);
  }

  get searchParams() {
    if (!this.#params) {
      this.#params = new URLSearchParams(this.#parts.search);
      attach(this.#params, (query) => {
        const changed = host.setUrlPart(this.#parts.href, 'search', query);
        if (changed) this.#parts = parse(changed);
      });
    }
    return this.#params;
  }
  get href() {
    return this.#parts.href;
  }
  set href(value) {
    const parsed = host.parseUrl(toWellFormed(text(value)), undefined);
    if (!parsed) throw invalid(text(value));
    this.#parts = parse(parsed);
    if (this.#params) refresh(this.#params, this.#parts.search);
  }
  get origin() {
    return this.#parts.origin;
  }
  get protocol() {
    return this.#parts.protocol;
  }
  set protocol(value) {
    this.#set('protocol', value);
  }
  get username() {
    return this.#parts.username;
  }
  set username(value) {
    this.#set('username', value);
  }
  get password() {
    return this.#parts.password;
  }
  set password(value) {
    this.#set('password', value);
  }
  get host() {
    return this.#parts.host;
  }
  set host(value) {
    this.#set('host', value);
  }
  get hostname() {
    return this.#parts.hostname;
  }
  set hostname(value) {
    this.#set('hostname', value);
  }
  get port() {
    return this.#parts.port;
  }
  set port(value) {
    this.#set('port', value);
  }
  get pathname() {
    return this.#parts.pathname;
  }
  set pathname(value) {
    this.#set('pathname', value);
  }
  get search() {
    return this.#parts.search;
  }
  set search(value) {
    this.#set('search', value);
  }
  get hash() {
    return this.#parts.hash;
  }
  set hash(value) {
    this.#set('hash', value);
  }
  toString() {
    return this.#parts.href;
  }
  toJSON() {
    return this.#parts.href;
  }
  [Symbol.for('nodejs.util.inspect.custom')](depth, options, inspect) {
    const { href, origin, protocol, username, password, host: name, hostname, port, pathname, search, hash } = this;
    const shown = inspect({ href, origin, protocol, username, password, host: name, hostname, port, pathname, search, hash });
    return `URL ${shown}`;
  }
}

offer('url', { URL, URLSearchParams });
