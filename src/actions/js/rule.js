// Runs a Rule: `function (user, context, callback)`.

import {
  apply, defineProperty, hasOwn, hidden, isArray, keys, PromiseClass, rejected, resolved, stringify, text,
} from './primordials.js';
import { quote, record } from './record.js';
import { require } from './globals.js';

/** Refuses with `error=unauthorized` when a rule hands it to its callback. */
class UnauthorizedError extends Error {
  #ours;
  constructor(message) {
    super(message);
    hidden(this, 'name', 'UnauthorizedError');
  }
  static is(value) {
    return value !== null && typeof value === 'object' && #ours in value;
  }
}
const { is: isUnauthorized } = UnauthorizedError;
delete UnauthorizedError.is;

/** `auth0.users`: what rules use to keep metadata. The user is the one that logs in. */
function auth0(user) {
  const { user_id: own } = user ?? {};
  const updater = (name, call) => (id, metadata) => {
    if (id !== own) return rejected(new Error(`auth0.users.${name}: only the metadata of the user that logs in`));
    if (metadata === null || typeof metadata !== 'object' || isArray(metadata)) {
      return rejected(new TypeError(`auth0.users.${name}: "metadata" must be an object`));
    }
    const names = keys(metadata);
    for (let i = 0; i < names.length; i += 1) {
      const written = stringify(metadata[names[i]]);
      if (written !== undefined) record(call, 'key', quote(names[i]), 'value', written);
    }
    return resolved({ user_id: own });
  };
  return {
    users: {
      updateAppMetadata: updater('updateAppMetadata', 'user.setAppMetadata'),
      updateUserMetadata: updater('updateUserMetadata', 'user.setUserMetadata'),
    },
  };
}

/** The texts of the members of an object, so that changes within them are seen. */
function snapshot(value) {
  const texts = { __proto__: null };
  if (value === null || typeof value !== 'object') return texts;
  const names = keys(value);
  for (let i = 0; i < names.length; i += 1) texts[names[i]] = stringify(value[names[i]]);
  return texts;
}

/** Notes what a rule added to a token, changed or took away. */
function claims(call, before, after, except) {
  const now = snapshot(after);
  for (const name in now) {
    if (name !== except && now[name] !== undefined && now[name] !== before[name]) {
      record(call, 'name', quote(name), 'value', now[name]);
    }
  }
  for (const name in before) {
    if (name !== except && now[name] === undefined) record(call, 'name', quote(name), 'value', 'null');
  }
}

function changes(before, context) {
  claims('idToken.setCustomClaim', before.idToken, context.idToken);
  claims('accessToken.setCustomClaim', before.accessToken, context.accessToken, 'scope');
  const scope = context.accessToken?.scope;
  if (isArray(scope) && stringify(scope) !== before.accessToken.scope) {
    const scopes = [];
    for (let i = 0; i < scope.length; i += 1) append(scopes, text(scope[i]));
    record('accessToken.setScope', 'scope', stringify(scopes));
  }
  // Who asks for a second factor must not get a login without one.
  const { multifactor, primaryUser, redirect } = context;
  if (multifactor !== null && typeof multifactor === 'object' && multifactor.provider !== 'none') {
    throw new Error('context.multifactor is not available in Doorward: there are no second factors');
  }
  if (primaryUser !== before.primaryUser) {
    throw new Error('context.primaryUser is not available in Doorward: there is no account linking');
  }
  if (context.protocol !== 'redirect-callback' && redirect !== null && typeof redirect === 'object') {
    if (typeof redirect.url !== 'string') throw new TypeError('context.redirect.url must be a string');
    record('redirect.sendUserTo', 'url', quote(redirect.url));
  }
}

// An index that a script gave `Array.prototype` a setter for is still written to the array itself.
function append(array, value) {
  defineProperty(array, array.length, { __proto__: null, value, writable: true, enumerable: true, configurable: true });
}

/** What the rule handed to its callback when that was no error; the first call counts. */
function called(script, user, context) {
  return new PromiseClass((resolve, reject) => {
    const callback = (error, nextUser, nextContext) => {
      if (error !== null && error !== undefined && error !== false) {
        resolve({ __proto__: null, refused: true, error });
      } else {
        resolve({ __proto__: null, refused: false, user: nextUser ?? user, context: nextContext ?? context });
      }
    };
    const answer = apply(script, undefined, [user, context, callback]);
    // An async rule that fails would otherwise never be heard of.
    if (answer !== null && typeof answer === 'object' && typeof answer.then === 'function') {
      answer.then(undefined, reject);
    }
  });
}

function refuse(error) {
  if (isUnauthorized(error)) {
    record('access.unauthorized', 'reason', quote(text(error.message)));
  } else {
    const reason = typeof error === 'object' && hasMessage(error) ? error.message : error;
    record('access.deny', 'reason', quote(text(reason)));
  }
}

function hasMessage(error) {
  return hasOwn(error, 'message') || error instanceof Error;
}

/** Runs the rule. Answers `user` and `context` for the next one, as JSON. */
export async function run(input, factory) {
  const { user, context, configuration } = input;
  const before = {
    idToken: snapshot(context.idToken), accessToken: snapshot(context.accessToken), primaryUser: context.primaryUser,
  };
  hidden(globalThis, 'configuration', configuration ?? {});
  hidden(globalThis, 'UnauthorizedError', UnauthorizedError);
  hidden(globalThis, 'auth0', auth0(user));
  const module = { exports: {} };
  apply(factory, undefined, [module.exports, require, module, '/rule.js', '/']);
  const { exports: script } = module;
  if (typeof script !== 'function') throw new TypeError('a rule must be a function (user, context, callback)');
  const outcome = await called(script, user, context);
  if (outcome.refused) {
    refuse(outcome.error);
    return undefined;
  }
  changes(before, outcome.context);
  return '{"user":' + (stringify(outcome.user) ?? 'null') + ',"context":' + (stringify(outcome.context) ?? 'null') + '}';
}
