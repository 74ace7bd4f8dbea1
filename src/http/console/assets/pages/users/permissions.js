// What a user may do on APIs, and where each permission comes from.

import { at } from '../../core/api.js';
import { html } from '../../core/html.js';
import { Link } from '../../core/router.js';
import { session } from '../../core/session.js';
import { Badge } from '../../parts/layout.js';
import { Granted } from './granted.js';
import { nameOf } from './words.js';

const INTRO = 'All that this user may do, given directly or by a role. They count where the API asks for them: '
  + 'turn on “RBAC” in its settings.';

const isDirect = (permission) => permission.sources.some((source) => source.source_type === 'DIRECT');

function Source({ type, id, name }) {
  if (type === 'DIRECT') return html`<${Badge}>given directly</${Badge}>`;
  return session.can('read:roles') ? html`<${Link} href=${at`/roles/${id}`}>${name}</${Link}>` : name;
}

function Sources({ permission }) {
  return permission.sources.map(({ source_type: type, source_id: id, source_name: name }, i) => html`
    ${i > 0 && ', '}<${Source} type=${type} id=${id} name=${name} />`);
}

/** The tab *Permissions*. */
export function UserPermissions({ user }) {
  const question = ({ permission_name: name, sources }) => ({
    title: `Take ${name} away?`,
    text: sources.length > 1 ? `${nameOf(user)} keeps it through a role: only what was given directly goes.`
      : `${nameOf(user)} loses it from the next access token on.`,
    act: 'Take it away',
  });
  const from = { title: 'Comes from', cell: (permission) => html`<${Sources} permission=${permission} />` };
  return html`<${Granted} path=${at`users/${user.user_id}/permissions`} caption="Permissions of this user" intro=${INTRO}
    empty="Give a role that brings some, or give them directly." more=${[from]}
    mayChange=${session.can('update:users')}
    give=${{ label: 'Give permissions directly', act: 'Give', done: 'given' }}
    take=${{ act: 'Take away', done: 'Permission taken away', question, from: isDirect }} />`;
}
