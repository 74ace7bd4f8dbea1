// `api.cache`: texts that later executions of the same trigger can read. An execution reads what the
// cache held when it began, and its own writes.

import { filled, options, string, time } from './check.js';
import { host } from './host.js';
import { create, keys, trunc } from './primordials.js';
import { quote, record } from './record.js';
import { byteLength } from './utf8.js';

const MOST_ENTRIES = 20;
const KEY_BYTES = 64;
const VALUE_BYTES = 4096;
const TOTAL_BYTES = 8192;
const USUAL_MS = 15 * 60 * 1000;
const LONGEST_MS = 24 * 60 * 60 * 1000;

function refuse(code) {
  return { type: 'error', code };
}

/** Until when a value is kept, in whole epoch milliseconds. */
function expiry(given, now) {
  if (given.expires_at !== undefined && given.ttl !== undefined) {
    throw new TypeError('api.cache.set: give either "ttl" or "expires_at"');
  }
  let at = now + USUAL_MS;
  if (given.expires_at !== undefined) at = time('api.cache.set', 'expires_at', given.expires_at);
  if (given.ttl !== undefined) {
    if (typeof given.ttl !== 'number' || !(given.ttl >= 0)) {
      throw new TypeError('api.cache.set: "ttl" must be a number of milliseconds');
    }
    at = now + given.ttl;
  }
  return trunc(at < now + LONGEST_MS ? at : now + LONGEST_MS);
}

export function cache(input) {
  const held = create(null);
  const given = input.state?.cache ?? {};
  const names = keys(given);
  for (let i = 0; i < names.length; i += 1) held[names[i]] = given[names[i]];

  function live(key) {
    const entry = held[key];
    if (entry === undefined) return undefined;
    if (entry.expires_at > host.now()) return entry;
    delete held[key];
    return undefined;
  }

  /** What the cache would hold beside `key`: entries and bytes. */
  function others(key) {
    const all = keys(held);
    let entries = 0;
    let bytes = 0;
    for (let i = 0; i < all.length; i += 1) {
      const entry = all[i] === key ? undefined : live(all[i]);
      if (entry !== undefined) {
        entries += 1;
        bytes += byteLength(all[i]) + byteLength(entry.value);
      }
    }
    return { entries, bytes };
  }

  return {
    get(key) {
      const entry = live(string('api.cache.get', 'key', key));
      return entry && { value: entry.value, expires_at: entry.expires_at };
    },
    set(key, value, settings) {
      filled('api.cache.set', 'key', key);
      string('api.cache.set', 'value', value);
      const now = host.now();
      const expires_at = expiry(options('api.cache.set', settings), now);
      const size = byteLength(key) + byteLength(value);
      if (byteLength(key) > KEY_BYTES) return refuse('CacheKeySizeExceeded');
      if (byteLength(value) > VALUE_BYTES) return refuse('CacheValueSizeExceeded');
      const { entries, bytes } = others(key);
      if (entries >= MOST_ENTRIES || bytes + size > TOTAL_BYTES) return refuse('CacheSizeExceeded');
      record('cache.set', 'key', quote(key), 'value', quote(value), 'expires_at', quote(expires_at));
      held[key] = { value, expires_at };
      return { type: 'success', record: { value, expires_at } };
    },
    delete(key) {
      if (live(string('api.cache.delete', 'key', key)) === undefined) return refuse('CacheItemNotFound');
      record('cache.delete', 'key', quote(key));
      delete held[key];
      return { type: 'success' };
    },
  };
}
