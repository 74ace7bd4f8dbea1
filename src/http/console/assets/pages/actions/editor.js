// The code editor of Actions and rules: the server compiles what is typed, and says where it is wrong.

import { api } from '../../core/api.js';
import { html, useEffect, useRef, useState } from '../../core/html.js';
import { session } from '../../core/session.js';
import { CodeArea } from '../../parts/fields.js';
import { useDebounced } from '../../parts/table.js';

const UNKNOWN = { state: 'unknown', warnings: [] };

/** Whether code is well, as the server compiles it: `{state: unknown|checking|valid|wrong, error, warnings}`. */
export function useSyntax(code, { kind = 'action', trigger } = {}) {
  const [result, setResult] = useState(UNKNOWN);
  const settled = useDebounced(code, 400);
  const may = session.can(kind === 'rule' ? 'update:rules' : 'update:actions');
  useEffect(() => {
    if (!may) return undefined;
    const mine = new AbortController();
    setResult((before) => ({ ...before, state: 'checking' }));
    api.post('actions/check', { code: settled, kind, trigger }, { signal: mine.signal }).then(
      ({ valid, error, warnings = [] }) => setResult({ state: valid ? 'valid' : 'wrong', error, warnings }),
      // Saving says again what is wrong: a check that fails is no reason to stop anybody.
      (error) => { if (error.name !== 'AbortError') setResult(UNKNOWN); },
    );
    return () => mine.abort();
  }, [settled, kind, trigger, may]);
  return code === settled ? result : { ...result, state: result.state === 'unknown' ? 'unknown' : 'checking' };
}

/** Puts the cursor at a place in a text area, and shows it. */
export function goTo(area, line, column = 1) {
  const lines = area.value.split('\n');
  const before = lines.slice(0, line - 1).reduce((sum, text) => sum + text.length + 1, 0);
  const place = before + Math.min(column - 1, lines[line - 1]?.length ?? 0);
  area.focus();
  area.setSelectionRange(place, place);
  const height = Number.parseFloat(getComputedStyle(area).lineHeight) || 20;
  area.scrollTop = Math.max(0, (line - 1) * height - area.clientHeight / 2);
  area.scrollIntoView({ block: 'nearest' });
}

function Verdict({ syntax, onShow }) {
  const { state, error, warnings } = syntax;
  const text = {
    unknown: '',
    checking: error ? 'Checking…' : '',
    valid: 'The code can be compiled.',
    wrong: error && `Line ${error.line}, column ${error.column}: ${error.message}`,
  }[state];
  return html`<div class="verdict">
    <p class=${`small ${state === 'wrong' ? 'verdict-wrong' : 'muted'}`} role="status">${state === 'wrong' && '✕ '}${text}</p>
    ${state === 'wrong' && html`<button type="button" class="quiet" onClick=${onShow}>Go to line ${error.line}</button>`}
    ${state === 'valid' && warnings.map((warning) => html`<p key=${warning} class="small verdict-warning">▲ ${warning}</p>`)}
  </div>`;
}

/**
 * Code in a form: `name` is its member. What the server says of it as it is typed stands below; what it refused
 * when it was to be saved too. `place` (`{line, column, turn}`) is where the cursor is wanted, at each new turn.
 */
export function Editor({ form, name, label, syntax, place, rows }) {
  const box = useRef();
  const area = () => box.current.querySelector('textarea');
  const wrong = syntax.state === 'wrong' ? syntax.error : undefined;
  useEffect(() => {
    if (place) goTo(area(), place.line, place.column);
  }, [place?.turn]);
  const shortcut = (event) => {
    if (event.key.toLowerCase() !== 's' || !(event.ctrlKey || event.metaKey) || event.altKey) return;
    event.preventDefault();
    if (form.dirty) form.submit();
  };
  return html`<div ref=${box} onKeyDown=${shortcut}>
    <${CodeArea} form=${form} name=${name} label=${label} class="wide" rows=${rows} wrongLine=${wrong?.line} />
    <${Verdict} syntax=${syntax} onShow=${() => goTo(area(), wrong.line, wrong.column)} />
  </div>`;
}
