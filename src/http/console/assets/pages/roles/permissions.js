// What a role brings.

import { at } from '../../core/api.js';
import { html } from '../../core/html.js';
import { session } from '../../core/session.js';
import { Granted } from '../users/granted.js';

const INTRO = 'They count where the API asks for them: turn on “RBAC” in its settings. Permissions of the '
  + 'Management API let people into this console.';

/** The tab *Permissions*. */
export function RolePermissions({ role }) {
  const question = ({ permission_name: name }) => ({
    title: `Take ${name} out of this role?`,
    text: `Everybody who has ${role.name} loses it from the next access token on, unless it comes from elsewhere too.`,
    act: 'Take it out',
  });
  return html`<${Granted} path=${at`roles/${role.id}/permissions`} caption="Permissions of this role" intro=${INTRO}
    empty="Choose an API above, then what people with this role may do with it."
    mayChange=${session.can('update:roles')}
    give=${{ label: 'Add permissions', act: 'Add', done: 'added' }}
    take=${{ act: 'Take out', done: 'Permission taken out', question }} />`;
}
