// fetch, Headers, Request and Response. The server makes the request, under rules of its own.

import { Bytes, bytesOf, MapClass, mapDelete, mapGet, mapSet, parse, stringify, text, toLowerCase, toUpperCase, toWellFormed } from './primordials.js';
import { host } from './host.js';
import { decodeUtf8, utf8 } from './utf8.js';
import { URL, URLSearchParams } from './url.js';
import { offer } from './parts.js';

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const STATUS_WITHOUT_BODY = [101, 204, 205, 304];

const pending = new MapClass();
let last = 0;

export class Headers {
  #all = new MapClass();
  constructor(init) {
    if (init === undefined || init === null) return;
    if (typeof init !== 'object') throw new TypeError('Headers: the argument must be an object');
    const pairs = typeof init[Symbol.iterator] === 'function' ? init : Object.entries(init);
    for (const pair of pairs) {
      const both = [...pair];
      if (both.length !== 2) throw new TypeError('Headers: each header must be a name and a value');
      this.append(both[0], both[1]);
    }
  }
  static #name(name) {
    const lower = toLowerCase(text(name));
    if (!TOKEN.test(lower)) throw new TypeError(`Headers: ${stringify(lower)} is an invalid header name.`);
    return lower;
  }
  static #value(value) {
    const trimmed = text(value).replace(/^[\t\n\r ]+|[\t\n\r ]+$/g, '');
    if (/[\0\n\r]/.test(trimmed)) throw new TypeError('Headers: an invalid header value.');
    return trimmed;
  }
  append(name, value) {
    const key = Headers.#name(name);
    const known = mapGet(this.#all, key) ?? [];
    mapSet(this.#all, key, [...known, Headers.#value(value)]);
  }
  set(name, value) {
    mapSet(this.#all, Headers.#name(name), [Headers.#value(value)]);
  }
  delete(name) {
    mapDelete(this.#all, Headers.#name(name));
  }
  get(name) {
    return mapGet(this.#all, Headers.#name(name))?.join(', ') ?? null;
  }
  has(name) {
    return mapGet(this.#all, Headers.#name(name)) !== undefined;
  }
  getSetCookie() {
    return [...(mapGet(this.#all, 'set-cookie') ?? [])];
  }
  forEach(callback, self) {
    for (const [name, value] of this) callback.call(self, value, name, this);
  }
  *entries() {
    for (const name of [...this.#all.keys()].sort()) yield [name, mapGet(this.#all, name).join(', ')];
  }
  *keys() {
    for (const [name] of this.entries()) yield name;
  }
  *values() {
    for (const [, value] of this.entries()) yield value;
  }
  [Symbol.iterator]() {
    return this.entries();
  }
  [Symbol.for('nodejs.util.inspect.custom')](depth, options, inspect) {
    return `Headers ${inspect(Object.fromEntries(this))}`;
  }
}

/** The bytes of a body, and the type that it has of itself. */
function extract(body) {
  if (body === undefined || body === null) return [null, null];
  const bytes = bytesOf(body);
  if (bytes !== undefined) return [bytes.slice(), null];
  if (body instanceof URLSearchParams) {
    return [utf8(body.toString()), 'application/x-www-form-urlencoded;charset=UTF-8'];
  }
  return [utf8(text(body)), 'text/plain;charset=UTF-8'];
}

/** What requests and responses have in common. */
class Body {
  #bytes;
  #used = false;
  constructor(bytes) {
    this.#bytes = bytes;
  }
  get bodyUsed() {
    return this.#used;
  }
  #take() {
    if (this.#used) throw new TypeError('Body is unusable: Body has already been read');
    this.#used = this.#bytes !== null;
    return this.#bytes ?? new Bytes(0);
  }
  static peek(body) {
    if (body.#used) throw new TypeError('Body is unusable: Body has already been read');
    return body.#bytes;
  }
  async text() {
    const decoded = decodeUtf8(this.#take(), false);
    return decoded.charCodeAt(0) === 0xfeff ? decoded.slice(1) : decoded;
  }
  async json() {
    return parse(await this.text());
  }
  async bytes() {
    return this.#take().slice();
  }
  async arrayBuffer() {
    return this.#take().slice().buffer;
  }
}
const { peek } = Body;
delete Body.peek;

export class Request extends Body {
  constructor(input, init = {}) {
    const from = input instanceof Request ? input : undefined;
    const url = new URL(from ? from.url : input);
    if (url.username || url.password) {
      throw new TypeError(`Request cannot be constructed from a URL that includes credentials: ${url.href}`);
    }
    const method = init.method === undefined ? from?.method ?? 'GET' : text(init.method);
    const upper = toUpperCase(method);
    if (!TOKEN.test(method) || ['CONNECT', 'TRACE', 'TRACK'].includes(upper)) {
      throw new TypeError(`'${method}' is not a valid HTTP method.`);
    }
    const known = ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH'].includes(upper) ? upper : method;
    const [bytes, type] = init.body === undefined ? [from ? peek(from) : null, null] : extract(init.body);
    if (bytes !== null && (known === 'GET' || known === 'HEAD')) {
      throw new TypeError('Request with GET/HEAD method cannot have body.');
    }
    super(bytes);
    this.method = known;
    this.url = url.href;
    this.headers = new Headers(init.headers ?? from?.headers);
    if (type !== null && !this.headers.has('content-type')) this.headers.set('content-type', type);
    this.redirect = init.redirect ?? from?.redirect ?? 'follow';
    if (!['follow', 'error', 'manual'].includes(this.redirect)) throw new TypeError('Request: invalid "redirect"');
    this.signal = init.signal ?? from?.signal ?? null;
  }
  clone() {
    return new Request(this);
  }
}

export class Response extends Body {
  constructor(body = null, init = {}) {
    const [bytes, type] = extract(body);
    const status = init.status ?? 200;
    if (!Number.isInteger(status) || status < 200 || status > 599) {
      throw new RangeError('init["status"] must be in the range of 200 to 599, inclusive.');
    }
    if (bytes !== null && STATUS_WITHOUT_BODY.includes(status)) {
      throw new TypeError(`Response constructor: Invalid response status code ${status}`);
    }
    super(bytes);
    this.status = status;
    this.statusText = text(init.statusText ?? '');
    this.headers = new Headers(init.headers);
    if (type !== null && !this.headers.has('content-type')) this.headers.set('content-type', type);
    this.url = '';
    this.redirected = false;
    this.type = 'default';
  }
  get ok() {
    return this.status >= 200 && this.status < 300;
  }
  clone() {
    const copy = new Response(peek(this)?.slice() ?? null, this);
    copy.url = this.url;
    copy.redirected = this.redirected;
    return copy;
  }
  static json(value, init = {}) {
    const headers = new Headers(init.headers);
    if (!headers.has('content-type')) headers.set('content-type', 'application/json');
    return new Response(stringify(value), { ...init, headers });
  }
  static error() {
    const response = new Response();
    response.status = 0;
    response.type = 'error';
    return response;
  }
  static redirect(url, status = 302) {
    return new Response(null, { status, headers: { location: new URL(url).href } });
  }
}

function received(request, { status, status_text: statusText = '', headers, url, redirected }, body) {
  const bytes = STATUS_WITHOUT_BODY.includes(status) ? null : new Bytes(body);
  const response = new Response(bytes, { status: 200, statusText, headers });
  response.status = status;
  response.url = url ?? request.url;
  response.redirected = redirected ?? false;
  response.type = 'basic';
  return response;
}

/** The worker's answer to a request: `{"status", "status_text", "headers", "url", "redirected"}` or `{"error"}`. */
export function settle(id, answerJson, body) {
  const waiting = mapGet(pending, id);
  if (!waiting) return;
  mapDelete(pending, id);
  const answer = parse(answerJson);
  if (answer.error === undefined) {
    waiting.resolve(received(waiting.request, answer, body));
  } else {
    const cause = new Error(answer.error);
    waiting.reject(new TypeError(`fetch failed: ${answer.error}`, { cause }));
  }
}

export async function fetch(input, init) {
  const request = new Request(input, init);
  const { signal } = request;
  signal?.throwIfAborted();
  const id = ++last;
  const bytes = peek(request);
  const answer = new Promise((resolve, reject) => {
    mapSet(pending, id, { __proto__: null, request, resolve, reject });
    signal?.addEventListener('abort', () => {
      // The answer, if there is one, comes to nobody.
      mapDelete(pending, id);
      reject(signal.reason);
    }, { once: true });
  });
  const { method, url, redirect } = request;
  const sent = stringify({ method, url, redirect, headers: [...request.headers], has_body: bytes !== null });
  host.fetch(id, toWellFormed(sent), bytes ?? new Bytes(0));
  return answer;
}

offer('fetch', { fetch, Headers, Request, Response, settle });
