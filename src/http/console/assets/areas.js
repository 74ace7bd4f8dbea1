// What the console consists of: the addresses of each area, and the navigation.

import { routes as actions } from './pages/actions.js';
import { routes as apis } from './pages/apis.js';
import { routes as applications } from './pages/applications.js';
import { routes as attackProtection } from './pages/attack-protection.js';
import { routes as dashboard } from './pages/dashboard.js';
import { routes as keys } from './pages/keys.js';
import { routes as logs } from './pages/logs.js';
import { routes as policies } from './pages/policies.js';
import { routes as roles } from './pages/roles.js';
import { routes as rules } from './pages/rules.js';
import { routes as settings } from './pages/settings.js';
import { routes as users } from './pages/users.js';
import { routes as trying } from './pages/try.js';

/** Every page: `{path, page, needs}`; `needs` is the scope that reading it takes. */
export const routes = [
  ...dashboard,
  ...logs,
  ...apis,
  ...applications,
  ...trying,
  ...policies,
  ...users,
  ...roles,
  ...actions,
  ...rules,
  ...keys,
  ...attackProtection,
  ...settings,
];

/** The navigation, in groups. Who may not read an area does not see it. */
export const navigation = [
  { title: 'Overview', entries: [{ title: 'Dashboard', href: '/' }, { title: 'Logs', href: '/logs', needs: 'read:logs' }] },
  {
    title: 'Build',
    entries: [
      { title: 'Applications', href: '/applications', needs: 'read:clients' },
      { title: 'APIs', href: '/apis', needs: 'read:resource_servers' },
      { title: 'Actions', href: '/actions', needs: 'read:actions' },
      { title: 'Rules', href: '/rules', needs: 'read:rules' },
    ],
  },
  {
    title: 'People',
    entries: [
      { title: 'Users', href: '/users', needs: 'read:users' },
      { title: 'Roles', href: '/roles', needs: 'read:roles' },
    ],
  },
  {
    title: 'Server',
    entries: [
      { title: 'Signing keys', href: '/keys', needs: 'read:signing_keys' },
      { title: 'Attack protection', href: '/attack-protection', needs: 'read:attack_protection' },
      { title: 'Settings', href: '/settings', needs: 'read:tenant_settings' },
    ],
  },
];
