// Rules: scripts of the generation before Actions.

import { NewRulePage, RulePage } from './rules/one.js';
import { RulesPage } from './rules/list.js';

export const routes = [
  { path: '/rules', page: RulesPage, needs: 'read:rules' },
  { path: '/rules/new', page: NewRulePage, needs: 'create:rules' },
  { path: '/rules/:id', page: RulePage, needs: 'read:rules' },
];
