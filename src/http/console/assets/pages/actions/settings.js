// The name of an Action, where it may send requests, and its end.

import { api, at } from '../../core/api.js';
import { Form } from '../../core/form.js';
import { html, useState } from '../../core/html.js';
import { Failed, useLoad } from '../../core/load.js';
import { navigate } from '../../core/router.js';
import { session } from '../../core/session.js';
import { confirm, toast } from '../../parts/dialog.js';
import { ListField, RadioCards, Select, TextField } from '../../parts/fields.js';
import { Card, Facts, Identifier, SaveBar, Time } from '../../parts/layout.js';
import { useDraft } from './draft.js';
import { useBindings } from './flow.js';

const pick = ({ name, runtime, allowed_hosts: hosts }) => ({ name, runtime, ...hosts && { allowed_hosts: hosts } });
const saved = ({ name }) => toast(`The settings of ${name} are saved.`);

/** Everything but the code and the secrets. */
export function SettingsTab({ action, resource, trigger }) {
  const form = useDraft(resource, pick, saved);
  const narrowed = form.values.allowed_hosts !== undefined;
  return html`<${Form} form=${form} label="Settings">
      <${Card} title="Settings">
        <${TextField} form=${form} name="name" label="Name" required />
        <${Runtime} form=${form} trigger=${trigger} />
        <${RadioCards} label="Requests to other hosts" value=${narrowed ? 'these' : 'server'}
          onChange=${(value) => form.set('allowed_hosts', value === 'these' ? [] : undefined)}
          options=${[
            ['server', 'As the server allows', 'The configuration of the server lists the hosts.'],
            ['these', 'Only these hosts', 'The code can send requests to the hosts below and to no others.'],
          ]} />
        ${narrowed && html`<${ListField} form=${form} name="allowed_hosts" label="Hosts" placeholder="api.example.com"
          hint="One on each line: api.example.com, or *.example.com. None means that no request leaves." />`}
        <${SaveBar} form=${form} />
        <p class="small muted">The name holds at once. The runtime and the hosts are part of the draft, and hold once it is deployed.</p>
      </${Card}>
    </${Form}>
    <${Card} title="Details"><${Facts} facts=${[
      ['Id', html`<${Identifier} value=${action.id} of="the id" />`],
      ['Created', html`<${Time} at=${action.created_at} />`],
      ['Draft changed', html`<${Time} at=${action.updated_at} />`],
    ]} /></${Card}>
    ${session.can('delete:actions') && html`<${Delete} action=${action} trigger=${trigger} />`}`;
}

function Runtime({ form, trigger }) {
  const load = useLoad((signal) => api.get('actions/triggers', undefined, { signal }), []);
  const current = load.data?.triggers.find((one) => one.id === trigger.id && one.status === 'CURRENT');
  const names = new Set([form.values.runtime, ...current?.runtimes ?? []]);
  return html`<${Select} form=${form} name="runtime" label="Runtime" options=${[...names].map((name) => [name, name])}
    hint="What the code is written for. All run in the same engine here." />`;
}

function Delete({ action, trigger }) {
  const bindings = useBindings(trigger.id);
  const [problem, setProblem] = useState(null);
  const bound = bindings.data?.bindings?.some((one) => one.action.id === action.id);
  const remove = async () => {
    const yes = await confirm({
      title: `Delete ${action.name}?`,
      text: bound
        ? `It is part of the flow “${trigger.title}” and runs there. It is taken out, and deleted with its code, `
          + `its secrets and all versions. The next ${trigger.next} goes on without it.`
        : 'Its code, its secrets and all versions are gone for good.',
      act: 'Delete',
      danger: true,
      type: action.name,
    });
    if (!yes) return;
    setProblem(null);
    try {
      await api.delete(at`actions/actions/${action.id}`, undefined, { query: bound ? { force: true } : {} });
      toast(`${action.name} is deleted.`);
      navigate('/actions?tab=all', { force: true });
    } catch (error) {
      setProblem(error);
    }
  };
  return html`<${Card} title="Delete" danger intro=${bound
    ? `It is part of the flow “${trigger.title}”. Deleting takes it out of it.` : 'It is part of no flow.'}>
    ${problem && html`<${Failed} error=${problem} />`}
    <button type="button" class="danger" onClick=${remove}>Delete this Action</button>
  </${Card}>`;
}
