// What applications and operators note about a user, as JSON.

import { Form, useForm } from '../../core/form.js';
import { html, useMemo } from '../../core/html.js';
import { session } from '../../core/session.js';
import { same } from '../../core/values.js';
import { toast } from '../../parts/dialog.js';
import { TextArea } from '../../parts/fields.js';
import { Card, ReadOnly, SaveBar } from '../../parts/layout.js';

const BAGS = [
  ['user_metadata', 'What the user may know and change', 'user_metadata: preferences, say. Applications may let users change it.'],
  ['app_metadata', 'What only you change', 'app_metadata: plans, flags, rights. Users cannot change it.'],
];

const written = (bag) => JSON.stringify(bag ?? {}, null, 2);
const valuesOf = (user) => Object.fromEntries(BAGS.map(([name]) => [name, written(user[name])]));

/** An object, or an error that says what is wrong. */
function read(text) {
  const value = text.trim() === '' ? {} : JSON.parse(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('An object is needed: { … }');
  return value;
}

/** Where in a text a position is, as editors count. */
function placeOf(text, position) {
  const before = text.slice(0, position).split('\n');
  return `line ${before.length}, column ${before.at(-1).length + 1}`;
}

function faultOf(text) {
  try {
    read(text);
    return undefined;
  } catch (error) {
    const position = /position (\d+)/.exec(error.message);
    const where = position && !/line \d/.test(error.message) ? ` (${placeOf(text, Number(position[1]))})` : '';
    return `This is not JSON: ${error.message}${where}`;
  }
}

/** What a PATCH has to send: members of the first level are replaced, null removes one, {} empties the whole. */
function patchOf(before, after) {
  if (Object.keys(after).length === 0) return {};
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return Object.fromEntries([...names].filter((name) => !same(before[name], after[name])).map((name) => [name, after[name] ?? null]));
}

/** The card *Metadata*. */
export function Metadata({ user, resource }) {
  const mayAll = session.can('update:users');
  const shown = useMemo(() => valuesOf(user), []);
  const form = useForm({
    initial: shown,
    check: (values) => Object.fromEntries(BAGS.map(([name]) => [name, faultOf(values[name])]).filter(([, fault]) => fault)),
    save: async (values, { changes, force }) => {
      const body = Object.fromEntries(Object.keys(changes)
        .map((name) => [name, patchOf(read(form.base[name]), read(values[name]))]));
      const saved = await resource.patch(body, { force });
      toast('Metadata saved');
      return valuesOf(saved);
    },
    theirs: async () => valuesOf(await resource.reload()),
  });
  return html`<${Card} title="Metadata" intro="JSON objects. Actions and rules can read them, and put parts of them into tokens.">
    <${Form} form=${form} label="Metadata">
      <div class="columns">${BAGS.map(([name, label, hint]) => html`<${ReadOnly} key=${name} when=${!mayAll && name === 'user_metadata'}
          reason="Your role allows you to change what only administrators change, not this.">
        <${TextArea} form=${form} name=${name} label=${label} hint=${hint} mono rows=${8} />
      </${ReadOnly}>`)}</div>
      <${SaveBar} form=${form} label="Save metadata" />
    </${Form}>
  </${Card}>`;
}
