// The names of the applications on a page: each is asked for once, however often it stands there.

import { api, at } from '../../core/api.js';
import { html } from '../../core/html.js';
import { useLoad } from '../../core/load.js';
import { Link } from '../../core/router.js';
import { session } from '../../core/session.js';

const known = new Map();

async function nameOf(id) {
  try {
    const { name } = await api.get(at`clients/${id}`, { fields: 'name' });
    return name;
  } catch {
    // Deleted, or not for this person to see: the id stands for it.
    return undefined;
  }
}

/** A function from ids of applications to their names. */
export function useClientNames(ids) {
  const wanted = session.can('read:clients') ? [...new Set(ids)].filter((id) => !known.has(id)).sort() : [];
  useLoad(async () => {
    const names = await Promise.all(wanted.map(nameOf));
    names.forEach((name, i) => name && known.set(wanted[i], name));
    return names;
  }, [wanted.join(' ')]);
  return (id) => known.get(id) ?? id;
}

/** The name of an application, as a link to it for who may follow that. */
export function Application({ id, name }) {
  if (!session.can('read:clients')) return html`${name}`;
  return html`<${Link} href=${at`/applications/${id}`}>${name}</${Link}>`;
}
