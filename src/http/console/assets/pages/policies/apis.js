// The APIs that policies name, read a few at a time, and searched for on the server.

import { api } from '../../core/api.js';
import { useEffect, useRef, useState } from '../../core/html.js';
import { session } from '../../core/session.js';
import { counted } from '../../core/words.js';

/** As many identifiers as the server takes in one request. */
const AT_ONCE = 10;
const FOUND = 8;

async function read(audiences) {
  const groups = [];
  for (let i = 0; i < audiences.length; i += AT_ONCE) groups.push(audiences.slice(i, i + AT_ONCE));
  const answers = await Promise.all(groups.map((group) => (
    api.get(`resource-servers?${new URLSearchParams(group.map((one) => ['identifiers', one]))}`))));
  return answers.flat();
}

/**
 * The APIs with these identifiers: `{of(audience), keep(api), error}`. `of` is the API, `null` when there is none,
 * `undefined` while that is not known, or never known to who may not read APIs.
 */
export function useApis(audiences) {
  const [known, setKnown] = useState(new Map());
  const [error, setError] = useState();
  const asked = useRef(new Set());
  const add = (entries) => setKnown((before) => new Map([...before, ...entries]));
  const wanted = audiences.join(' ');
  useEffect(() => {
    const missing = audiences.filter((one) => one && !asked.current.has(one));
    if (missing.length === 0 || !session.can('read:resource_servers')) return;
    for (const one of missing) asked.current.add(one);
    read(missing).then((found) => {
      const byName = new Map(found.map((one) => [one.identifier, one]));
      add(missing.map((one) => [one, byName.get(one) ?? null]));
      setError(undefined);
    }, (problem) => {
      for (const one of missing) asked.current.delete(one);
      setError(problem);
    });
  }, [wanted]);
  return {
    of: (audience) => known.get(audience),
    keep(one) {
      asked.current.add(one.identifier);
      add([[one.identifier, one]]);
    },
    error,
  };
}

/** Searches APIs by name and identifier, for the picker. `refuse(api)` says why one cannot be chosen. */
export const findApis = (refuse) => async (text, signal) => {
  const query = { page: 0, per_page: FOUND, include_totals: true, ...(text && { search: text }) };
  const { resource_servers: found } = await api.get('resource-servers', query, { signal });
  return found.map((one) => ({
    id: one.id,
    title: one.name || one.identifier,
    note: `${one.identifier} · ${counted(one.scopes?.length ?? 0, 'scope')}`,
    disabled: refuse(one),
    api: one,
  }));
};

/** Searches users by the beginning of name or address, for the picker. */
export async function findUsers(text, signal) {
  const word = text.replace(/[()[\]{}"^~*?\\:+\-!/]/g, '\\$&').replace(/\s+/g, '\\ ');
  const query = {
    page: 0, per_page: FOUND, include_totals: true, search_engine: 'v3',
    fields: 'user_id,name,email', include_fields: true,
    ...(text && { q: `email:${word}* OR name:${word}*` }),
  };
  const { users } = await api.get('users', query, { signal });
  return users.map(({ user_id: id, name, email }) => ({
    id, title: name ?? email ?? id, note: email && email !== name ? email : id,
  }));
}
