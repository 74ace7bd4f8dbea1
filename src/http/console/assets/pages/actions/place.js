// Whether an Action runs: its version, and its place in the flow.

import { html, useState } from '../../core/html.js';
import { Failed } from '../../core/load.js';
import { Link } from '../../core/router.js';
import { session } from '../../core/session.js';
import { toast } from '../../parts/dialog.js';
import { Badge } from '../../parts/layout.js';
import { bindingsBody, useBindings } from './flow.js';
import { stateOf } from './triggers.js';

const ORDINALS = new Intl.PluralRules('en', { type: 'ordinal' });
const ordinal = (n) => `${n}${{ one: 'st', two: 'nd', few: 'rd' }[ORDINALS.select(n)] ?? 'th'}`;

/** One line: its flow, its state, and whether it runs. */
export function Place({ action, trigger }) {
  const { kind, text } = stateOf(action);
  return html`<p class="place"><${Badge}>${trigger.title}</${Badge}> <${Badge} kind=${kind}>${text}</${Badge}>
      <${Runs} action=${action} trigger=${trigger} /></p>`;
}

function Runs({ action, trigger }) {
  const resource = useBindings(trigger.id);
  const [problem, setProblem] = useState(null);
  const [busy, setBusy] = useState(false);
  if (!resource.data) return null;
  const bindings = resource.data.bindings ?? [];
  const index = bindings.findIndex((binding) => binding.action.id === action.id);
  if (index >= 0) {
    const where = bindings.length === 1 ? 'the only Action' : `the ${ordinal(index + 1)} of ${bindings.length} Actions`;
    return html`<span>It runs in <${Link} href="/actions">${trigger.title}</${Link}>, as ${where}.</span>`;
  }
  if (!action.deployed_version) return html`<span>It does not run: deploy it first.</span>`;
  const bind = async () => {
    setBusy(true);
    setProblem(null);
    try {
      await resource.patch(bindingsBody([...bindings.map((one) => one.action.name), action.name], bindings));
      toast(`${action.name} runs in “${trigger.title}” from the next ${trigger.next} on.`);
    } catch (error) {
      setProblem(error);
      resource.reload();
    } finally {
      setBusy(false);
    }
  };
  return html`<span>It does not run: it is not part of the flow.</span>
    ${session.can('update:actions') && html` <button type="button" disabled=${busy} onClick=${bind}>Add it to the flow</button>`}
    ${problem && html`<${Failed} error=${problem} />`}`;
}
