// What differs between two texts, line by line.

import { html } from '../../core/html.js';
import { counted } from '../../core/words.js';

/** Above this many pairs of lines, the differing part is shown as taken out and put in whole. */
const MOST_PAIRS = 4_000_000;
/** Lines that are the same are shown this far around what differs. */
const AROUND = 3;

/** The lengths of the longest common rests, by the beginnings of both. */
function commonRests(one, other) {
  const rests = Array.from({ length: one.length + 1 }, () => new Uint32Array(other.length + 1));
  for (let i = one.length - 1; i >= 0; i -= 1) {
    for (let j = other.length - 1; j >= 0; j -= 1) {
      rests[i][j] = one[i] === other[j] ? rests[i + 1][j + 1] + 1 : Math.max(rests[i + 1][j], rests[i][j + 1]);
    }
  }
  return rests;
}

function between(one, other) {
  const removed = one.map((text) => ['-', text]);
  const added = other.map((text) => ['+', text]);
  if (one.length === 0 || other.length === 0 || one.length * other.length > MOST_PAIRS) return [...removed, ...added];
  const rests = commonRests(one, other);
  const found = [];
  let [i, j] = [0, 0];
  while (i < one.length && j < other.length) {
    if (one[i] === other[j]) {
      found.push([' ', one[i]]);
      i += 1;
      j += 1;
    } else if (rests[i + 1][j] >= rests[i][j + 1]) found.push(removed[i++]);
    else found.push(added[j++]);
  }
  return [...found, ...removed.slice(i), ...added.slice(j)];
}

/** The lines of both as `[sign, text]`: `-` only in the first, `+` only in the second, a space in both. */
export function lineDiff(before, after) {
  const [one, other] = [before.split('\n'), after.split('\n')];
  let start = 0;
  while (start < one.length && start < other.length && one[start] === other[start]) start += 1;
  let end = 0;
  while (end < one.length - start && end < other.length - start && one.at(-1 - end) === other.at(-1 - end)) end += 1;
  const same = (texts) => texts.map((text) => [' ', text]);
  return [
    ...same(one.slice(0, start)),
    ...between(one.slice(start, one.length - end), other.slice(start, other.length - end)),
    ...same(one.slice(one.length - end)),
  ];
}

/** The lines worth showing; a number stands for as many that are left out. */
export function folded(lines) {
  const near = lines.map(([sign]) => sign !== ' ');
  const shown = lines.map((_, i) => near.slice(Math.max(0, i - AROUND), i + AROUND + 1).some(Boolean));
  const result = [];
  lines.forEach((line, i) => {
    if (shown[i]) result.push(line);
    else if (typeof result.at(-1) === 'number') result[result.length - 1] += 1;
    else result.push(1);
  });
  return result;
}

const CLASSES = { '+': 'diff-added', '-': 'diff-removed', ' ': '' };

/** What differs; `from` and `to` say what is compared. */
export function Diff({ before, after, from, to }) {
  const lines = lineDiff(before, after);
  const [removed, added] = ['-', '+'].map((sign) => lines.filter(([one]) => one === sign).length);
  if (removed + added === 0) return html`<p role="status">The code of ${from} and of ${to} is the same.</p>`;
  const label = `From ${from} to ${to}: ${counted(added, 'line')} added, ${removed} removed`;
  return html`<figure class="code diff">
    <figcaption>${label}</figcaption>
    <pre tabindex="0" aria-label=${label}>${folded(lines).map((line, i) => (typeof line === 'number'
      ? html`<span key=${i} class="diff-fold">  … ${line} unchanged ${line === 1 ? 'line' : 'lines'}${'\n'}</span>`
      : html`<span key=${i} class=${CLASSES[line[0]]}>${line[0]} ${line[1]}${'\n'}</span>`))}</pre>
  </figure>`;
}
