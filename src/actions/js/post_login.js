// The `api` object of post-login.

import { cache } from './cache.js';
import { filled, json, missing, object, options, string, time } from './check.js';
import { host } from './host.js';
import { user, validation } from './members.js';
import { hasOwn, isArray, resolved, stringify } from './primordials.js';
import { quote, record } from './record.js';
import { load } from './parts.js';
import { byteLength } from './utf8.js';

const TRANSACTION_KEY = 64;
const TRANSACTION_VALUE_BYTES = 8 * 1024;
const TRANSACTION_BYTES = 16 * 1024;

const NO_FACTORS = 'there are no second factors';
const SAML = [
  'setAttribute', 'setAudience', 'setRecipient', 'setDestination', 'setCreateUpnClaim', 'setPassthroughClaimsWithNoMapping',
  'setMapUnknownClaimsAsIs', 'setMapIdentities', 'setSignatureAlgorithm', 'setDigestAlgorithm', 'setDestination',
  'setLifetimeInSeconds', 'setSignResponse', 'setTypedAttributes', 'setIncludeAttributeNameFormat',
  'setNameIdentifierFormat', 'setNameIdentifierProbes', 'setAuthnContextClassRef', 'setSigningCert', 'setSigningKey',
  'setEncryptionCert', 'setEncryptionPublicKey', 'setCert', 'setKey',
];

/** `api.refreshToken` and `api.session` keep texts in the same way. */
function metadata(of, api) {
  return {
    setMetadata(key, value) {
      filled(`api.${of}.setMetadata`, 'key', key);
      if (value !== null) string(`api.${of}.setMetadata`, 'value', value);
      record(`${of}.setMetadata`, 'key', quote(key), 'value', quote(value));
      return api();
    },
    deleteMetadata(key) {
      filled(`api.${of}.deleteMetadata`, 'key', key);
      record(`${of}.deleteMetadata`, 'key', quote(key));
      return api();
    },
    evictMetadata() {
      record(`${of}.evictMetadata`);
      return api();
    },
    setExpiresAt(at) {
      record(`${of}.setExpiresAt`, 'at', quote(time(`api.${of}.setExpiresAt`, 'absolute', at)));
      return api();
    },
    setIdleExpiresAt(at) {
      record(`${of}.setIdleExpiresAt`, 'at', quote(time(`api.${of}.setIdleExpiresAt`, 'idle', at)));
      return api();
    },
  };
}

function refreshToken(api) {
  const methods = metadata('refreshToken', api);
  methods.revoke = function revoke(reason) {
    string('api.refreshToken.revoke', 'reason', reason);
    record('refreshToken.revoke', 'reason', quote(reason));
    return api();
  };
  return methods;
}

function session(api) {
  const methods = metadata('session', api);
  methods.revoke = function revoke(reason, settings) {
    string('api.session.revoke', 'reason', reason);
    const preserve = options('api.session.revoke', settings).preserveRefreshTokens === true;
    record('session.revoke', 'reason', quote(reason), 'preserve_refresh_tokens', quote(preserve));
    return api();
  };
  methods.setCookieMode = function setCookieMode(mode) {
    if (mode !== 'persistent' && mode !== 'non-persistent') {
      throw new TypeError('api.session.setCookieMode: "mode" must be "persistent" or "non-persistent"');
    }
    record('session.setCookieMode', 'mode', quote(mode));
    return api();
  };
  return methods;
}

function transaction(event, api) {
  return {
    setMetadata(key, value) {
      const method = 'api.transaction.setMetadata';
      filled(method, 'key', key);
      if (key.length > TRANSACTION_KEY) {
        throw new RangeError(`${method}: "key" has more than ${TRANSACTION_KEY} characters`);
      }
      const type = value === null ? 'null' : typeof value;
      if (type !== 'string' && type !== 'number' && type !== 'boolean' && type !== 'null') {
        throw new TypeError(`${method}: "value" must be a string, a number or a boolean, not ${type}`);
      }
      const written = quote(value);
      if (byteLength(written) > TRANSACTION_VALUE_BYTES) {
        throw new RangeError(`${method}: "value" has more than ${TRANSACTION_VALUE_BYTES} bytes`);
      }
      event.transaction ??= {};
      const kept = (event.transaction.metadata ??= {});
      const before = hasOwn(kept, key) ? quote(kept[key]) ?? '' : '';
      if (byteLength(stringify(kept)) - before.length + byteLength(written) + byteLength(key) > TRANSACTION_BYTES) {
        throw new RangeError(`${method}: the metadata of the transaction has more than ${TRANSACTION_BYTES} bytes`);
      }
      record('transaction.setMetadata', 'key', quote(key), 'value', written);
      if (value === null) delete kept[key];
      else kept[key] = value;
      return api();
    },
  };
}

/** Reads of the roles that the user has, in pages by cursor. */
function roles(input) {
  const all = input.state?.roles ?? [];
  const show = (role) => ({ id: role.id, name: role.name, description: role.description });
  function those(method, name, wanted, member, most) {
    if (!isArray(wanted) || wanted.length > most) {
      throw new TypeError(`${method}: "${name}" must be an array of at most ${most} strings`);
    }
    const found = [];
    for (let i = 0; i < all.length; i += 1) {
      for (let j = 0; j < wanted.length; j += 1) {
        if (all[i][member] === wanted[j]) {
          found[found.length] = show(all[i]);
          break;
        }
      }
    }
    return resolved({ roles: found });
  }
  return {
    getUserEffectiveRoles(settings) {
      const { take = 50, from } = options('api.roles.getUserEffectiveRoles', settings);
      if (!(take >= 1 && take <= 100)) {
        throw new RangeError('api.roles.getUserEffectiveRoles: "take" must be a number from 1 to 100');
      }
      const page = [];
      let i = 0;
      if (from !== undefined) {
        while (i < all.length && all[i].id !== from) i += 1;
        i += 1;
      }
      for (; i < all.length && page.length < take; i += 1) page[page.length] = show(all[i]);
      return resolved(i < all.length && page.length ? { roles: page, next: page[page.length - 1].id } : { roles: page });
    },
    getUserEffectiveRolesByIds: (ids) => those('api.roles.getUserEffectiveRolesByIds', 'ids', ids, 'id', 100),
    getUserEffectiveRolesByNames: (names) =>
      those('api.roles.getUserEffectiveRolesByNames', 'names', names, 'name', 50),
  };
}

function claims(call, api) {
  return function setCustomClaim(name, value) {
    filled(`api.${call}`, 'name', name);
    const written = json(`api.${call}`, 'value', value);
    if (written !== undefined) record(call, 'name', quote(name), 'value', written);
    return api();
  };
}

function scopes(call, api) {
  return function (scope) {
    filled(`api.${call}`, 'scope', scope);
    record(call, 'scope', quote(scope));
    return api();
  };
}

function authentication(handler, api) {
  return {
    recordMethod(url) {
      filled('api.authentication.recordMethod', 'providerUrl', url);
      if (handler !== 'onContinuePostLogin') {
        throw new Error('api.authentication.recordMethod: only onContinuePostLogin may call it');
      }
      if (!host.parseUrl(url, undefined)) {
        throw new TypeError('api.authentication.recordMethod: "providerUrl" must be an absolute URL');
      }
      record('authentication.recordMethod', 'name', quote(url));
      return api();
    },
    challengeWith: missing('api.authentication.challengeWith', NO_FACTORS),
    challengeWithAny: missing('api.authentication.challengeWithAny', NO_FACTORS),
    enrollWith: missing('api.authentication.enrollWith', NO_FACTORS),
    enrollWithAny: missing('api.authentication.enrollWithAny', NO_FACTORS),
    setPrimaryUser: missing('api.authentication.setPrimaryUser', 'there is no account linking'),
  };
}

function redirect(input, api) {
  return {
    canRedirect: () => input.state?.can_redirect === true,
    encodeToken: (settings) =>
      load('redirect').encodeToken(input, object('api.redirect.encodeToken', 'options', settings)),
    validateToken: (settings) =>
      load('redirect').validateToken(input, object('api.redirect.validateToken', 'options', settings)),
    sendUserTo(url, settings) {
      const target = load('redirect').target(url, options('api.redirect.sendUserTo', settings));
      record('redirect.sendUserTo', 'url', quote(target));
      return api();
    },
  };
}

export function postLogin(input, handler) {
  const { event } = input;
  const executed = input.state?.rules_executed ?? [];
  const own = () => api;
  const saml = {};
  for (let i = 0; i < SAML.length; i += 1) {
    saml[SAML[i]] = missing(`api.samlResponse.${SAML[i]}`, 'there is no SAML');
  }
  const api = {
    access: {
      deny(reason) {
        string('api.access.deny', 'reason', reason);
        record('access.deny', 'reason', quote(reason));
        return api;
      },
    },
    accessToken: {
      setCustomClaim: claims('accessToken.setCustomClaim', own),
      addScope: scopes('accessToken.addScope', own),
      removeScope: scopes('accessToken.removeScope', own),
    },
    idToken: { setCustomClaim: claims('idToken.setCustomClaim', own) },
    authentication: authentication(handler, own),
    multifactor: { enable: missing('api.multifactor.enable', NO_FACTORS) },
    redirect: redirect(input, own),
    user: user(own),
    cache: cache(input),
    transaction: transaction(event, own),
    refreshToken: refreshToken(own),
    session: session(own),
    validation: validation(own),
    rules: {
      wasExecuted(id) {
        string('api.rules.wasExecuted', 'ruleId', id);
        for (let i = 0; i < executed.length; i += 1) if (executed[i] === id) return true;
        return false;
      },
    },
    prompt: { render: missing('api.prompt.render', 'there are no forms') },
    groups: {
      getUserGroups: missing('api.groups.getUserGroups', 'there are no groups'),
      hasGroupMembership: missing('api.groups.hasGroupMembership', 'there are no groups'),
    },
    roles: roles(input),
    samlResponse: saml,
  };
  return api;
}
