// What the `api` objects of several triggers have in common. `api` answers the object itself, which
// every method returns.

import { filled, json, string } from './check.js';
import { quote, record } from './record.js';

/** `api.user`: metadata, which is written once everything else is. */
export function user(api) {
  const setter = (call) => (key, value) => {
    filled(`api.${call}`, 'key', key);
    const written = json(`api.${call}`, 'value', value);
    if (written !== undefined) record(call, 'key', quote(key), 'value', written);
    return api();
  };
  return { setAppMetadata: setter('user.setAppMetadata'), setUserMetadata: setter('user.setUserMetadata') };
}

/** `api.validation`: refuses with a code of the operator's own. */
export function validation(api) {
  return {
    error(code, message) {
      filled('api.validation.error', 'errorCode', code);
      string('api.validation.error', 'errorMessage', message);
      record('validation.error', 'code', quote(code), 'message', quote(message));
      return api();
    },
  };
}
