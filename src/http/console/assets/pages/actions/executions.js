// What came of running an Action.

import { api, at } from '../../core/api.js';
import { html, useState } from '../../core/html.js';
import { Failed, Loaded } from '../../core/load.js';
import { navigate } from '../../core/router.js';
import { session } from '../../core/session.js';
import { toast } from '../../parts/dialog.js';
import { Badge, Code, Empty, Time } from '../../parts/layout.js';
import { Table, useCursor } from '../../parts/table.js';

const STATES = {
  final: ['good', 'Ran'],
  partial: ['danger', 'Failed'],
  canceled: ['warning', 'Refused'],
  suspended: ['info', 'Sent the browser away'],
};

/** The end of this Action: another one of the same flow may have failed or refused. */
function stateOf(execution, result) {
  if (result.error) return STATES.partial;
  return execution.status === 'partial' ? ['good', 'Ran, a later one failed'] : STATES[execution.status];
}

/** The latest executions, newest first. */
export function ExecutionsTab({ action, showLine }) {
  const cursor = useCursor(at`actions/actions/${action.id}/executions`, 'executions');
  const [problem, setProblem] = useState(null);
  const [busy, setBusy] = useState(false);
  const more = async () => {
    setBusy(true);
    setProblem(null);
    try {
      await cursor.loadMore();
    } catch (error) {
      setProblem(error);
    } finally {
      setBusy(false);
    }
  };
  const columns = [
    { title: 'When', main: true, cell: (execution) => html`<${Time} at=${execution.created_at} />` },
    { title: 'What came of it', cell: (execution) => html`<${Outcome} execution=${execution} showLine=${showLine} />` },
    { title: 'Took', align: 'right', cell: ({ results: [result] }) => `${result?.stats.action_duration_ms ?? 0} ms` },
    ...session.can('read:logs') ? [{ title: 'Log', cell: (execution) => html`<${LogLink} execution=${execution} />` }] : [],
  ];
  return html`<${Loaded} load=${cursor}>${() => (cursor.rows.length === 0
    ? html`<${Empty} title="It has not run yet">Each time it runs, what came of it stands here.</${Empty}>`
    : html`<${Table} caption="Executions" columns=${columns} rows=${cursor.rows} rowKey=${({ id }) => id} class="executions" />
      ${problem && html`<${Failed} error=${problem} />`}
      <p class="actions">
        ${cursor.more && html`<button type="button" disabled=${busy} onClick=${more}>${busy ? 'Reading…' : 'Older ones'}</button>`}
        <button type="button" disabled=${cursor.loading} onClick=${cursor.reload}>Read again</button>
      </p>`)}</${Loaded}>`;
}

function Outcome({ execution, showLine }) {
  const [result] = execution.results;
  if (!result) return html`<${Badge}>Unknown</${Badge}>`;
  const [kind, word] = stateOf(execution, result);
  const { error, notes, console: output } = result;
  return html`<${Badge} kind=${kind}>${word}</${Badge}>
    ${error && html`<p class="small"><code>${error.msg}</code>${error.line && html` <button type="button" class="quiet"
      onClick=${() => showLine(error.line)}>Line ${error.line}</button>`}</p>`}
    ${(output || notes.length > 0) && html`<details><summary>${output ? 'Console' : 'What was left out'}
      ${output && notes.length > 0 ? ' and what was left out' : ''}</summary>
      ${output && html`<${Code} label="Console output" text=${output.trimEnd()} of=${`the console of ${execution.id}`} />`}
      ${notes.length > 0 && html`<ul class="effects">${notes.map((note, i) => html`<li key=${i}>${note}</li>`)}</ul>`}
    </details>`}`;
}

/** Times in searches of the log, this much around the execution: its event is written when the flow has ended. */
const AROUND = 60_000;

/** The event of the log that names an execution. */
async function eventOf(execution) {
  const edge = (time, by) => new Date(Date.parse(time) + by).toISOString();
  const q = `date:[${edge(execution.created_at, -AROUND)} TO ${edge(execution.updated_at, AROUND)}]`;
  const events = await api.get('logs', { q, per_page: 100 });
  return events.find(({ details }) => details?.actions?.executions?.includes(execution.id));
}

function LogLink({ execution }) {
  const [busy, setBusy] = useState(false);
  const open = async () => {
    setBusy(true);
    try {
      const event = await eventOf(execution);
      if (event) await navigate(`/logs/${encodeURIComponent(event.log_id)}`);
      else toast('No event of the log names this execution: what changes nothing is not logged, and old events are gone.');
    } catch (error) {
      toast(error.message);
    } finally {
      setBusy(false);
    }
  };
  return html`<button type="button" class="quiet" disabled=${busy} onClick=${open}
    aria-label=${`Open the log event of ${execution.id}`}>Open</button>`;
}
