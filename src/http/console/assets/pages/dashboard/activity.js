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

const PLOTS = [
  ['Logins', [['Logins', 'logins'], ['Without a prompt', 'silent_logins'], ['Sign-ups', 'signups']]],
  ['Exchanges', [
    ['Refresh tokens', 'refresh_exchanges'], ['Codes', 'code_exchanges'], ['Client credentials', 'client_credentials'],
    ['Other', 'other_exchanges'],
  ]],
  ['Failures', [
    ['Refused exchanges', 'refused_exchanges'], ['Failed logins', 'failed_logins'], ['Reuse of refresh tokens', 'reuse_detected'],
    ['Failed Actions', 'failed_actions'],
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
  const body = await api.get('stats/activity', { interval, from: from.toISOString(), to: new Date(now).toISOString() }, { signal });
  return grouped(body.buckets, range);
}

export function Activity() {
  const { query } = useLocation();
  const name = RANGES[query.range] ? query.range : 'day';
  const range = RANGES[name];
  const load = useLoad((signal) => read(range, signal), [name]);
  const choice = html`<nav aria-label="Span of time"><ul class="ranges">${Object.entries(RANGES).map(([id, { title }]) => html`
    <li key=${id}><a href=${`?range=${id}`} aria-current=${id === name ? 'true' : undefined}>${title}</a></li>`)}</ul></nav>`;
  return html`<section aria-labelledby="activity">
    <div class="section-head"><h2 id="activity">Activity</h2>${choice}</div>
    <${Loaded} load=${load}>${(groups) => html`<div class="plots">${PLOTS.map(([title, series]) => html`
      <${Card} key=${title} title=${title}><${Plot} title=${title} range=${range.words} buckets=${groups}
        series=${series.map(([words, kind]) => ({ title: words, values: summed(groups, kind) }))} /></${Card}>`)}</div>`}</${Loaded}>
    ${range.interval === 'day' && html`<p class="muted small">Days begin at midnight UTC.</p>`}
  </section>`;
}
