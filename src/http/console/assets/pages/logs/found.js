// The events that a filter finds, newest first, a page at a time.

import { api } from '../../core/api.js';
import { useWords } from '../../core/events.js';
import { html } from '../../core/html.js';
import { Failed, useLoad } from '../../core/load.js';
import { useLocation } from '../../core/router.js';
import { Empty } from '../../parts/layout.js';
import { Pager } from '../../parts/table.js';
import { Controls, useFilter } from './controls.js';
import { queryOf } from './filter.js';
import { Events } from './table.js';

const PER_PAGE = 25;
/** The server pages no further; older events are found by their day. */
const REACH = 1000;

function Result({ load, page, words, filtered }) {
  const { data, error } = load;
  if (error) return error.kind === 'validation' ? null : html`<${Failed} error=${error} retry=${load.reload} />`;
  if (!data) {
    return html`<div class="skeleton" role="status"><span class="visually-hidden">Loading…</span></div>`;
  }
  if (data.logs.length === 0) {
    return filtered ? html`<p class="empty" role="status">No event matches.</p>`
      : html`<${Empty} title="Nothing has happened yet">Log in somewhere, and it will be told here.</${Empty}>`;
  }
  return html`<div aria-busy=${load.loading}>
      <${Events} events=${data.logs} words=${words} caption="Events, newest first" />
    </div>
    <${Pager} page=${page} perPage=${PER_PAGE} total=${data.total} length=${data.logs.length} reach=${REACH} />`;
}

export function Found() {
  const { query } = useLocation();
  const filter = useFilter();
  const words = useWords();
  const page = Math.min(REACH / PER_PAGE, Math.max(1, Number.parseInt(query.page ?? '1', 10) || 1));
  // A choice of several types is words of the server: without them nothing can be asked yet.
  const ready = Boolean(words) || !filter.type;
  const q = queryOf(filter, words);
  const load = useLoad(async (signal) => {
    if (!ready) return undefined;
    return api.get('logs', { q, page: page - 1, per_page: PER_PAGE, include_totals: true }, { signal });
  }, [q, page, ready]);
  const wrong = load.error?.kind === 'validation' ? load.error.message : undefined;
  return html`<${Controls} filter=${filter} words=${words} error=${wrong} />
    <${Result} load=${load} page=${page} words=${words} filtered=${Boolean(q)} />`;
}
