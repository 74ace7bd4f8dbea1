// Bars over time: drawn, read with the pointer or the arrow keys, and there as a table. What belongs
// to which name is told by pattern as well as by colour.

import { html, useEffect, useId, useMemo, useRef, useState } from '../core/html.js';
import { counted, number } from '../core/words.js';

const HEIGHT = 190;
const EDGE = { top: 10, right: 8, bottom: 24, left: 44 };
const TALL = HEIGHT - EDGE.top - EDGE.bottom;
const PATTERNS = ['solid', 'stripes', 'dots', 'bars', 'grid'];

/** The next larger of 1, 2, 5, 10, 20, 50 … so that the lines of the scale have round numbers. */
export function roundUp(value) {
  if (value <= 4) return 4;
  const size = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 4, 5, 10].map((factor) => factor * size).find((step) => step >= value);
}

const sumOf = (values) => values.reduce((sum, n) => sum + n, 0);

function useWidth() {
  const element = useRef();
  const [width, setWidth] = useState(600);
  useEffect(() => {
    const watcher = new ResizeObserver(([entry]) => setWidth(Math.max(240, Math.round(entry.contentRect.width))));
    watcher.observe(element.current);
    return () => watcher.disconnect();
  }, []);
  return [element, width];
}

/** The marks of a series: full, striped, dotted, so that no colour has to be told from another. */
function Pattern({ id, tone, kind }) {
  const marks = {
    stripes: html`<path d="M-1 7L7 -1M-1 1L1 -1M5 7L7 5" class="plot-mark" />`,
    dots: html`<circle cx="3" cy="3" r="1.3" class="plot-mark-dot" />`,
    bars: html`<path d="M0 3H6" class="plot-mark" />`,
    grid: html`<path d="M0 3H6M3 0V6" class="plot-mark" />`,
  };
  return html`<pattern id=${id} width="6" height="6" patternUnits="userSpaceOnUse">
    <rect width="6" height="6" class=${`plot-fill-${tone}`} />${marks[kind]}
  </pattern>`;
}

function Patterns({ id, series }) {
  return html`<defs>${series.map(({ tone }, i) => html`<${Pattern} key=${i} id=${`${id}-${i}`}
    tone=${tone ?? i + 1} kind=${PATTERNS[i % PATTERNS.length]} />`)}</defs>`;
}

function Legend({ id, series, at, label }) {
  return html`<div class="plot-legend">
    <p class="plot-when">${label}</p>
    <ul>${series.map(({ title, values }, i) => html`<li key=${title}>
      <svg width="14" height="14" aria-hidden="true" focusable="false">
        <rect width="14" height="14" rx="3" fill=${`url(#${id}-${i})`} /></svg>
      <span>${title}</span> <strong class="number">${number(at === undefined ? sumOf(values) : values[at])}</strong>
    </li>`)}</ul>
  </div>`;
}

const compact = (value) => value.toLocaleString('en', { notation: 'compact' });

function Scale({ most, y, width }) {
  return html`<g class="plot-scale" aria-hidden="true">${[0, most / 2, most].map((value) => html`<g key=${value}>
    <line x1=${EDGE.left} x2=${width - EDGE.right} y1=${y(value)} y2=${y(value)} />
    <text x=${EDGE.left - 8} y=${y(value) + 4} text-anchor="end">${compact(value)}</text>
  </g>`)}</g>`;
}

function Times({ buckets, x, width }) {
  // A label every 90 pixels or so.
  const every = Math.max(1, Math.ceil(buckets.length / Math.max(2, Math.floor(width / 90))));
  return html`<g class="plot-scale" aria-hidden="true">${buckets.map(({ tick }, i) => i % every === 0 && html`
    <text key=${i} x=${x(i)} y=${HEIGHT - 6}>${tick}</text>`)}</g>`;
}

function Bars({ id, series, buckets, x, y, step, at }) {
  const thick = Math.max(1, step - Math.min(4, step / 4));
  return html`<g aria-hidden="true">${buckets.map((_, i) => {
    let below = 0;
    return html`<g key=${i} class=${at === i ? 'plot-column here' : 'plot-column'}>
      ${at === i && html`<rect class="plot-here" x=${x(i)} y=${EDGE.top} width=${step} height=${TALL} />`}
      ${series.map(({ title, values }, s) => {
        const [from, to] = [below, below + values[i]];
        below = to;
        return values[i] > 0 && html`<rect key=${title} x=${x(i) + (step - thick) / 2} width=${thick}
          y=${y(to)} height=${Math.max(1, y(from) - y(to))} fill=${`url(#${id}-${s})`} />`;
      })}
    </g>`;
  })}</g>`;
}

function Values({ title, buckets, series }) {
  return html`<details class="plot-values"><summary>Values of “${title}” as a table</summary>
    <div class="plot-table" tabindex="0" role="region" aria-label=${`${title}: values`}><table>
      <caption class="visually-hidden">${title}</caption>
      <thead><tr><th scope="col">When</th>
        ${series.map((one) => html`<th key=${one.title} scope="col" class="right">${one.title}</th>`)}</tr></thead>
      <tbody>${buckets.map((bucket, i) => html`<tr key=${bucket.label}><th scope="row">${bucket.label}</th>
        ${series.map((one) => html`<td key=${one.title} class="right">${number(one.values[i])}</td>`)}</tr>`)}</tbody>
    </table></div>
  </details>`;
}

/**
 * Stacked bars.
 *
 * - `title`: what is counted.
 * - `buckets`: `{label, tick}` for each bar: its time in full, and short below the scale.
 * - `series`: `{title, values, tone}`, at most five, one value for each bucket; `tone` is one of the five colours.
 * - `range`: the whole time in words.
 */
export function Plot({ title, buckets, series, range }) {
  const id = useId();
  const [frame, width] = useWidth();
  const [at, setAt] = useState();
  const here = at === undefined ? undefined : Math.min(at, buckets.length - 1);
  const most = useMemo(() => roundUp(Math.max(...buckets.map((_, i) => sumOf(series.map(({ values }) => values[i]))))), [
    buckets, series,
  ]);
  const step = (width - EDGE.left - EDGE.right) / buckets.length;
  const x = (i) => EDGE.left + i * step;
  const y = (value) => EDGE.top + (1 - value / most) * TALL;
  const point = (event) => {
    const inside = event.clientX - event.currentTarget.getBoundingClientRect().left - EDGE.left;
    setAt(Math.max(0, Math.min(buckets.length - 1, Math.floor(inside / step))));
  };
  const move = (event) => {
    const now = here ?? buckets.length - 1;
    const to = {
      ArrowLeft: now - 1, ArrowDown: now - 1, ArrowRight: now + 1, ArrowUp: now + 1, Home: 0, End: buckets.length - 1,
    }[event.key];
    if (event.key === 'Escape') setAt(undefined);
    if (to === undefined) return;
    event.preventDefault();
    setAt(Math.max(0, Math.min(buckets.length - 1, to)));
  };
  const label = here === undefined ? range : buckets[here].label;
  const told = ({ title: name, values }) => `${name} ${number(here === undefined ? sumOf(values) : values[here])}`;
  return html`<div class="plot">
    <${Legend} id=${id} series=${series} at=${here} label=${here === undefined ? `${range}, in all` : label} />
    <div ref=${frame} class="plot-frame" role="slider" tabindex="0" aria-readonly="true"
      aria-label=${`${title}, ${counted(buckets.length, 'bar')}`}
      aria-valuetext=${`${label}: ${series.map(told).join(', ')}`}
      aria-valuemin="0" aria-valuemax=${buckets.length - 1} aria-valuenow=${here ?? buckets.length - 1}
      onPointerMove=${point} onPointerDown=${point} onPointerLeave=${() => setAt(undefined)} onKeyDown=${move}
      onBlur=${() => setAt(undefined)}>
      <svg width=${width} height=${HEIGHT} viewBox=${`0 0 ${width} ${HEIGHT}`} aria-hidden="true" focusable="false">
        <${Patterns} id=${id} series=${series} />
        <${Scale} most=${most} y=${y} width=${width} />
        <${Bars} id=${id} series=${series} buckets=${buckets} x=${x} y=${y} step=${step} at=${here} />
        <${Times} buckets=${buckets} x=${x} width=${width} />
      </svg>
    </div>
    <${Values} title=${title} buckets=${buckets} series=${series} />
  </div>`;
}
