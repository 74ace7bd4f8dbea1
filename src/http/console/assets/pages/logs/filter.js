// What is looked for: in the address, in words, and in the query language of the server.

/** The parts of a filter, by their names in the address. */
export const PARTS = ['type', 'user', 'client', 'ip', 'since', 'until', 'terms'];

const quoted = (value) => `"${value.replaceAll(/["\\]/g, String.raw`\$&`)}"`;

/** The types that a choice stands for: itself, a kind of them, or all failures. */
function typesOf(choice, words) {
  const codes = (test) => words.list.filter(test).map(({ type }) => type);
  if (choice === 'failures') return codes(({ is_failure: failed }) => failed);
  if (choice.startsWith('kind:')) return codes(({ kind }) => kind === choice.slice('kind:'.length));
  return [choice];
}

function typeTerm(choice, words) {
  const types = typesOf(choice, words);
  return types.length === 1 ? `type:${quoted(types[0])}` : `type:(${types.join(' OR ')})`;
}

/** What `GET /logs` takes as `q`; empty for everything. */
export function queryOf(filter, words) {
  const { type, user, client, ip, since, until, terms } = filter;
  const parts = [];
  if (type && words) parts.push(typeTerm(type, words));
  if (user) parts.push(`user_id:${quoted(user)}`);
  if (client) parts.push(`client_id:${quoted(client)}`);
  if (ip) parts.push(`ip:${quoted(ip)}`);
  if (since || until) parts.push(`date:[${since || '*'} TO ${until || '*'}]`);
  if (terms) parts.push(parts.length > 0 ? `(${terms})` : terms);
  return parts.join(' AND ');
}

/** Whether an event that came in live is looked for. Terms are the server's to understand: not asked here. */
export function matches(event, filter, words) {
  const { type, user, client, ip } = filter;
  return (!type || !words || typesOf(type, words).includes(event.type))
    && (!user || event.user_id === user)
    && (!client || event.client_id === client)
    && (!ip || event.ip === ip);
}

/** "failed_logins" → "Failed logins" */
const titleOf = (kind) => kind.charAt(0).toUpperCase() + kind.slice(1).replaceAll('_', ' ');

/** The choices of types: groups first, then each. */
export function typeOptions(words) {
  const kinds = [...new Set((words?.list ?? []).map(({ kind }) => kind).filter(Boolean))]
    .filter((kind) => words.list.filter((one) => one.kind === kind).length > 1);
  return [
    ['', 'Everything'],
    ['failures', 'All failures'],
    ...kinds.map((kind) => [`kind:${kind}`, `All ${titleOf(kind).toLowerCase()}`]),
    ...(words?.list ?? []).map(({ type, title }) => [type, `${title} (${type})`]),
  ];
}
