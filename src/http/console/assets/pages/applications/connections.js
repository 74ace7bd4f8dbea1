// Whose users may log in at one application.

import { api, at } from '../../core/api.js';
import { html, useState } from '../../core/html.js';
import { Loaded, useLoad } from '../../core/load.js';
import { session } from '../../core/session.js';
import { toast } from '../../parts/dialog.js';
import { Toggle } from '../../parts/fields.js';
import { Card, Empty, Notice, ReadOnly } from '../../parts/layout.js';

const STRATEGIES = {
  auth0: 'A database of users with passwords.',
  email: 'Users who get a code by e-mail.',
};

async function read(id, signal) {
  const [connections, enabled] = await Promise.all([
    api.get('connections', { fields: 'id,name,strategy,display_name', per_page: 100 }, { signal }),
    api.get(at`clients/${id}/connections`, { fields: 'id', take: 100 }, { signal }),
  ]);
  return { connections, enabled: new Set(enabled.connections.map((one) => one.id)) };
}

/** The tab. What is switched holds at once. */
export function Connections({ client }) {
  const load = useLoad((signal) => read(client.client_id, signal), [client.client_id]);
  const [busy, setBusy] = useState();
  const [problem, setProblem] = useState();
  const change = async ({ id, name }, on) => {
    setBusy({ id, on });
    setProblem(undefined);
    try {
      await api.patch(at`connections/${id}/clients`, [{ client_id: client.client_id, status: on }]);
      const enabled = new Set(load.data.enabled);
      if (on) enabled.add(id);
      else enabled.delete(id);
      load.set({ ...load.data, enabled });
      toast(on ? `Users of ${name} can log in` : `Users of ${name} cannot log in any more`);
    } catch (error) {
      setProblem(error.message);
    } finally {
      setBusy(undefined);
    }
  };
  return html`<${ReadOnly} when=${!session.can('update:connections')}>
    <${Card} title="Connections"
      intro="Whose users may log in at this application. A switch holds at once; who is logged in already stays so.">
      ${problem && html`<div role="alert"><${Notice} kind="danger">${problem}</${Notice}></div>`}
      <${Loaded} load=${load}>${({ connections, enabled }) => (connections.length === 0
        ? html`<${Empty} title="There is no connection">Nobody can log in anywhere until there is one.</${Empty}>`
        : html`${enabled.size === 0 && html`<${Notice} kind="warning">
          Nobody can log in at this application: no connection is switched on.</${Notice}>`}
          <div class="stack">${connections.map((one) => html`<${Toggle} key=${one.id} label=${one.display_name ?? one.name}
            hint=${STRATEGIES[one.strategy] ?? one.strategy} readOnly=${Boolean(busy)}
            value=${busy?.id === one.id ? busy.on : enabled.has(one.id)} onChange=${(on) => change(one, on)} />`)}</div>`)}</${Loaded}>
    </${Card}>
  </${ReadOnly}>`;
}
