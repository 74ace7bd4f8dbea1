// The policies of an application as the editor holds them: by API, so that two people who edit
// different APIs do not overwrite each other. Nothing here judges: what an entry does, the server says.

/** Audiences and scopes have dots in them, paths of forms are dotted. The mark keeps `1` and `__proto__` ordinary names. */
export const keyOf = (text) => `=${encodeURIComponent(text).replaceAll('.', '%2E')}`;
export const nameOf = (key) => decodeURIComponent(key.slice(1));

/** The values of the form for a client: `{entries: {[API]: {[scope]: true}}}`. */
export function valuesOf(client) {
  const policies = client.refresh_token?.policies ?? [];
  const scopes = (scope) => Object.fromEntries(scope.map((one) => [keyOf(one), true]));
  return { entries: Object.fromEntries(policies.map(({ audience, scope }) => [keyOf(audience), scopes(scope)])) };
}

/** The policies that the values stand for, as the Management API takes them. */
export function policiesOf({ entries }) {
  return Object.entries(entries).map(([key, scopes]) => ({ audience: nameOf(key), scope: Object.keys(scopes).map(nameOf) }));
}

/** What to send: `null` removes the policies, for an empty list is none. */
export const orNone = (policies) => (policies.length > 0 ? policies : null);

/** The body of the PATCH. Its two required members stay what they are. */
export function patchOf(client, values) {
  const { rotation_type = 'rotating', expiration_type = 'expiring' } = client.refresh_token ?? {};
  return { refresh_token: { rotation_type, expiration_type, policies: orNone(policiesOf(values)) } };
}

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** The same as a command. The token is the reader's to fill in. */
export function curlOf(issuer, clientId, patch) {
  return [
    `curl -X PATCH ${quoted(`${issuer}api/v2/clients/${encodeURIComponent(clientId)}`)}`,
    '  -H "Authorization: Bearer $MANAGEMENT_TOKEN"',
    "  -H 'Content-Type: application/json'",
    `  -d ${quoted(JSON.stringify(patch, null, 2))}`,
  ].join(' \\\n');
}

/** What differs between two sets of values: `[{audience, kind: added|removed|changed, plus, minus}]`. */
export function differences(before, after) {
  const keys = [...new Set([...Object.keys(after.entries), ...Object.keys(before.entries)])];
  return keys.flatMap((key) => {
    const [one, other] = [before.entries[key], after.entries[key]];
    const plus = Object.keys(other ?? {}).filter((scope) => !one?.[scope]).map(nameOf);
    const minus = Object.keys(one ?? {}).filter((scope) => !other?.[scope]).map(nameOf);
    if (one && other && plus.length + minus.length === 0) return [];
    return [{ audience: nameOf(key), kind: !one ? 'added' : !other ? 'removed' : 'changed', plus, minus }];
  });
}

/** The scopes of a result in groups that share their fate and its reason: `[{given, because, scopes}]`, given ones first. */
export function groupsOf(scopes) {
  const groups = new Map();
  for (const { scope, fate, because } of scopes) {
    const group = groups.get(because + fate) ?? { given: fate === 'granted', because, scopes: [] };
    group.scopes.push(scope);
    groups.set(because + fate, group);
  }
  return [...groups.values()].sort((one, other) => Number(other.given) - Number(one.given));
}

const given = (exchange) => (exchange?.allowed ? exchange.result.scope.split(' ').filter(Boolean) : []);

/** What an exchange gives after saving that it does not give now, and the other way round. */
export function effectOf(now, then) {
  if (!now || !then) return undefined;
  const [before, after] = [given(now), given(then)];
  return {
    opened: then.allowed && !now.allowed,
    closed: now.allowed && !then.allowed,
    plus: after.filter((scope) => !before.includes(scope)),
    minus: before.filter((scope) => !after.includes(scope)),
  };
}

/** "a, b and c". */
export const listed = (words) => new Intl.ListFormat('en', { type: 'conjunction' }).format(words);
