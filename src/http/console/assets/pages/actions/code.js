// The draft of an Action: edited, saved, deployed.

import { api, at } from '../../core/api.js';
import { html, useState } from '../../core/html.js';
import { Failed, useLoad, Loaded } from '../../core/load.js';
import { session } from '../../core/session.js';
import { confirm, toast } from '../../parts/dialog.js';
import { Card, SaveBar } from '../../parts/layout.js';
import { Diff } from './diff.js';
import { Editor, useSyntax } from './editor.js';

/** The code, and what becomes of it. */
export function CodeTab({ action, resource, form, trigger, place }) {
  const syntax = useSyntax(form.values.code, { trigger: trigger.handler && trigger.id });
  const submit = (event) => {
    event.preventDefault();
    form.submit();
  };
  return html`<${Card} class="editor-card">
    <form onSubmit=${submit} novalidate aria-label="Code">
      <${Objection} action=${action} form=${form} />
      <${Editor} form=${form} name="code" label="Code of the draft" syntax=${syntax} place=${place} rows=${24} />
      <${SaveBar} form=${form} label="Save the draft" idle="The draft is saved." />
    </form>
    <${Deploy} action=${action} resource=${resource} form=${form} syntax=${syntax} trigger=${trigger} />
  </${Card}>`;
}

/** Why the draft was not saved; whose it is meanwhile, if it is somebody else's. */
function Objection({ action, form }) {
  if (form.problem?.kind === 'changed') return html`<${Conflict} action=${action} form=${form} />`;
  if (form.problem) return html`<${Failed} error=${form.problem} />`;
  if (form.merged) {
    return html`<div class="notice info" role="status"><p>You go on with your code. Saving it replaces theirs.</p></div>`;
  }
  return null;
}

function Conflict({ action, form }) {
  // Read for the eye only: what is saved next is still judged by what was opened here.
  const load = useLoad((signal) => api.get(at`actions/actions/${action.id}`, undefined, { signal }), [action.id, form.attempts]);
  return html`<div class="notice warning form-problem" role="alert" tabindex="-1">
    <p><strong>Somebody else has changed this Action since you opened it.</strong> Nothing was saved, and your code is still here.</p>
    <${Loaded} load=${load}>${(theirs) => html`
      <${Diff} before=${theirs.code} after=${form.values.code} from="their draft" to="yours" />`}</${Loaded}>
    <p class="actions">
      <button type="button" onClick=${form.rebase}>Keep editing mine</button>
      <button type="button" onClick=${() => form.submit({ force: true })}>Overwrite theirs</button>
      <button type="button" onClick=${form.takeTheirs}>Take theirs, discard mine</button>
    </p>
  </div>`;
}

const CHANGED = 'Nothing was deployed: somebody else has changed this Action since you opened it. '
  + 'Their draft is shown now. Read it before you deploy it.';

function Deploy({ action, resource, form, syntax, trigger }) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState(null);
  if (!session.can('create:actions')) return null;
  const deploy = async () => {
    const yes = await confirm({
      title: `Deploy ${action.name}?`,
      text: `${form.dirty ? 'The draft is saved first. ' : ''}A new version is made of the draft and its secrets. `
        + `Where the Action is part of the flow “${trigger.title}”, the version runs from the next ${trigger.next} on.`,
      act: 'Deploy',
    });
    if (!yes) return;
    setBusy(true);
    setProblem(null);
    try {
      if (form.dirty && !(await form.submit())) return;
      // What is deployed is the draft of the server: it must be the one that is seen here.
      const { body: version } = await api.act(at`actions/actions/${action.id}/deploy`, undefined, { etag: resource.etag() });
      toast(`Version ${version.number} is deployed.`);
      await resource.reload();
    } catch (error) {
      if (error.kind === 'changed') await resource.reload();
      setProblem(error.kind === 'changed' ? { kind: 'conflict', message: CHANGED } : error);
    } finally {
      setBusy(false);
    }
  };
  const done = !form.dirty && action.all_changes_deployed;
  return html`<div class="deploy">
    ${problem && html`<${Failed} error=${problem} />`}
    <p class="actions">
      <button type="button" class=${done ? '' : 'primary'} disabled=${busy || form.busy || syntax.state === 'wrong'} onClick=${deploy}>
        ${busy ? 'Deploying…' : form.dirty ? 'Save and deploy' : 'Deploy'}</button>
      <span class="muted small">${done ? 'What runs is this draft.' : 'What runs is not this draft yet.'}</span>
    </p>
  </div>`;
}
