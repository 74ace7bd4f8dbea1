// What needs a person, each with the way to where it is put right.

import { api, at } from '../../core/api.js';
import { html } from '../../core/html.js';
import { Loaded, useLoad } from '../../core/load.js';
import { hrefOf } from '../../core/router.js';
import { session } from '../../core/session.js';
import { Badge, Card, Time } from '../../parts/layout.js';

const SEVERITIES = { danger: 'Urgent', warning: 'Look at this', info: 'Good to know' };

/** Where a link of a finding leads: `[title, address, scope]`. */
const PLACES = {
  client: ({ id, name }, code) => [
    name || id,
    code === 'void_policies' ? `/${at`applications/${id}/policies`}` : `/${at`applications/${id}`}`,
    'read:clients',
  ],
  log: ({ id }, _, i) => [`Event ${i + 1}`, `/${at`logs/${id}`}`, 'read:logs'],
  action: ({ id }) => ['The Action', `/${at`actions/${id}`}?tab=executions`, 'read:actions'],
  signing_key: () => ['Signing keys', '/keys', 'read:signing_keys'],
};

/** Pages that a finding belongs to even if it names nothing. */
const MORE = {
  many_failed_logins: [
    ['Failed logins', '/logs?type=kind:failed_logins', 'read:logs'],
    ['Attack protection', '/attack-protection', 'read:attack_protection'],
  ],
  actions_failing: [['The failures', '/logs?type=actions_execution_failed', 'read:logs']],
  refresh_token_reuse: [['All of them', '/logs?type=ferrt', 'read:logs']],
  next_signing_key_missing: [['Signing keys', '/keys', 'read:signing_keys']],
};

function linksOf({ code, links }) {
  const named = links.map((link, i) => PLACES[link.type]?.(link, code, i)).filter(Boolean);
  return [...named, ...(MORE[code] ?? [])].filter(([, , needs]) => session.can(needs));
}

function Finding({ finding }) {
  const links = linksOf(finding).map(([title, href]) => html`<li key=${href}><a href=${hrefOf(href)}>${title}</a></li>`);
  const since = finding.since && html` <span class="muted">Since <${Time} at=${finding.since} />.</span>`;
  return html`<li class=${`finding ${finding.severity}`}>
    <${Badge} kind=${finding.severity}>${SEVERITIES[finding.severity] ?? finding.severity}</${Badge}>
    <div><p>${finding.message}${since}</p>${links.length > 0 && html`<ul class="finding-links">${links}</ul>`}</div>
  </li>`;
}

export function Attention() {
  const load = useLoad((signal) => api.get('stats/attention', {}, { signal }));
  return html`<${Card} title="Needs attention"><${Loaded} load=${load}>${(findings) => (findings.length === 0
    ? html`<p class="muted">Nothing needs your attention.</p>`
    : html`<ul class="findings">
        ${findings.map((finding) => html`<${Finding} key=${finding.code} finding=${finding} />`)}
      </ul>`)}</${Loaded}></${Card}>`;
}
