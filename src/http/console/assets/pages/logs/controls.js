// The controls that say which events are looked for.

import { html, useEffect, useState } from '../../core/html.js';
import { setQuery, useLocation } from '../../core/router.js';
import { Select, TextField } from '../../parts/fields.js';
import { Copy } from '../../parts/layout.js';
import { useDebounced } from '../../parts/table.js';
import { Finders } from './finders.js';
import { PARTS, queryOf, typeOptions } from './filter.js';

/** The filter of the address. */
export function useFilter() {
  const { query } = useLocation();
  return Object.fromEntries(PARTS.map((name) => [name, query[name] ?? '']));
}

/** A text that goes into the address when typing pauses. */
function Part({ name, value, ...props }) {
  const [text, setText] = useState(value);
  const settled = useDebounced(text, 400);
  useEffect(() => {
    if (settled.trim() !== value) setQuery({ [name]: settled.trim(), page: '' }, { replace: true });
  }, [settled]);
  useEffect(() => {
    if (value !== settled.trim()) setText(value);
  }, [value]);
  return html`<${TextField} ...${props} value=${text} onChange=${setText} />`;
}

/** The query that the server gets, so that it can be used elsewhere too. */
function Shown({ q }) {
  if (!q) return null;
  return html`<p class="log-query small">Query: <code>${q}</code> <${Copy} text=${q} of="the query" /></p>`;
}

const HINT = 'Terms such as type, client_id, user_id, ip, log_id and date, joined by AND, OR and NOT. '
  + 'Days and times are UTC.';

/** `live`: dates and more terms are left out, as they narrow what is there already. */
export function Controls({ filter, words, live, error }) {
  const some = PARTS.some((name) => filter[name]);
  const clear = () => setQuery(Object.fromEntries([...PARTS, 'page'].map((name) => [name, ''])));
  return html`<search class="log-filter" aria-label="Filter">
    <form onSubmit=${(event) => event.preventDefault()}>
      <${Select} label="Event" options=${typeOptions(words)} value=${filter.type}
        onChange=${(type) => setQuery({ type, page: '' })} />
      <${Part} name="user" label="User id" mono value=${filter.user} />
      <${Part} name="client" label="Application (client id)" mono value=${filter.client} />
      <${Part} name="ip" label="IP address" mono value=${filter.ip} />
      ${!live && html`
        <${Part} name="since" label="From day" type="date" value=${filter.since} />
        <${Part} name="until" label="To day" type="date" value=${filter.until} />
        <${Part} name="terms" label="More terms" mono value=${filter.terms} error=${error} placeholder="NOT type:sapi"
          hint=${HINT} class="wide-term" />`}
    </form>
    ${!live && html`<${Shown} q=${queryOf(filter, words)} />`}
    <p class="log-acts"><${Finders} />
      ${some && html`<button type="button" class="quiet" onClick=${clear}>Clear the filter</button>`}</p>
  </search>`;
}
