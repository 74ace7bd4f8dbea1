// Times, spans and numbers as people say them.

const UNITS = [['day', 86_400], ['hour', 3_600], ['minute', 60], ['second', 1]];

/** "1 day 12 hours": at most two units, so that it can be read at a glance. */
export function span(seconds) {
  if (!Number.isFinite(seconds)) return '';
  if (seconds < 1) return '0 seconds';
  const parts = [];
  let left = Math.round(seconds);
  for (const [name, size] of UNITS) {
    const count = Math.floor(left / size);
    if (count > 0) parts.push(`${count} ${name}${count === 1 ? '' : 's'}`);
    left -= count * size;
  }
  return parts.slice(0, 2).join(' ');
}

/** The largest unit that a span is a whole number of: `[count, unit size in seconds]`. */
export function inUnits(seconds) {
  const [, size] = UNITS.find(([, unit]) => seconds >= unit && seconds % unit === 0) ?? UNITS.at(-1);
  return [seconds / size, size];
}

/** The units that spans are typed in: `[name, seconds]`, largest first. */
export const spanUnits = UNITS.map(([name, size]) => [`${name}s`, size]);

/** "in 3 hours", "2 days ago". */
export function relative(time, now = Date.now()) {
  const seconds = Math.round((new Date(time).getTime() - now) / 1000);
  const [name, size] = UNITS.find(([, unit]) => Math.abs(seconds) >= unit) ?? UNITS.at(-1);
  return new Intl.RelativeTimeFormat('en', { numeric: 'auto' }).format(Math.trunc(seconds / size), name);
}

/** Date and time in the person's zone. */
export const moment = (time) => new Date(time).toLocaleString('en', { dateStyle: 'medium', timeStyle: 'short' });

/** 12,345 */
export const number = (count) => count.toLocaleString('en');

/** "1 application", "2 applications". */
export const counted = (count, one, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;
