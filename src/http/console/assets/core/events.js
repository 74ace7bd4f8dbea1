// The types of events in the server's own words, read once.

import { api } from './api.js';
import { html, useEffect, useState } from './html.js';

let known;

/** `{types, reasons}` of `GET /logs/types`, as maps: type → `{title, kind, is_failure}`, reason → sentence. */
export function eventWords() {
  known ??= api.get('logs/types').then(({ types, reasons }) => ({
    list: types,
    types: new Map(types.map((one) => [one.type, one])),
    reasons: new Map(reasons.map(({ reason, meaning }) => [reason, meaning])),
  })).catch((error) => {
    known = undefined;
    throw error;
  });
  return known;
}

/** The title of a type of events; its code while the words are not there. */
export function useWords() {
  const [words, setWords] = useState();
  useEffect(() => {
    let gone = false;
    eventWords().then((found) => !gone && setWords(found), () => {});
    return () => { gone = true; };
  }, []);
  return words;
}

/** What happened, and whether it failed: the word says it, the colour only helps. */
export function EventTitle({ event, words }) {
  const type = words?.types.get(event.type);
  const failed = type?.is_failure && html` <span class="badge danger">failed</span>`;
  return html`${type?.title ?? event.description ?? event.type}${failed}`;
}
