// Reading, writing and comparing the plain values of forms.

/** What stands at a dotted path. */
export const valueAt = (values, path) => path.split('.').reduce((value, name) => value?.[name], values);

/** A copy with something else at a dotted path; `undefined` removes it. */
export function withValue(values, path, value) {
  const [name, ...rest] = path.split('.');
  const copy = { ...values };
  const next = rest.length > 0 ? withValue(values?.[name] ?? {}, rest.join('.'), value) : value;
  if (next === undefined) delete copy[name];
  else copy[name] = next;
  return copy;
}

const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Whether two plain values are the same. */
export function same(one, other) {
  if (one === other) return true;
  if (Array.isArray(one) && Array.isArray(other)) {
    return one.length === other.length && one.every((value, i) => same(value, other[i]));
  }
  if (!isObject(one) || !isObject(other)) return false;
  return [...new Set([...Object.keys(one), ...Object.keys(other)])].every((name) => same(one[name], other[name]));
}

/**
 * What a PATCH has to send so that `before` becomes `after`: objects by their members, everything
 * else whole, and null for what is gone.
 */
export function changesBetween(before, after) {
  const changes = {};
  for (const name of new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])) {
    const [one, other] = [before?.[name], after?.[name]];
    if (same(one, other)) continue;
    if (isObject(one) && isObject(other)) changes[name] = changesBetween(one, other);
    else changes[name] = other === undefined ? null : other;
  }
  return changes;
}

/** The dotted paths that differ. */
export function pathsOf(changes, within = '') {
  return Object.entries(changes).flatMap(([name, value]) => (
    isObject(value) && Object.keys(value).length > 0 ? pathsOf(value, `${within}${name}.`) : [`${within}${name}`]));
}
