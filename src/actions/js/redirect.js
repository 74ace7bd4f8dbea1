// `api.redirect`: where the browser is sent, and the tokens that go with it (JWT, RFC 7519, signed
// with HS256).

import { filled, object } from './check.js';
import { host } from './host.js';
import { decodeUtf8, utf8 } from './utf8.js';
import { decode, encode } from './base64.js';
import { assign, Bytes, floor, isArray, keys, lastIndexOf, parse, slice, split, startsWith, stringify, text, toWellFormed } from './primordials.js';
import { offer } from './parts.js';

const HEADER = { __proto__: null, alg: 'HS256', typ: 'JWT' };
const USUAL_SECONDS = 900;
const USUAL_PARAMETER = 'session_token';
/** Most characters of a token that is read, and of an address. */
const TOKEN_LENGTH = 16 * 1024;
const URL_LENGTH = 8 * 1024;

function bytes(value) {
  return encode(utf8(value), true);
}

function sign(secret, signed) {
  return encode(new Bytes(host.hmac('sha256', utf8(secret), utf8(signed))), true);
}

/** A token that tells the page about the login: the payload, and whose it is. */
export function encodeToken(input, { secret, payload, expiresInSeconds = USUAL_SECONDS }) {
  const method = 'api.redirect.encodeToken';
  filled(method, 'secret', secret);
  object(method, 'payload', payload);
  if (typeof expiresInSeconds !== 'number' || !(expiresInSeconds > 0)) {
    throw new TypeError(`${method}: "expiresInSeconds" must be a number above 0`);
  }
  const { issuer, subject, ip } = input.state?.redirect_token ?? {};
  const now = floor(host.now() / 1000);
  const claims = assign({ __proto__: null }, payload);
  claims.iat = now;
  claims.exp = floor(now + expiresInSeconds);
  claims.sub = subject;
  claims.iss = issuer;
  claims.ip = ip;
  const signed = bytes(stringify(HEADER)) + '.' + bytes(stringify(claims));
  return signed + '.' + sign(secret, signed);
}

function refuse(why) {
  return new Error(`The session token is invalid: ${why}`);
}

function json(part) {
  try {
    const value = parse(decodeUtf8(decode(part, true), true));
    if (value !== null && typeof value === 'object' && !isArray(value)) return value;
  } catch {
    // Said below.
  }
  throw refuse('it is not a JSON Web Token');
}

/** The payload of the token that came back, if it was signed with the secret for this login. */
export function validateToken(input, { secret, tokenParameterName = USUAL_PARAMETER }) {
  const method = 'api.redirect.validateToken';
  filled(method, 'secret', secret);
  filled(method, 'tokenParameterName', tokenParameterName);
  const { request } = input.event;
  const token = request?.query?.[tokenParameterName] ?? request?.body?.[tokenParameterName];
  if (typeof token !== 'string' || token === '') throw refuse(`there is no parameter "${tokenParameterName}"`);
  if (token.length > TOKEN_LENGTH) throw refuse('it is too long');
  const parts = split(token, '.');
  if (parts.length !== 3) throw refuse('it is not a JSON Web Token');
  // The algorithm is ours to say: a token that names another is not looked at.
  if (json(parts[0]).alg !== HEADER.alg) throw refuse('it is not signed with HS256');
  const expected = sign(secret, slice(token, 0, lastIndexOf(token, '.')));
  if (!host.equal(utf8(expected), utf8(parts[2]))) throw refuse('its signature is wrong');
  const claims = json(parts[1]);
  const now = host.now() / 1000;
  if (typeof claims.exp !== 'number' || claims.exp <= now) throw refuse('it has expired');
  if (claims.nbf !== undefined && !(claims.nbf <= now)) throw refuse('it is not valid yet');
  // A token of another login would pass otherwise.
  const state = input.state?.redirect_token?.state;
  if (typeof state !== 'string' || claims.state !== state) throw refuse('it is not for this login');
  const { subject } = input.state.redirect_token;
  if (claims.sub !== undefined && claims.sub !== subject) throw refuse('it is not for this user');
  return claims;
}

/** The address that the browser is sent to, with what `query` adds. */
export function target(url, { query }) {
  const method = 'api.redirect.sendUserTo';
  filled(method, 'url', url);
  const parsed = host.parseUrl(toWellFormed(url), undefined);
  const { protocol, search, href } = parsed ? parse(parsed) : {};
  if (protocol !== 'https:' && protocol !== 'http:') {
    throw new TypeError(`${method}: "url" must be an absolute http or https URL`);
  }
  let added = '';
  if (query !== undefined && query !== null) {
    const names = keys(object(method, 'query', query));
    for (let i = 0; i < names.length; i += 1) {
      const value = query[names[i]];
      if (value === undefined || value === null) continue;
      const values = isArray(value) ? value : [value];
      for (let j = 0; j < values.length; j += 1) {
        added += (added && '&') + escape(names[i]) + '=' + escape(text(values[j]));
      }
    }
  }
  if (added === '') return limited(href);
  const joined = startsWith(search, '?') ? search + '&' + added : '?' + added;
  return limited(parse(host.setUrlPart(href, 'search', joined)).href);
}

const escape = globalThis.encodeURIComponent;

function limited(href) {
  if (href.length > URL_LENGTH) throw new RangeError(`api.redirect.sendUserTo: "url" has more than ${URL_LENGTH} characters`);
  return href;
}

offer('redirect', { encodeToken, validateToken, target });
