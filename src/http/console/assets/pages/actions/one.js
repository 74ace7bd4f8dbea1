// One Action: its code, secrets, versions and executions. What is typed is kept while the tabs change.

import { at } from '../../core/api.js';
import { html, useRef, useState } from '../../core/html.js';
import { Loaded, useResource } from '../../core/load.js';
import { setQuery, useLocation } from '../../core/router.js';
import { session } from '../../core/session.js';
import { toast } from '../../parts/dialog.js';
import { Page, ReadOnly, Tabs } from '../../parts/layout.js';
import { CodeTab } from './code.js';
import { useDraft } from './draft.js';
import { ExecutionsTab } from './executions.js';
import { Place } from './place.js';
import { SecretsTab } from './secrets.js';
import { SettingsTab } from './settings.js';
import { TryTab } from './trial.js';
import { triggerOfAction } from './triggers.js';
import { VersionsTab } from './versions.js';

const BACK = { href: '/actions', title: 'Actions' };

const TABS = [
  { id: 'code', title: 'Code' },
  { id: 'secrets', title: 'Secrets' },
  { id: 'try', title: 'Try' },
  { id: 'versions', title: 'Versions' },
  { id: 'executions', title: 'Executions' },
  { id: 'settings', title: 'Settings' },
];
/** What can be typed into stays when another tab is shown. */
const KEPT = { code: CodeTab, secrets: SecretsTab, try: TryTab, settings: SettingsTab };
const FRESH = { versions: VersionsTab, executions: ExecutionsTab };

/** `/actions/:id` */
export function ActionPage({ id }) {
  const resource = useResource(at`actions/actions/${id}`);
  if (resource.data === undefined || resource.error?.kind === 'missing') {
    return html`<${Page} title="Action" back=${BACK}><${Loaded} load=${resource}>${() => null}</${Loaded}></${Page}>`;
  }
  return html`<${Whole} action=${resource.data} resource=${resource} />`;
}

const codeOf = ({ code }) => ({ code });
const codeSaved = () => toast('The draft is saved. What runs stays as it is until you deploy it.');

function Whole({ action, resource }) {
  const { query } = useLocation();
  const shown = TABS.find(({ id }) => id === query.tab)?.id ?? 'code';
  const visited = useRef(new Set());
  visited.current.add(shown);
  const [place, setPlace] = useState(null);
  const form = useDraft(resource, codeOf, codeSaved);
  const trigger = triggerOfAction(action);
  const showLine = (line, column) => {
    setQuery({ tab: 'code' });
    setPlace((before) => ({ line, column, turn: (before?.turn ?? 0) + 1 }));
  };
  const parts = { action, resource, form, trigger, showLine, place };
  const Fresh = FRESH[shown];
  return html`<${Page} title=${action.name} back=${BACK} intro=${html`<${Place} action=${action} trigger=${trigger} />`}>
    <${Tabs} label="Parts of the Action" tabs=${TABS} current=${shown} />
    <${ReadOnly} when=${!session.can('update:actions')}>
      ${Object.entries(KEPT).filter(([id]) => visited.current.has(id)).map(([id, Part]) => html`
        <div key=${id} hidden=${id !== shown}><${Part} ...${parts} shown=${id === shown} /></div>`)}
      ${Fresh && html`<${Fresh} key=${shown} ...${parts} />`}
    </${ReadOnly}>
  </${Page}>`;
}
