// All rules in their order, and the configuration that they read.

import { api, at } from '../../core/api.js';
import { Form, useForm } from '../../core/form.js';
import { html, useState } from '../../core/html.js';
import { Failed, Loaded, useLoad } from '../../core/load.js';
import { Link } from '../../core/router.js';
import { session } from '../../core/session.js';
import { confirm, toast } from '../../parts/dialog.js';
import { TextArea, TextField } from '../../parts/fields.js';
import { Badge, Card, Empty, Notice, Page, SaveBar } from '../../parts/layout.js';
import { PagedTable, Table } from '../../parts/table.js';

const newRule = () => session.can('create:rules') && html`<${Link} class="button primary" href="/rules/new">New rule</${Link}>`;

const INTRO = 'Scripts of the generation before Actions. They run at each login and each exchange of a refresh token, '
  + 'before the Actions, in their order.';

/** `/rules` */
export function RulesPage() {
  const [round, setRound] = useState(0);
  const [problem, setProblem] = useState(null);
  const turn = async (rule) => {
    setProblem(null);
    try {
      await api.patch(at`rules/${rule.id}`, { enabled: !rule.enabled });
      toast(`${rule.name} is ${rule.enabled ? 'off' : 'on'}. It holds from the next login on.`);
      setRound(round + 1);
    } catch (error) {
      setProblem(error);
    }
  };
  const columns = [
    { title: 'Name', main: true, cell: (rule) => rule.name },
    { title: 'Order', align: 'right', cell: (rule) => rule.order },
    { title: 'State', cell: (rule) => html`<${Badge} kind=${rule.enabled ? 'good' : 'neutral'}>${rule.enabled ? 'On' : 'Off'}</${Badge}>` },
    ...session.can('update:rules') ? [{
      title: 'Change',
      cell: (rule) => html`<button type="button" class="quiet" aria-label=${`Switch ${rule.enabled ? 'off' : 'on'} ${rule.name}`}
        onClick=${() => turn(rule)}>Switch ${rule.enabled ? 'off' : 'on'}</button>`,
    }] : [],
  ];
  return html`<${Page} title="Rules" actions=${newRule()} intro=${INTRO}>
    <${Notice}>Write new code as <${Link} href="/actions">Actions</${Link}>:
      they can be tried out, have versions, and keep their secrets to themselves.</${Notice}>
    ${problem && html`<${Failed} error=${problem} />`}
    <${PagedTable} path="rules" items="rules" version=${round} caption="Rules" columns=${columns} rowKey=${({ id }) => id}
      rowHref=${({ id }) => `/rules/${encodeURIComponent(id)}`}
      empty=${html`<${Empty} title="There are no rules" action=${newRule()}>
        That is fine: Actions do everything that rules do.</${Empty}>`} />
    ${session.can('read:rules_configs') && html`<${Configuration} />`}
  </${Page}>`;
}

function Configuration() {
  const load = useLoad((signal) => api.get('rules-configs', undefined, { signal }), []);
  const [problem, setProblem] = useState(null);
  const remove = async (key) => {
    const text = `Rules that read configuration.${key} find nothing there from the next login on. Its value is gone for good.`;
    if (!await confirm({ title: `Remove ${key}?`, text, act: 'Remove', danger: true })) return;
    setProblem(null);
    try {
      await api.delete(at`rules-configs/${key}`);
      await load.reload();
      toast(`${key} is removed.`);
    } catch (error) {
      setProblem(error);
    }
  };
  const columns = [
    { title: 'Key', main: true, cell: ({ key }) => html`<code>${key}</code>` },
    ...session.can('delete:rules_configs') ? [{
      title: 'Change',
      cell: ({ key }) => html`<button type="button" class="quiet danger" aria-label=${`Remove ${key}`}
        onClick=${() => remove(key)}>Remove</button>`,
    }] : [],
  ];
  return html`<${Card} title="Configuration" intro=${html`<p>Every rule reads it as <code>configuration.KEY</code>. Values
      are encrypted, and nobody can read them here.</p>`}>
    ${problem && html`<${Failed} error=${problem} />`}
    <${Loaded} load=${load}>${(keys) => (keys.length > 0
      ? html`<${Table} caption="Keys" columns=${columns} rows=${keys} rowKey=${({ key }) => key} />`
      : html`<p class="muted">There are no keys.</p>`)}</${Loaded}>
    ${session.can('update:rules_configs') && html`<${AddKey} reload=${load.reload} />`}
  </${Card}>`;
}

function AddKey({ reload }) {
  const initial = { key: '', value: '' };
  const form = useForm({
    initial,
    async save({ key, value }) {
      await api.put(at`rules-configs/${key}`, { value });
      toast(`${key} is kept. It holds from the next login on.`);
      reload();
      return initial;
    },
    check: ({ key }) => (key ? {} : { key: 'A key is needed.' }),
  });
  return html`<${Form} form=${form} label="Add or replace a key" class="add-key">
    <h3>Add or replace a key</h3>
    <${TextField} form=${form} name="key" label="Key" mono required />
    <${TextArea} form=${form} name="value" label="Value" rows=${2} mono required />
    <${SaveBar} form=${form} label="Keep" idle="" />
  </${Form}>`;
}
