// Logins, exchanges and failures over a day, a week or a month.

import { api } from '../../core/api.js';
import { html } from '../../core/html.js';
import { Loaded, useLoad } from '../../core/load.js';
import { useLocation } from '../../core/router.js';
import { Card } from '../../parts/layout.js';
import { Plot } from '../../parts/plot.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

const clock = (at) => at.toLocaleTimeString('en', { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const dayOf = (at, more) => at.toLocaleDateString('en', { day: 'numeric', month: 'short', ...more });

/** The spans there are to choose from; `together` buckets of the server are one bar. */
const RANGES = {
  day: {
    title: '24 hours', words: 'Last 24 hours', interval: 'hour', length: 24, together: 1,
    label: (from, to) => `${dayOf(from)}, ${clock(from)}–${clock(to)}`, tick: clock,
  },
  week: {
    title: '7 days', words: 'Last 7 days', interval: 'hour', length: 168, together: 6,
    label: (from, to) => `${dayOf(from)}, ${clock(from)}–${clock(to)}`, tick: (from) => dayOf(from),
  },
  month: {
    title: '30 days', words: 'Last 30 days', interval: 'day', length: 30, together: 1,
    label: (from) => dayOf(from, { timeZone: 'UTC' }), tick: (from) => dayOf(from, { timeZone: 'UTC' }),
  },
};

/** Each plot with its series: `[words, kind of the server, colour]`. */
const PLOTS = [
  ['Logins', [['Logins', 'logins', 1], ['Without a prompt', 'silent_logins', 4], ['Sign-ups', 'signups', 2]]],
  ['Exchanges', [
    ['Refresh tokens', 'refresh_exchanges', 1], ['Codes', 'code_exchanges', 4],
    ['Client credentials', 'client_credentials', 2], ['Other', 'other_exchanges', 5],
  ]],
  ['Failures', [
    ['Refused exchanges', 'refused_exchanges', 2], ['Failed logins', 'failed_logins', 4],
    ['Reuse of refresh tokens', 'reuse_detected', 3], ['Failed Actions', 'failed_actions', 5],
  ]],
];

function grouped(buckets, { together, interval, label, tick }) {
  const length = (interval === 'day' ? DAY : HOUR) * together;
  const groups = [];
  for (let i = 0; i < buckets.length; i += together) {
    const from = new Date(buckets[i].date);
    const to = new Date(from.getTime() + length);
    groups.push({ label: label(from, to), tick: tick(from), parts: buckets.slice(i, i + together) });
  }
  return groups;
}

const summed = (groups, kind) => groups.map(({ parts }) => parts.reduce((sum, part) => sum + part[kind], 0));

async function read(range, signal) {
  const { interval, length } = range;
  const now = Date.now();
  const from = new Date(now - (length - 1) * (interval === 'day' ? DAY : HOUR));
  const asked = { interval, from: from.toISOString(), to: new Date(now).toISOString() };
  const body = await api.get('stats/activity', asked, { signal });
  return grouped(body.buckets, range);
}

/** `children` fill the place that three plots leave. */
export function Activity({ children }) {
  const { query } = useLocation();
  const name = RANGES[query.range] ? query.range : 'day';
  const range = RANGES[name];
  const load = useLoad((signal) => read(range, signal), [name]);
  const choices = Object.entries(RANGES).map(([id, { title }]) => html`
    <li key=${id}><a href=${`?range=${id}`} aria-current=${id === name ? 'true' : undefined}>${title}</a></li>`);
  const seriesOf = (groups) => ([title, kind, tone]) => ({ title, tone, values: summed(groups, kind) });
  return html`<section aria-labelledby="activity">
    <div class="section-head"><h2 id="activity">Activity</h2>
      <nav aria-label="Span of time"><ul class="ranges">${choices}</ul></nav></div>
    <${Loaded} load=${load}>${(groups) => html`<div class="plots">${PLOTS.map(([title, series]) => html`
      <${Card} key=${title} title=${title}>
        <${Plot} title=${title} range=${range.words} buckets=${groups} series=${series.map(seriesOf(groups))} />
      </${Card}>`)}${children}</div>`}</${Loaded}>
    ${range.interval === 'day' && html`<p class="muted small">Days begin at midnight UTC.</p>`}
  </section>`;
}
