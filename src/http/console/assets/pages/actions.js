// Actions: what the operator's scripts are, and where they run.

import { ActionPage } from './actions/one.js';
import { ActionsPage } from './actions/list.js';
import { NewActionPage } from './actions/new.js';

export const routes = [
  { path: '/actions', page: ActionsPage, needs: 'read:actions' },
  { path: '/actions/new', page: NewActionPage, needs: 'create:actions' },
  { path: '/actions/:id', page: ActionPage, needs: 'read:actions' },
];
