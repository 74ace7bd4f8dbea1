// The secrets of an Action: their names are told, their values never again.

import { Form, useForm } from '../../core/form.js';
import { html, useEffect, useRef, useState } from '../../core/html.js';
import { Failed } from '../../core/load.js';
import { confirm, toast } from '../../parts/dialog.js';
import { TextArea, TextField } from '../../parts/fields.js';
import { Card, Empty, SaveBar, Time, useReadOnly } from '../../parts/layout.js';
import { Table } from '../../parts/table.js';

const NEXT = 'It is in the draft: deploy the Action to have it in what runs.';

/** A list of secrets replaces the one before; one without a value keeps the one that it has. */
const kept = (action) => action.secrets.map(({ name }) => ({ name }));

/** An objection to the list is shown at the field that it is about. */
function atField(error) {
  if (error.property?.startsWith('secrets')) error.property = error.property.endsWith('value') ? 'value' : 'name';
  throw error;
}

/** The names, and what can be done with each. */
export function SecretsTab({ action, resource }) {
  const [problem, setProblem] = useState(null);
  const [replacing, setReplacing] = useState(null);
  const readOnly = useReadOnly();
  const write = (secrets, options) => resource.patch({ secrets }, options);
  const remove = async (name) => {
    const yes = await confirm({
      title: `Remove the secret ${name}?`,
      text: `Its value is gone for good. What runs now keeps it until you deploy; after that event.secrets.${name} is missing.`,
      act: 'Remove',
      danger: true,
    });
    if (!yes) return;
    setProblem(null);
    try {
      await write(kept(action).filter((one) => one.name !== name));
      toast(`${name} is removed from the draft.`);
    } catch (error) {
      setProblem(error);
      if (error.kind === 'changed') resource.reload();
    }
  };
  const columns = [
    { title: 'Name', main: true, cell: ({ name }) => html`<code>${name}</code>` },
    { title: 'Set', cell: ({ updated_at: at }) => html`<${Time} at=${at} short />` },
    ...readOnly ? [] : [{
      title: 'Change',
      cell: ({ name }) => html`<button type="button" class="quiet"
        aria-label=${`Replace ${name}`} onClick=${() => setReplacing(name)}>Replace</button>
        <button type="button" class="quiet danger" aria-label=${`Remove ${name}`} onClick=${() => remove(name)}>Remove</button>`,
    }],
  ];
  return html`<${Card} title="Secrets" intro=${html`<p>The code reads them as <code>event.secrets.NAME</code>. They are
        encrypted, and nobody can read their values here, you included.</p>`}>
      ${problem && html`<${Failed} error=${problem} />`}
      ${action.secrets.length > 0 ? html`<${Table} caption="Secrets"
        columns=${columns} rows=${action.secrets} rowKey=${({ name }) => name} />`
        : html`<${Empty} title="No secrets">Keys and passwords of other services belong here, not in the code.</${Empty}>`}
    </${Card}>
    ${!readOnly && html`<${Card} title=${replacing ? `A new value for ${replacing}` : 'Add a secret'}>
      <${Value} key=${replacing ?? ''} name=${replacing} action=${action} resource=${resource}
        write=${write} done=${() => setReplacing(null)} />
    </${Card}>`}`;
}

function Value({ name: fixed, action, resource, write, done }) {
  const initial = { name: fixed ?? '', value: '' };
  const form = useForm({
    initial,
    async save({ name, value }, { force }) {
      const others = kept(action).filter((one) => one.name !== fixed);
      await write([...others, { name: fixed ?? name, value }], { force }).catch(atField);
      toast(`${fixed ?? name} is kept. ${NEXT}`);
      if (fixed) setTimeout(done);
      return initial;
    },
    async theirs() {
      const fresh = await resource.reload();
      return fresh && initial;
    },
  });
  const element = useRef();
  useEffect(() => {
    // Somebody asked for this field with a button further up.
    if (fixed) element.current.querySelector('textarea').focus();
  }, []);
  return html`<div ref=${element}><${Form} form=${form} label=${fixed ? `Replace ${fixed}` : 'Add a secret'}>
    ${!fixed && html`<${TextField} form=${form} name="name" label="Name"
      hint="As the code spells it, for example API_KEY." mono required />`}
    <${TextArea} form=${form} name="value" label="Value" rows=${2} mono required />
    <${SaveBar} form=${form} label=${fixed ? 'Replace' : 'Add'} idle="" />
    ${fixed && html`<p><button type="button" onClick=${done}>Keep the old value</button></p>`}
  </${Form}></div>`;
}
