// A new role.

import { api, at } from '../../core/api.js';
import { Form, useForm } from '../../core/form.js';
import { html } from '../../core/html.js';
import { navigate } from '../../core/router.js';
import { toast } from '../../parts/dialog.js';
import { TextField } from '../../parts/fields.js';
import { Card, Page, SaveBar } from '../../parts/layout.js';

/** A name that is taken is said beside the name. */
export async function named(write) {
  try {
    return await write();
  } catch (error) {
    if (error.kind === 'conflict') Object.assign(error, { property: 'name', message: 'Another role has this name.' });
    throw error;
  }
}

/** `/roles/new` */
export function NewRole() {
  const form = useForm({
    initial: { name: '', description: '' },
    save: async (values) => {
      const role = await named(() => api.post('roles', values));
      toast('Role created');
      // What was typed is saved: leaving it asks nothing.
      navigate(`${at`/roles/${role.id}`}?tab=permissions`, { force: true });
      return values;
    },
  });
  return html`<${Page} title="New role" back=${{ href: '/roles', title: 'Roles' }}>
    <${Form} form=${form} label="New role">
      <${Card}>
        <${TextField} form=${form} name="name" label="Name" placeholder="Editor" />
        <${TextField} form=${form} name="description" label="Description" optional placeholder="Writes and publishes articles" />
      </${Card}>
      <${SaveBar} form=${form} label="Create" always idle="" />
    </${Form}>
  </${Page}>`;
}
