// What was deployed: compared, looked at, and deployed again.

import { api, at } from '../../core/api.js';
import { html, useEffect, useId, useRef, useState } from '../../core/html.js';
import { Failed } from '../../core/load.js';
import { setQuery } from '../../core/router.js';
import { session } from '../../core/session.js';
import { confirm, toast } from '../../parts/dialog.js';
import { Badge, Card, Empty, Time } from '../../parts/layout.js';
import { PagedTable } from '../../parts/table.js';
import { Diff } from './diff.js';

/** The history of an Action. */
export function VersionsTab({ action, resource, form, trigger }) {
  const [compared, setCompared] = useState(null);
  const [problem, setProblem] = useState(null);
  const [round, setRound] = useState(0);
  const deploy = async (version) => {
    const yes = await confirm({
      title: `Deploy version ${version.number} again?`,
      text: `A new version is made that is as version ${version.number} was, with the secrets that it had. `
        + `Where the Action is part of the flow “${trigger.title}”, it runs from the next ${trigger.next} on. `
        + 'The draft stays as it is.',
      act: `Deploy version ${version.number}`,
    });
    if (!yes) return;
    setProblem(null);
    try {
      const made = await api.post(at`actions/actions/${action.id}/versions/${version.id}/deploy`, {});
      await resource.reload();
      setRound(round + 1);
      toast(`Version ${made.number} is deployed. It is as version ${version.number} was.`);
    } catch (error) {
      setProblem(error);
    }
  };
  const edit = (version) => {
    form.set('code', version.code);
    setQuery({ tab: 'code' });
    toast(`The code of version ${version.number} is in the editor. It is not saved yet.`);
  };
  const columns = [
    {
      title: 'Version', main: true,
      cell: (version) => html`Version ${version.number}${version.id === action.deployed_version?.id
        && html` <${Badge} kind="good">Runs now</${Badge}>`}`,
    },
    { title: 'Deployed', cell: (version) => html`<${Time} at=${version.created_at} />` },
    {
      title: 'What you can do',
      cell: (version) => html`<span class="row-buttons">
        <button type="button" class="quiet" aria-label=${`Compare version ${version.number}`}
          onClick=${() => setCompared(version)}>Compare</button>
        ${session.can('update:actions') && html`<button type="button" class="quiet" aria-label=${`Edit code of version ${version.number}`}
          onClick=${() => edit(version)}>Edit code</button>`}
        ${session.can('create:actions') && version.id !== action.deployed_version?.id && html`<button type="button" class="quiet"
          aria-label=${`Deploy version ${version.number}`} onClick=${() => deploy(version)}>Deploy</button>`}
      </span>`,
    },
  ];
  return html`${problem && html`<${Failed} error=${problem} />`}
    <${PagedTable} path=${at`actions/actions/${action.id}/versions`} items="versions" totals=${false} version=${round} caption="Versions"
      columns=${columns} rowKey=${(version) => version.id}
      empty=${html`<${Empty} title="Never deployed">Each deployment makes a version, and any of them can be deployed again.</${Empty}>`} />
    ${compared && html`<${Compared} key=${compared.id} version=${compared} action=${action} form=${form} />`}`;
}

function Compared({ version, action, form }) {
  const running = action.deployed_version;
  const others = [
    ['draft', form.dirty ? 'the editor, not saved' : 'the draft', form.values.code],
    ...running && running.id !== version.id ? [['running', `version ${running.number}, which runs now`, running.code]] : [],
  ];
  const [chosen, setChosen] = useState('draft');
  const id = useId();
  const [, title, code] = others.find(([value]) => value === chosen) ?? others[0];
  const element = useRef();
  useEffect(() => element.current.focus(), []);
  return html`<${Card} title=${`Version ${version.number} compared`}><div ref=${element} tabindex="-1" class="result">
    ${others.length > 1 && html`<div class="field"><label for=${id}>Compared with</label>
      <select id=${id} value=${chosen} onChange=${(event) => setChosen(event.target.value)}>
        ${others.map(([value, name]) => html`<option key=${value} value=${value} selected=${value === chosen}>${name}</option>`)}
      </select></div>`}
    <${Diff} before=${version.code} after=${code} from=${`version ${version.number}`} to=${title} />
  </div></${Card}>`;
}
