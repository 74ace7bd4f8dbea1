// Reading from the server, with what there is to see meanwhile and when it fails.

import { api } from './api.js';
import { html, useCallback, useEffect, useRef, useState } from './html.js';

/**
 * Runs `read(signal)` now and whenever `dependencies` change. `{data, error, loading, reload, set}`;
 * `data` stays while it is read again.
 */
export function useLoad(read, dependencies = []) {
  const [state, setState] = useState({ data: undefined, error: undefined, loading: true });
  const latest = useRef();
  const reload = useCallback(async () => {
    latest.current?.abort();
    const mine = new AbortController();
    latest.current = mine;
    setState((before) => ({ ...before, loading: true }));
    try {
      const data = await read(mine.signal);
      if (latest.current === mine) setState({ data, error: undefined, loading: false });
      return data;
    } catch (error) {
      if (latest.current === mine) setState((before) => ({ ...before, error, loading: false }));
      return undefined;
    }
  }, dependencies);
  useEffect(() => {
    reload();
    return () => {
      latest.current?.abort();
      latest.current = undefined;
    };
  }, [reload]);
  const set = useCallback((data) => setState({ data, error: undefined, loading: false }), []);
  return { ...state, reload, set };
}

/**
 * One object of the Management API. Like `useLoad`, and `patch(changes, {force})` writes it, unless
 * somebody else did since it was read (`force` writes anyway); then `data` is what was answered.
 * `act(below, body)` is a POST to a part of it that changes the whole, like `rotate-secret`, with the same care.
 */
export function useResource(path, query) {
  const etag = useRef();
  const load = useLoad(async (signal) => {
    const answer = await api.read(path, query, { signal });
    etag.current = answer.etag;
    return answer.body;
  }, [path, JSON.stringify(query)]);
  const patch = useCallback(async (changes, { force = false } = {}) => {
    const answer = await api.patch(path, changes, { etag: force ? undefined : etag.current });
    etag.current = answer.etag ?? undefined;
    load.set(answer.body);
    return answer.body;
  }, [path, load.set]);
  const act = useCallback(async (below, body) => {
    const answer = await api.act(`${path}/${below}`, body, { etag: etag.current });
    etag.current = answer.etag ?? undefined;
    load.set(answer.body);
    return answer.body;
  }, [path, load.set]);
  return { ...load, patch, act, etag: () => etag.current };
}

/** Draws `children(data)`, or that it is being read, or why it cannot be. */
export function Loaded({ load, children }) {
  if (load.data !== undefined && !(load.error && load.error.kind === 'missing')) return children(load.data);
  if (load.error) return html`<${Failed} error=${load.error} retry=${load.reload} />`;
  return html`<div class="skeleton" role="status"><span class="visually-hidden">Loading…</span></div>`;
}

/** Why something cannot be shown, and a way on. */
export function Failed({ error, retry }) {
  return html`<div class="notice danger" role="alert">
    <p>${error.message}</p>
    ${error.requestId && html`<p class="small">Request ${error.requestId}</p>`}
    ${retry && error.kind !== 'missing' && error.kind !== 'forbidden'
      && html`<p><button type="button" onClick=${retry}>Try again</button></p>`}
  </div>`;
}
