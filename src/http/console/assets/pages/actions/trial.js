// Trying an Action out: an event that might be, and what the code would do with it.

import { api, at } from '../../core/api.js';
import { html, useEffect, useId, useRef, useState } from '../../core/html.js';
import { Failed, Loaded, useLoad } from '../../core/load.js';
import { session } from '../../core/session.js';
import { CodeArea } from '../../parts/fields.js';
import { Badge, Card, Code, Notice } from '../../parts/layout.js';

/** Events as they were edited, by Action: kept while the console is open. */
const edited = new Map();

/** Choose an event, change it, run the code with it. */
export function TryTab({ action, form, trigger, showLine }) {
  const load = useLoad((signal) => api.get(at`actions/triggers/${trigger.id}/sample-events`, undefined, { signal }), [trigger.id]);
  if (!trigger.handler) {
    return html`<${Notice}>
      This server does not run Actions of the flow ${trigger.title}, so there is nothing to try.</${Notice}>`;
  }
  if (!session.can('create:actions')) {
    return html`<${Notice}>Trying an Action out runs code on the server. Your role does not allow it.</${Notice}>`;
  }
  return html`<${Loaded} load=${load}>${({ samples }) => html`
    <${Trial} key=${action.id} action=${action} form=${form} samples=${samples} showLine=${showLine} />`}</${Loaded}>`;
}

const written = (event) => JSON.stringify(event, null, 2);

function read(text) {
  const event = JSON.parse(text);
  if (typeof event !== 'object' || event === null || Array.isArray(event)) throw new Error('an object is needed: { … }');
  return event;
}

function Trial({ action, form, samples, showLine }) {
  const before = edited.get(action.id);
  const [sample, setSample] = useState(before?.sample ?? samples[0].id);
  const [text, setText] = useState(before?.text ?? written(samples[0].event));
  const [wrong, setWrong] = useState();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState(null);
  const [result, setResult] = useState(null);
  const id = useId();
  const chosen = samples.find((one) => one.id === sample);
  const keep = (next, of = sample) => {
    setText(next);
    setWrong(undefined);
    edited.set(action.id, { sample: of, text: next });
  };
  const choose = (event) => {
    setSample(event.target.value);
    keep(written(samples.find((one) => one.id === event.target.value).event), event.target.value);
  };
  const run = async (submitted) => {
    submitted.preventDefault();
    let event;
    try {
      event = read(text);
    } catch (error) {
      setWrong(`This is not JSON: ${error.message}`);
      return;
    }
    setBusy(true);
    setProblem(null);
    setResult(null);
    try {
      const { payload } = await api.post(at`actions/actions/${action.id}/test`,
        { payload: { event }, ...form.dirty && { code: form.values.code } });
      setResult({ ...payload, unsaved: form.dirty });
    } catch (error) {
      setProblem(error);
    } finally {
      setBusy(false);
    }
  };
  return html`<div class="trial">
    <${Card} title="The event" intro="Made up, with the members of a real one. Change what your code looks at.">
      <form onSubmit=${run} novalidate aria-label="Try-out">
        <div class="field"><label for=${id}>What happens</label>
          <select id=${id} value=${sample} onChange=${choose}>
            ${samples.map((one) => html`<option key=${one.id} value=${one.id} selected=${one.id === sample}>${one.about}</option>`)}
          </select></div>
        <${CodeArea} label="Event" value=${text} onChange=${(next) => keep(next)} error=${wrong} rows=${18} class="wide" />
        <p class="actions">
          <button type="submit" class="primary" disabled=${busy}>
            ${busy ? 'Running…' : form.dirty ? 'Run the code as it is now' : 'Run the draft'}</button>
          ${chosen && text !== written(chosen.event)
            && html`<button type="button" onClick=${() => keep(written(chosen.event))}>Back to the sample</button>`}
        </p>
        <p class="small muted">It gets the secrets of the draft. Nothing that it asks for is done,
          but requests to other hosts are really made.</p>
      </form>
    </${Card}>
    <${Card} title="What it would do" class="trial-result">
      ${problem && html`<${Failed} error=${problem} />`}
      ${result ? html`<${Result} result=${result} showLine=${showLine} />`
        : !problem && html`<p class="muted" role="status">${busy ? 'Running…' : 'Run it to see.'}</p>`}
    </${Card}>
  </div>`;
}

const OUTCOMES = {
  goes_on: ['good', 'Goes on', 'The flow goes on.'],
  refused: ['danger', 'Refused', 'The flow ends here.'],
  redirected: ['info', 'Sent away', 'The browser is sent away, and comes back.'],
};

function Verdict({ result }) {
  if (result.error) {
    return html`<p><${Badge} kind="danger">Failed</${Badge}> The code failed.
      In a real flow that refuses; where nobody waits, nothing else happens.</p>`;
  }
  const [kind, word, sentence] = OUTCOMES[result.outcome];
  return html`<p><${Badge} kind=${kind}>${word}</${Badge}> ${sentence}${result.reason && html` The reason: “${result.reason}”`}</p>`;
}

function Result({ result, showLine }) {
  const { error, effects, notes = [], console: output, duration_ms: duration, unsaved } = result;
  const heading = useRef();
  useEffect(() => heading.current?.focus({ preventScroll: false }), [result]);
  return html`<div ref=${heading} tabindex="-1" class="result" aria-label="Result" role="group">
    <${Verdict} result=${result} />
    ${error && html`<div class="notice danger" role="alert"><p><code>${error.msg}</code></p>
      ${error.line && html`<p>Line ${error.line}, column ${error.column}. <button type="button" class="quiet"
        onClick=${() => showLine(error.line, error.column)}>Show the line</button></p>`}</div>`}
    ${effects.length > 0 ? html`<h3>${error ? 'What it had asked for by then' : 'In this order'}</h3>
        <ol class="effects">${effects.map((effect, i) => html`<li key=${i}>${effect}</li>`)}</ol>`
      : html`<p>It asks for nothing.</p>`}
    ${notes.length > 0 && html`<h3>What the server would leave out</h3>
      <ul class="effects">${notes.map((note, i) => html`<li key=${i}>${note}</li>`)}</ul>`}
    ${output && html`<${Code} label="Console output" text=${output.trimEnd()} />`}
    <p class="small muted">It took ${duration} ms. ${unsaved ? 'That was the code in the editor, which is not saved.'
      : 'That was the draft.'}</p>
  </div>`;
}
