// One rule: its script, its place and whether it runs.

import { api, at } from '../../core/api.js';
import { Form, useForm } from '../../core/form.js';
import { html, useState } from '../../core/html.js';
import { Failed, Loaded, useResource } from '../../core/load.js';
import { navigate } from '../../core/router.js';
import { session } from '../../core/session.js';
import { confirm, toast } from '../../parts/dialog.js';
import { NumberField, TextField, Toggle } from '../../parts/fields.js';
import { Card, Page, ReadOnly, SaveBar } from '../../parts/layout.js';
import { Editor, useSyntax } from '../actions/editor.js';
import { useDraft } from '../actions/draft.js';
import { ruleTemplate } from '../actions/templates.js';

const BACK = { href: '/rules', title: 'Rules' };

function Fields({ form, label, always }) {
  const syntax = useSyntax(form.values.script, { kind: 'rule' });
  return html`<${Card}>
    <${TextField} form=${form} name="name" label="Name" hint="Letters, digits, spaces and hyphens." required />
    <${Toggle} form=${form} name="enabled" label="Runs" hint="Off, it is kept and does nothing." />
    <${NumberField} form=${form} name="order" label="Order" hint="Rules with a lower number run first." />
    <${Editor} form=${form} name="script" label="Script" syntax=${syntax} />
    <${SaveBar} form=${form} label=${label} always=${always} idle=${always ? '' : undefined} />
  </${Card}>`;
}

/** `/rules/new` */
export function NewRulePage() {
  const form = useForm({
    initial: { name: '', enabled: false, script: ruleTemplate },
    async save(values) {
      const made = await api.post('rules', values);
      toast(`${made.name} is made. It ${made.enabled ? 'runs from the next login on' : 'does not run yet'}.`);
      navigate(`/rules/${encodeURIComponent(made.id)}`, { force: true });
    },
  });
  return html`<${Page} title="New rule" back=${BACK} intro="Without an order it runs after all others.">
    <${Form} form=${form} label="New rule"><${Fields} form=${form} label="Create" always /></${Form}>
  </${Page}>`;
}

/** `/rules/:id` */
export function RulePage({ id }) {
  const resource = useResource(at`rules/${id}`);
  if (resource.data === undefined || resource.error?.kind === 'missing') {
    return html`<${Page} title="Rule" back=${BACK}><${Loaded} load=${resource}>${() => null}</${Loaded}></${Page}>`;
  }
  return html`<${Rule} rule=${resource.data} resource=${resource} />`;
}

const pick = ({ name, enabled, order, script }) => ({ name, enabled, order, script });
const saved = ({ name }) => toast(`${name} is saved. It holds from the next login on.`);

function Rule({ rule, resource }) {
  const form = useDraft(resource, pick, saved);
  const [problem, setProblem] = useState(null);
  const remove = async () => {
    const text = 'Its script is gone for good, and the next login goes on without it.';
    if (!await confirm({ title: `Delete ${rule.name}?`, text, act: 'Delete', danger: true, type: rule.name })) return;
    setProblem(null);
    try {
      await api.delete(at`rules/${rule.id}`);
      toast(`${rule.name} is deleted.`);
      navigate('/rules', { force: true });
    } catch (error) {
      setProblem(error);
    }
  };
  return html`<${Page} title=${rule.name} back=${BACK}>
    <${ReadOnly} when=${!session.can('update:rules')}>
      <${Form} form=${form} label="Rule"><${Fields} form=${form} /></${Form}>
    </${ReadOnly}>
    ${session.can('delete:rules') && html`<${Card} title="Delete" danger>
      ${problem && html`<${Failed} error=${problem} />`}
      <button type="button" class="danger" onClick=${remove}>Delete this rule</button>
    </${Card}>`}
  </${Page}>`;
}
