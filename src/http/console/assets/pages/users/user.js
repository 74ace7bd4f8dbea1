// One user: the head of the page, and a tab for each thing about them.

import { at } from '../../core/api.js';
import { html } from '../../core/html.js';
import { Loaded, useResource } from '../../core/load.js';
import { session } from '../../core/session.js';
import { Badge, Identifier, Page, Tabs } from '../../parts/layout.js';
import { Consents } from './consents.js';
import { Details } from './details.js';
import { Log } from './log.js';
import { UserPermissions } from './permissions.js';
import { UserRoles } from './roles.js';
import { Sessions } from './sessions.js';
import { RefreshTokens } from './tokens.js';
import { nameOf } from './words.js';

const TABS = [
  { id: 'details', title: 'Details', shown: Details },
  { id: 'roles', title: 'Roles', shown: UserRoles, needs: ['read:roles', 'read:role_members'] },
  { id: 'permissions', title: 'Permissions', shown: UserPermissions },
  { id: 'sessions', title: 'Sessions', shown: Sessions, needs: ['read:sessions'] },
  { id: 'refresh-tokens', title: 'Refresh tokens', shown: RefreshTokens, needs: ['read:refresh_tokens'] },
  { id: 'consents', title: 'Consents', shown: Consents, needs: ['read:grants'] },
  { id: 'log', title: 'Log', shown: Log, needs: ['read:logs', 'read:logs_users'] },
];

function Head({ user }) {
  return html`<p>
    ${user.blocked ? html`<${Badge} kind="danger">blocked</${Badge}>` : html`<${Badge} kind="good">may log in</${Badge}>`}
    ${' '}<${Identifier} value=${user.user_id} of="the user id" />
  </p>`;
}

/** `/users/:id` */
export function UserPage({ id }) {
  const resource = useResource(at`users/${id}`);
  const tabs = TABS.filter(({ needs }) => !needs || needs.some((scope) => session.can(scope)));
  const user = resource.data;
  const title = user ? nameOf(user) : 'User';
  return html`<${Page} title=${title} back=${{ href: '/users', title: 'Users' }} intro=${user && html`<${Head} user=${user} />`}>
    <${Loaded} load=${resource}>${(data) => html`<${Tabs} label="About this user" tabs=${tabs}>${(shown) => {
      const { shown: Part } = tabs.find((tab) => tab.id === shown);
      return html`<${Part} key=${shown} user=${data} resource=${resource} />`;
    }}</${Tabs}>`}</${Loaded}>
  </${Page}>`;
}
