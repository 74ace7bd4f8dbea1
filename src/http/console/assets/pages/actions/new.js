// A new Action: its name, the flow that it is for, and what to begin with.

import { api } from '../../core/api.js';
import { Form, useForm } from '../../core/form.js';
import { html } from '../../core/html.js';
import { navigate } from '../../core/router.js';
import { toast } from '../../parts/dialog.js';
import { RadioCards, Select, TextField } from '../../parts/fields.js';
import { Card, Code, Page, SaveBar } from '../../parts/layout.js';
import { templates } from './templates.js';
import { triggerOf, triggers } from './triggers.js';

const emptyCode = (triggerId) => `exports.${triggerOf(triggerId).handler} = async (event, api) => {\n};\n`;

/** The code that an Action begins with. */
export const codeOf = (triggerId, templateId) => (
  templates.find(({ id, trigger }) => id === templateId && trigger === triggerId)?.code ?? emptyCode(triggerId));

/** `/actions/new` */
export function NewActionPage() {
  const form = useForm({
    initial: { name: '', supported_triggers: 'post-login', code: '' },
    async save({ name, supported_triggers: trigger, code }) {
      const made = await api.post('actions/actions', {
        name, supported_triggers: [{ id: trigger }], code: codeOf(trigger, code),
      });
      toast(`${name} is made. It is a draft: nothing runs yet.`);
      navigate(`/actions/${encodeURIComponent(made.id)}`, { force: true });
    },
  });
  const { supported_triggers: trigger, code } = form.values;
  const fitting = templates.filter((one) => one.trigger === trigger);
  const chosen = fitting.find(({ id }) => id === code);
  return html`<${Page} title="New Action" back=${{ href: '/actions', title: 'Actions' }}
    intro="It begins as a draft. Nothing runs before you deploy it and add it to the flow.">
    <${Form} form=${form} label="New Action">
      <${Card}>
        <${TextField} form=${form} name="name" label="Name" hint="What it does, in a few words." required />
        <${RadioCards} form=${form} name="supported_triggers" label="Flow"
          options=${triggers.map(({ id, title, about }) => [id, title, about])} />
      </${Card}>
      <${Card} title="To begin with">
        <${Select} form=${form} name="code" label="Example" hint=${chosen?.about ?? 'An empty function.'}
          options=${[['', 'Nothing'], ...fitting.map(({ id, title }) => [id, title])]} />
        <${Code} label="The code that you begin with" text=${codeOf(trigger, code)} />
      </${Card}>
      <${SaveBar} form=${form} label="Create" always idle="" />
    </${Form}>
  </${Page}>`;
}
