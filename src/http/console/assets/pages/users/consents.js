// What somebody agreed to that applications may do for them.

import { api, at } from '../../core/api.js';
import { html, useState } from '../../core/html.js';
import { session } from '../../core/session.js';
import { confirm, toast } from '../../parts/dialog.js';
import { Card, Empty, Notice } from '../../parts/layout.js';
import { PagedTable } from '../../parts/table.js';
import { attempt } from './attempt.js';
import { Application, useClientNames } from './names.js';

function Client({ id }) {
  const nameOf = useClientNames([id]);
  return html`<${Application} id=${id} name=${nameOf(id)} />`;
}

/** The tab *Consents*. */
export function Consents({ user }) {
  const [version, setVersion] = useState(0);
  const mayRevoke = session.can('delete:grants');
  const withdraw = (grant) => attempt(async () => {
    const yes = await confirm({
      title: 'Withdraw this consent?',
      text: 'Refresh tokens that were issued under it end at once. The user is asked again at the next login.',
      act: 'Withdraw',
      danger: true,
    });
    if (!yes) return;
    await api.delete(at`grants/${grant.id}`);
    setVersion((n) => n + 1);
    toast('Consent withdrawn');
  });
  const columns = [
    { title: 'Application', main: true, cell: (grant) => html`<${Client} id=${grant.clientID} />` },
    { title: 'API', cell: (grant) => html`<code>${grant.audience}</code>` },
    { title: 'May', cell: (grant) => grant.scope.join(', ') },
    mayRevoke && {
      title: 'Withdraw',
      cell: (grant) => html`<button type="button" class="quiet danger" onClick=${() => withdraw(grant)}>Withdraw</button>`,
    },
  ].filter(Boolean);
  return html`<${Card} title="Consents"
    intro="What this user agreed to when an application of somebody else asked. Your own applications need no consent.">
    ${!mayRevoke && html`<${Notice}>Your role allows you to look at this, not to change it.</${Notice}>`}
    <${PagedTable} caption="Consents" path="grants" query=${{ user_id: user.user_id }} items="grants"
      columns=${columns} version=${version} rowKey=${(grant) => grant.id}
      empty=${html`<${Empty} title="No consent">Nothing was agreed to yet.</${Empty}>`} />
  </${Card}>`;
}
