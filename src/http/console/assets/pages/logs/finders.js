// Applications and users by name: nobody knows ids by heart.

import { api } from '../../core/api.js';
import { html, useState } from '../../core/html.js';
import { setQuery } from '../../core/router.js';
import { session } from '../../core/session.js';
import { Dialog } from '../../parts/dialog.js';
import { Picker } from '../../parts/picker.js';
import { findUsers } from '../policies/apis.js';

const SOME = 8;

async function findApplications(text, signal) {
  const query = { per_page: SOME, is_global: false, fields: 'client_id,name', search: text };
  const clients = await api.get('clients', query, { signal });
  return clients.map(({ client_id: id, name }) => ({ id, title: name || id, note: id, mono: true }));
}

/** What can be found: the part of the filter, the scope, the words of button, dialog and search. */
const FINDERS = [
  {
    part: 'client', needs: 'read:clients', button: 'Find an application…', title: 'Events of an application',
    label: 'Search by name or client id', find: findApplications,
  },
  {
    part: 'user', needs: 'read:users', button: 'Find a user…', title: 'Events of a user',
    label: 'Search by the beginning of name or e-mail address', find: findUsers,
  },
];

/** Buttons that open a search, whose result becomes a part of the filter. */
export function Finders() {
  const [open, setOpen] = useState();
  const close = () => setOpen(undefined);
  const pick = ({ id }) => {
    setQuery({ [open.part]: id, page: '' });
    close();
  };
  const buttons = FINDERS.filter(({ needs }) => session.can(needs)).map((finder) => html`
    <button key=${finder.part} type="button" class="quiet" onClick=${() => setOpen(finder)}>${finder.button}</button>`);
  return html`${buttons}
    ${open && html`<${Dialog} title=${open.title} onClose=${close}>
      <${Picker} label=${open.label} find=${open.find} onPick=${pick} autofocus />
      <p class="actions"><button type="button" onClick=${close}>Cancel</button></p>
    </${Dialog}>`}`;
}
