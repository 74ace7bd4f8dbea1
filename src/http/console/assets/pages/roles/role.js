// One role: what it is called, what it brings, who has it.

import { api, at } from '../../core/api.js';
import { Form, useForm } from '../../core/form.js';
import { html, useMemo } from '../../core/html.js';
import { Loaded, useResource } from '../../core/load.js';
import { navigate } from '../../core/router.js';
import { session } from '../../core/session.js';
import { counted } from '../../core/words.js';
import { confirm, toast } from '../../parts/dialog.js';
import { TextField } from '../../parts/fields.js';
import { Card, Identifier, Page, ReadOnly, SaveBar, Tabs } from '../../parts/layout.js';
import { attempt } from '../users/attempt.js';
import { Members } from './members.js';
import { named } from './new.js';
import { RolePermissions } from './permissions.js';

const valuesOf = ({ name, description }) => ({ name, description });

function Delete({ role }) {
  const remove = () => attempt(async () => {
    const { total } = await api.get(at`roles/${role.id}/users`, { per_page: 1, include_totals: true });
    const who = total === 0 ? 'Nobody has this role.'
      : `${counted(total, 'person loses', 'people lose')} what it brings, unless another role gives it too.`;
    const yes = await confirm({
      title: `Delete the role ${role.name}?`,
      text: `${who} It counts from the next access token on; those that are out work until they expire.`,
      act: 'Delete this role',
      danger: true,
      type: role.name,
    });
    if (!yes) return;
    await api.delete(at`roles/${role.id}`);
    toast('Role deleted');
    navigate('/roles', { force: true });
  });
  return html`<${Card} title="Delete this role" danger intro="Everybody who has it loses its permissions.">
    <button type="button" class="danger" onClick=${remove}>Delete role</button>
  </${Card}>`;
}

function Settings({ role, resource }) {
  const initial = useMemo(() => valuesOf(role), []);
  const form = useForm({
    initial,
    save: async (values, { changes, force }) => {
      const body = { ...changes, ...('description' in changes && { description: changes.description ?? '' }) };
      const saved = await named(() => resource.patch(body, { force }));
      toast('Saved');
      return valuesOf(saved);
    },
    theirs: async () => valuesOf(await resource.reload()),
  });
  return html`<${ReadOnly} when=${!session.can('update:roles')}>
      <${Card} title="Settings">
        <${Form} form=${form} label="Settings of the role">
          <${TextField} form=${form} name="name" label="Name" />
          <${TextField} form=${form} name="description" label="Description" optional />
          <${SaveBar} form=${form} />
        </${Form}>
      </${Card}>
    </${ReadOnly}>
    ${session.can('delete:roles') && html`<${Delete} role=${role} />`}`;
}

const TABS = [
  { id: 'settings', title: 'Settings', shown: Settings },
  { id: 'permissions', title: 'Permissions', shown: RolePermissions },
  { id: 'members', title: 'Members', shown: Members },
];

const maySeeMembers = () => session.can('read:role_members') || session.can('read:users');

/** `/roles/:id` */
export function RolePage({ id }) {
  const resource = useResource(at`roles/${id}`);
  const tabs = TABS.filter((tab) => tab.id !== 'members' || maySeeMembers());
  const role = resource.data;
  return html`<${Page} title=${role?.name ?? 'Role'} back=${{ href: '/roles', title: 'Roles' }}
      intro=${role && html`<p>${role.description && html`${role.description} · `}<${Identifier} value=${role.id} of="the role id" /></p>`}>
    <${Loaded} load=${resource}>${(data) => html`<${Tabs} label="About this role" tabs=${tabs}>${(shown) => {
      const { shown: Part } = tabs.find((tab) => tab.id === shown);
      return html`<${Part} key=${shown} role=${data} resource=${resource} />`;
    }}</${Tabs}>`}</${Loaded}>
  </${Page}>`;
}
