// The `api` object of each trigger. Its methods only note what is asked for.

import { cache } from './cache.js';
import { filled, json, missing, string } from './check.js';
import { user, validation } from './members.js';
import { quote, record } from './record.js';
import { postLogin } from './post_login.js';

const CODES = { __proto__: null, invalid_scope: true, invalid_request: true, server_error: true };

function credentialsExchange(input) {
  const api = {
    access: {
      deny(code, reason) {
        string('api.access.deny', 'code', code);
        if (!CODES[code]) {
          throw new TypeError(
            'api.access.deny: "code" must be one of "invalid_scope", "invalid_request" and "server_error"',
          );
        }
        string('api.access.deny', 'reason', reason);
        record('access.deny', 'code', quote(code), 'reason', quote(reason));
        return api;
      },
    },
    accessToken: {
      setCustomClaim(name, value) {
        filled('api.accessToken.setCustomClaim', 'name', name);
        const written = json('api.accessToken.setCustomClaim', 'value', value);
        if (written !== undefined) {
          record('accessToken.setCustomClaim', 'name', quote(name), 'value', written);
        }
        return api;
      },
    },
    transaction: {
      addTargetScopes: missing('api.transaction.addTargetScopes'),
      removeTargetScopes: missing('api.transaction.removeTargetScopes'),
      setTargetScopes: missing('api.transaction.setTargetScopes'),
      clearTargetScopes: missing('api.transaction.clearTargetScopes'),
    },
    cache: cache(input),
  };
  return api;
}

function preUserRegistration(input) {
  const api = {
    access: {
      deny(reason, message) {
        string('api.access.deny', 'reason', reason);
        if (message !== undefined) string('api.access.deny', 'userMessage', message);
        record('access.deny', 'reason', quote(reason), 'message', message === undefined ? message : quote(message));
        return api;
      },
    },
    user: user(() => api),
    validation: validation(() => api),
    cache: cache(input),
  };
  return api;
}

/** The `api` object for the trigger of `input`, for the export `handler`. */
export function apiOf(input, handler) {
  switch (input.trigger) {
    case 'post-login':
      return postLogin(input, handler);
    case 'credentials-exchange':
      return credentialsExchange(input);
    case 'pre-user-registration':
      return preUserRegistration(input);
    default:
      return { cache: cache(input) };
  }
}
