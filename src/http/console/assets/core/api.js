// The Management API. The console changes and reads nothing except through here.

import { Unreachable } from './authorization.js';
import { LoginEnded, NotAnAdministrator, session } from './session.js';

const KINDS = {
  400: 'validation', 401: 'login', 403: 'forbidden', 404: 'missing', 409: 'conflict', 412: 'changed', 413: 'validation', 429: 'rate',
};

const SENTENCES = {
  forbidden: 'Your role does not allow this.',
  missing: 'This no longer exists: somebody has deleted it.',
  changed: 'Somebody else has changed this since you opened it.',
  rate: 'Too many requests in a short time. Wait a moment, then try again.',
  server: 'The server could not do this. Try again; if it stays, the server’s log tells why.',
  offline: 'The server cannot be reached. What you typed stays here: try again once the connection is back.',
};

/** The member that a message of the server complains about: `callbacks[0]`, `refresh_token.leeway`. */
function propertyOf(message) {
  return /on property ([\w.[\]-]+)/.exec(message)?.[1].replace(/\.$/, '');
}

/** The sentence inside "Payload validation error: 'Sentence' on property x (what x is)." */
function sentenceOf(message) {
  return /^(?:Payload|Query) validation error: '(.+)' on property /s.exec(message)?.[1] ?? message;
}

/** A request that the Management API refused, or that did not reach it. */
export class ApiError extends Error {
  /**
   * `kind` is one of validation, login, forbidden, missing, conflict, changed, rate, server, offline;
   * `property` the member of the body that is wrong, if it is one.
   */
  constructor(kind, { status, code, message, property, requestId } = {}) {
    super(message ?? SENTENCES[kind]);
    Object.assign(this, { kind, status, code, property, requestId });
  }
}

async function failure(response) {
  const body = await response.json().catch(() => ({}));
  const kind = KINDS[response.status] ?? (response.status < 500 ? 'validation' : 'server');
  const told = typeof body.message === 'string' ? body.message : undefined;
  const ours = { missing: true, changed: true, rate: true, server: true }[kind];
  return new ApiError(kind, {
    status: response.status,
    code: body.errorCode,
    property: kind === 'validation' && told ? propertyOf(told) : undefined,
    message: ours || !told ? SENTENCES[kind] : sentenceOf(told),
    requestId: response.headers.get('x-request-id'),
  });
}

async function token() {
  try {
    return await session.token();
  } catch (error) {
    if (error instanceof Unreachable) throw new ApiError('offline');
    if (error instanceof LoginEnded || error instanceof NotAnAdministrator) {
      throw new ApiError('login', { message: error.message });
    }
    throw error;
  }
}

function addressOf(path, query) {
  const given = Object.entries(query ?? {}).filter(([, value]) => value !== undefined && value !== null && value !== '');
  const search = new URLSearchParams(given).toString();
  return `/api/v2/${path}${search && `?${search}`}`;
}

async function send(method, path, { query, body, etag, signal } = {}) {
  for (let attempt = 0; ; attempt += 1) {
    const bearer = await token();
    const headers = { Authorization: `Bearer ${bearer}` };
    if (body !== undefined) headers['Content-Type'] = 'application/json';
    if (etag) headers['If-Match'] = etag;
    let response;
    try {
      response = await fetch(addressOf(path, query), {
        method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body),
      });
    } catch (error) {
      if (error.name === 'AbortError') throw error;
      throw new ApiError('offline');
    }
    if (response.status === 401 && attempt === 0) {
      // Nothing was done: with a new token the same request can be made again.
      session.expire(bearer);
      continue;
    }
    if (!response.ok) throw await failure(response);
    const text = await response.text();
    return { body: text ? JSON.parse(text) : undefined, etag: response.headers.get('etag') };
  }
}

const bodyOf = async (sent) => (await sent).body;

/** A path whose parts are encoded: at`users/${id}/roles`. */
export const at = (texts, ...parts) => String.raw({ raw: texts }, ...parts.map(encodeURIComponent));

export const api = {
  /** The body of an answer. */
  get: (path, query, { signal } = {}) => bodyOf(send('GET', path, { query, signal })),
  /** The body and the ETag: `{body, etag}`. */
  read: (path, query, { signal } = {}) => send('GET', path, { query, signal }),
  post: (path, body, { signal } = {}) => bodyOf(send('POST', path, { body, signal })),
  /** `{body, etag}` of what a POST to a part of an object makes of the object. With `etag` as `patch`. */
  act: (path, body, { etag } = {}) => send('POST', path, { body, etag }),
  /** `{body, etag}`. With `etag`, refused as `changed` if somebody else wrote in between. */
  patch: (path, body, { etag } = {}) => send('PATCH', path, { body, etag }),
  /** `{body, etag}`. */
  put: (path, body, { etag } = {}) => send('PUT', path, { body, etag }),
  delete: (path, body, { etag, query } = {}) => bodyOf(send('DELETE', path, { body, etag, query })),
};
