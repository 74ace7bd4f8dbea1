// How much there is of everything.

import { api } from '../../core/api.js';
import { html } from '../../core/html.js';
import { Loaded, useLoad } from '../../core/load.js';
import { hrefOf } from '../../core/router.js';
import { session } from '../../core/session.js';
import { number } from '../../core/words.js';

const KINDS = [
  ['clients', 'application', 'applications', '/applications', 'read:clients'],
  ['resource_servers', 'API', 'APIs', '/apis', 'read:resource_servers'],
  ['users', 'user', 'users', '/users', 'read:users'],
  ['sessions', 'active session', 'active sessions'],
  ['refresh_tokens', 'active refresh token', 'active refresh tokens'],
];

function Total({ total, one, many, href }) {
  const more = total.at_least && html`<span aria-hidden="true">+</span>`;
  const said = total.at_least && html`<span class="visually-hidden">or more </span>`;
  const text = html`<strong class="number">${number(total.count)}${more}</strong>
    <span>${said}${total.count === 1 ? one : many}</span>`;
  return html`<li>${href ? html`<a href=${hrefOf(href)}>${text}</a>` : html`<div>${text}</div>`}</li>`;
}

export function Totals() {
  const load = useLoad((signal) => api.get('stats/totals', {}, { signal }));
  return html`<section aria-label="Totals" class="totals"><${Loaded} load=${load}>${(totals) => html`<ul>
    ${KINDS.map(([name, one, many, href, needs]) => html`<${Total} key=${name} total=${totals[name]}
      one=${one} many=${many} href=${href && session.can(needs) ? href : undefined} />`)}
  </ul>`}</${Loaded}></section>`;
}
