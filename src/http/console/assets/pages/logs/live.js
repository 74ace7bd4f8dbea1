// Events as they happen. The server tells them by cursor a few seconds late, so that none is
// overtaken; it is asked only while somebody can see the answer.

import { api } from '../../core/api.js';
import { useWords } from '../../core/events.js';
import { html, useEffect, useRef, useState } from '../../core/html.js';
import { counted } from '../../core/words.js';
import { Empty, Notice } from '../../parts/layout.js';
import { Controls, useFilter } from './controls.js';
import { matches } from './filter.js';
import { Events } from './table.js';

const EVERY = 3_000;
/** Events asked for at a time, and kept. */
const TAKE = 100;
const MOST = 200;
/** Older than the newest known event by this: another node may have written one late. */
const OVERLAP = 10_000;

/** The place in the trail at a time: ids of events begin with it. */
const cursorAt = (millis) => millis.toString(16).padStart(12, '0');

/** Where to begin: at the newest event, as this machine's clock may be wrong. */
async function beginning(signal) {
  const [newest] = await api.get('logs', { per_page: 1 }, { signal });
  return newest ? cursorAt(new Date(newest.date).getTime() - OVERLAP) : '0';
}

function useVisible() {
  const [visible, setVisible] = useState(!document.hidden);
  useEffect(() => {
    const look = () => setVisible(!document.hidden);
    document.addEventListener('visibilitychange', look);
    return () => document.removeEventListener('visibilitychange', look);
  }, []);
  return visible;
}

/** What happens while `on`: `{events, fresh, error}`, newest first; `fresh` counts the last that came. */
function useTail(on) {
  const [state, setState] = useState({ events: [], fresh: 0, error: undefined });
  const cursor = useRef();
  useEffect(() => {
    if (!on) return undefined;
    const stop = new AbortController();
    let timer;
    const look = async () => {
      try {
        cursor.current ??= await beginning(stop.signal);
        const come = await api.get('logs', { from: cursor.current, take: TAKE }, { signal: stop.signal });
        cursor.current = come.at(-1)?.log_id ?? cursor.current;
        setState(({ events }) => {
          const known = new Set(events.map(({ log_id: id }) => id));
          const fresh = come.filter(({ log_id: id }) => !known.has(id)).reverse();
          return { events: [...fresh, ...events].slice(0, MOST), fresh: fresh.length, error: undefined };
        });
        timer = setTimeout(look, come.length === TAKE ? 0 : EVERY);
      } catch (error) {
        if (stop.signal.aborted) return;
        setState((before) => ({ ...before, fresh: 0, error }));
        timer = setTimeout(look, EVERY);
      }
    };
    look();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [on]);
  return state;
}

export function Live() {
  const filter = useFilter();
  const words = useWords();
  const visible = useVisible();
  const [paused, setPaused] = useState(false);
  const { events, fresh, error } = useTail(visible && !paused);
  const shown = events.filter((event) => matches(event, filter, words));
  const come = fresh > 0 ? ` ${counted(fresh, 'new event')}.` : '';
  const said = paused ? 'Paused.' : `Following, a few seconds behind.${come}`;
  return html`<${Controls} filter=${filter} words=${words} live />
    <div class="live-state">
      <p><span class=${`live-mark ${paused ? '' : 'on'}`} aria-hidden="true"></span><span role="status">${said}</span></p>
      <button type="button" onClick=${() => setPaused(!paused)}>${paused ? 'Go on' : 'Pause'}</button>
    </div>
    ${error && html`<${Notice} kind="warning" live>${error.message} It is tried again by itself.</${Notice}>`}
    ${shown.length > 0
      ? html`<${Events} events=${shown} words=${words} caption="Events as they happen, newest first" />`
      : html`<${Empty} title="Waiting for events">Whatever happens from now on appears here by itself.</${Empty}>`}`;
}
