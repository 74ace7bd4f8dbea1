// Starts the console: signs in, then shows the page of the address.

import { routes } from './areas.js';
import { html, render } from './core/html.js';
import { match, start, useLocation } from './core/router.js';
import { isReturn, tellAnswer } from './core/returned.js';
import { NotAnAdministrator, session } from './core/session.js';
import { chooseTheme } from './core/theme.js';
import { Overlays } from './parts/dialog.js';
import { Page } from './parts/layout.js';
import { Frame, LoginDialog } from './parts/frame.js';

function NotFound() {
  return html`<${Page} title="There is no such page" intro="The address may be misspelt, or from another release.">
    <p><a href="/admin/">To the dashboard</a></p>
  </${Page}>`;
}

function NotAllowed({ needs }) {
  return html`<${Page} title="Your role does not show you this page">
    <p>It takes the permission <code>${needs}</code> of the Management API. An administrator can give it to one of your roles.</p>
  </${Page}>`;
}

function find(path) {
  for (const route of routes) {
    const parameters = match(route.path, path);
    if (parameters) return { route, parameters };
  }
  return undefined;
}

function Console() {
  const { path } = useLocation();
  const found = find(path);
  const allowed = !found?.route.needs || session.can(found.route.needs);
  const { page: Shown } = found?.route ?? {};
  // Tabs of one thing are pages of their own, but not another thing: what is shown is kept by its address.
  return html`<${Frame} path=${path}>
      ${!found ? html`<${NotFound} />`
        : !allowed ? html`<${NotAllowed} needs=${found.route.needs} />`
          : html`<${Shown} key=${path} ...${found.parameters} />`}
    </${Frame}>
    <${LoginDialog} />
    <${Overlays} />`;
}

function Refused({ error }) {
  const isPerson = error instanceof NotAnAdministrator;
  return html`<main class="plain">
    <h1>${isPerson ? 'This account may not use the console' : 'The console cannot start'}</h1>
    <p role="alert">${error.message}</p>
    ${isPerson && html`<p>Whoever runs this server can make an administrator with <code>doorward admin create</code>.</p>`}
    <p class="actions">
      <button type="button" class="primary" onClick=${() => location.assign('/admin/')}>Try again</button>
      ${isPerson && html`<button type="button" onClick=${() => session.signOut()}>Sign in as somebody else</button>`}
    </p>
  </main>`;
}

function Returned() {
  return html`<main class="plain"><h1>The console has the answer</h1><p role="status">You can close this window.</p></main>`;
}

async function begin(root) {
  if (isReturn()) {
    tellAnswer();
    render(html`<${Returned} />`, root);
    return;
  }
  try {
    await session.begin();
    start();
    render(html`<${Console} />`, root);
  } catch (error) {
    render(html`<${Refused} error=${error} />`, root);
  }
}

chooseTheme();
await begin(document.getElementById('console'));
