// Tables that the server pages: whatever there is, a page of it is read.

import { api } from '../core/api.js';
import { html, useEffect, useId, useState } from '../core/html.js';
import { Failed, useLoad } from '../core/load.js';
import { hrefOf, setQuery, useLocation } from '../core/router.js';
import { number } from '../core/words.js';

/** Rows under headings; below each other at phone width. `columns` are `{title, cell(row), main?, align?}`. */
export function Table({ caption, columns, rows, rowKey, rowHref, class: className = '' }) {
  return html`<div class="table-box"><table class=${className}>
    <caption class="visually-hidden">${caption}</caption>
    <thead><tr>${columns.map(({ title, align }) => html`<th key=${title} scope="col" class=${align ?? ''}>${title}</th>`)}</tr></thead>
    <tbody>${rows.map((row) => html`<tr key=${rowKey(row)}>
      ${columns.map(({ title, cell, main, align }) => {
        const content = main && rowHref ? html`<a href=${hrefOf(rowHref(row))}>${cell(row)}</a>` : cell(row);
        return main ? html`<th key=${title} scope="row">${content}</th>`
          : html`<td key=${title} data-title=${title} class=${align ?? ''}>${content}</td>`;
      })}
    </tr>`)}</tbody>
  </table></div>`;
}

/** Waits until typing pauses. */
export function useDebounced(value, milliseconds = 300) {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), milliseconds);
    return () => clearTimeout(timer);
  }, [value, milliseconds]);
  return settled;
}

/** A search box whose text is kept in the address, under `search` or another name. */
export function SearchBox({ label, hint, name = 'search' }) {
  const { query } = useLocation();
  const [text, setText] = useState(query[name] ?? '');
  const settled = useDebounced(text);
  const id = useId();
  useEffect(() => {
    if (settled !== (query[name] ?? '')) setQuery({ [name]: settled, page: '' }, { replace: true });
  }, [settled]);
  return html`<search class="search"><form onSubmit=${(event) => event.preventDefault()}>
    <label for=${id} class="visually-hidden">${label}</label>
    <input id=${id} type="search" placeholder=${label} value=${text} autocomplete="off" spellcheck=${false}
      aria-describedby=${hint && `${id}-hint`} onInput=${(event) => setText(event.target.value)} />
    ${hint && html`<p class="hint" id=${`${id}-hint`}>${hint}</p>`}
  </form></search>`;
}

/**
 * A list of the Management API, a page at a time, kept in the address.
 *
 * - `path`, `query`: what is read; `items`: the member of the answer that holds the rows.
 * - `search`: `{label, hint, query(text) → query parameters}`.
 * - `filters`: more controls beside the search.
 * - `empty`: what to show when there is nothing at all.
 * - `version`: reads again when it changes.
 * - `totals`: whether totals have to be asked for; some lists always have them.
 * - `reach`: rows that the server pages at most, in lists that have such an end; the others are found by searching.
 */
export function PagedTable({
  path, query, items, search, filters, empty, perPage = 25, version, caption, totals = true, reach = Infinity, ...table
}) {
  const { query: here } = useLocation();
  const page = Math.max(1, Number.parseInt(here.page ?? '1', 10) || 1);
  const text = search ? here.search ?? '' : '';
  const asked = { ...query, ...(text && search.query(text)), page: page - 1, per_page: perPage, include_totals: totals || undefined };
  const load = useLoad((signal) => api.get(path, asked, { signal }), [path, JSON.stringify(asked), version]);
  const rows = load.data?.[items];
  const controls = html`<div class="table-controls">${search && html`<${SearchBox} ...${search} />`}${filters}</div>`;
  if (load.error && (!rows || load.error.kind !== 'offline')) {
    return html`${controls}<${Failed} error=${load.error} retry=${load.reload} />`;
  }
  if (!rows) return html`${controls}<div class="skeleton" role="status"><span class="visually-hidden">Loading…</span></div>`;
  const nothing = rows.length === 0 && page === 1;
  if (nothing && !text && !filters) return empty ?? html`<p>There is nothing here yet.</p>`;
  return html`${controls}
    <div aria-busy=${load.loading}>
      ${nothing ? html`<p class="empty" role="status">Nothing matches${text && html` “${text}”`}.</p>`
        : html`<${Table} caption=${caption} rows=${rows} ...${table} />`}
    </div>
    <${Pager} page=${page} perPage=${perPage} total=${load.data.total ?? 0} length=${rows.length} reach=${reach} />`;
}

/** Goes from page to page, and says where one is. */
export function Pager({ page, perPage, total, length, reach }) {
  const pages = Math.max(1, Math.ceil(Math.min(total, reach) / perPage));
  const first = (page - 1) * perPage + 1;
  const go = (to) => () => setQuery({ page: to === 1 ? '' : to });
  const rows = length > 0 ? `${number(first)}–${number(first + length - 1)} of ${number(total)}` : 'No more';
  if (pages === 1 && page === 1) return html`<p class="pager muted small" role="status">${number(length)} in all</p>`;
  return html`<nav class="pager" aria-label="Pages">
    <button type="button" disabled=${page <= 1} onClick=${go(page - 1)}>Previous</button>
    <span role="status">${rows}, page ${number(page)} of ${number(pages)}${
      total > reach && `. Search to find those after the first ${number(reach)}`}</span>
    <button type="button" disabled=${page >= pages} onClick=${go(page + 1)}>Next</button>
  </nav>`;
}

/** Reads a list with `from` and `take`, more of it on demand: `{rows, more, error, loading, loadMore, reload}`. */
export function useCursor(path, items, query = {}, take = 25) {
  const [state, setState] = useState({ rows: [], next: undefined });
  const key = JSON.stringify(query);
  const first = useLoad(async (signal) => {
    const body = await api.get(path, { ...query, take }, { signal });
    setState({ rows: body[items], next: body.next });
    return body;
  }, [path, key]);
  const loadMore = async () => {
    const body = await api.get(path, { ...query, take, from: state.next });
    setState((before) => ({ rows: [...before.rows, ...body[items]], next: body.next }));
  };
  return { ...first, rows: state.rows, more: Boolean(state.next), loadMore };
}
