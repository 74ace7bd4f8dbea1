// What to do on a server on which nothing has been made: the way to the first tokens of several
// APIs. Gone when it is all done, or when the person says so.

import { api, at } from '../../core/api.js';
import { html, useState } from '../../core/html.js';
import { useLoad } from '../../core/load.js';
import { hrefOf } from '../../core/router.js';
import { session } from '../../core/session.js';
import { Badge, Card } from '../../parts/layout.js';

const KEY = 'doorward-console-first-steps';
/** Enough to find the first things that somebody made among those that came with the server. */
const SOME = 20;

async function readState(signal) {
  const read = (path, query) => api.get(path, query, { signal });
  const [apis, clients] = await Promise.all([
    read('resource-servers', { per_page: SOME }),
    read('clients', { per_page: SOME, is_global: false, fields: 'client_id,name,app_type,refresh_token' }),
  ]);
  const isOwn = ({ client_id: id, app_type: type }) => id !== session.config.client_id && type !== 'non_interactive';
  const own = clients.filter(isOwn);
  const withPolicies = own.find(({ refresh_token }) => refresh_token?.policies?.length > 0);
  const exchanges = session.can('read:logs') ? await read('logs', { q: 'type:sertft', per_page: 1 }) : [];
  return {
    api: apis.find(({ is_system }) => !is_system),
    client: withPolicies ?? own[0],
    hasPolicies: Boolean(withPolicies),
    hasExchanged: exchanges.length > 0,
  };
}

/** `[done, title, sentence, act, address, scope]`, in the order in which they make sense. */
function stepsOf({ api: first, client, hasPolicies, hasExchanged }) {
  const of = (part) => (client ? `/${at`applications/${client.client_id}`}${part}` : undefined);
  return [
    [first, 'Create an API',
      'An API takes access tokens. Its identifier is their audience, and its permissions are their scopes.',
      'Create an API', '/apis/new', 'create:resource_servers'],
    [client, 'Create an application', 'A website or an app in which people log in.',
      'Create an application', '/applications/new', 'create:clients'],
    [hasPolicies, 'Set its multi-resource policy',
      'One refresh token of the application then gets access tokens for several APIs.',
      'Choose the APIs', of('/policies'), 'update:clients'],
    [hasExchanged, 'Log in, and exchange the refresh token',
      'See the tokens of a login, and those that its refresh token is exchanged for. The quick start then shows the code.',
      'Try it', of('/try'), 'read:clients'],
  ];
}

function Step({ step: [done, title, sentence, act, href, needs], isNext }) {
  const may = session.can(needs);
  return html`<li class=${done ? 'done' : ''}>
    <div><p class="step-title">${title} ${done ? html`<${Badge} kind="good">done</${Badge}>` : ''}</p>
      <p class="muted small">${sentence}</p>
      ${!done && !may && html`<p class="small">Your role does not allow this.</p>`}</div>
    ${!done && may && href && html`<a class=${`button ${isNext ? 'primary' : ''}`} href=${hrefOf(href)}>${act}</a>`}
  </li>`;
}

export function FirstSteps() {
  const [hidden, setHidden] = useState(() => localStorage.getItem(KEY) === 'hidden');
  const load = useLoad((signal) => (hidden ? Promise.resolve() : readState(signal)), [hidden]);
  if (hidden || !load.data) return null;
  const steps = stepsOf(load.data);
  const next = steps.findIndex(([done]) => !done);
  if (next < 0) return null;
  const hide = () => {
    localStorage.setItem(KEY, 'hidden');
    setHidden(true);
  };
  return html`<${Card} title="First steps" class="first-steps"
    intro="Four steps to one login whose refresh token serves several APIs."
    actions=${html`<button type="button" class="quiet" onClick=${hide}>Don’t show this again</button>`}>
    <ol>${steps.map((step, i) => html`<${Step} key=${step[1]} step=${step} isNext=${i === next} />`)}</ol>
  </${Card}>`;
}
