// `console`: what is written goes to the log of the execution. Texts are written as they are, the
// formatting of anything else is that of Node.js.

import { hidden, toWellFormed } from './primordials.js';
import { load } from './parts.js';
import { host } from './host.js';

/** One line per call, as Node.js writes it. */
export function format(args) {
  if (args.length === 1 && typeof args[0] === 'string') return args[0];
  return load('inspect').format(args);
}

function writer(level) {
  return function (...args) {
    host.log(level, toWellFormed(format(args)));
  };
}

export function install(global) {
  const log = writer('log');
  const error = writer('error');
  const none = () => {};
  const counts = { __proto__: null };
  const console = {
    log,
    info: writer('info'),
    warn: writer('warn'),
    error,
    debug: writer('debug'),
    trace: writer('debug'),
    dir: (value) => log(value),
    table: log,
    group: log,
    groupCollapsed: log,
    groupEnd: none,
    assert(condition, ...args) {
      if (!condition) error(`Assertion failed${args.length ? ': ' : ''}${args.length ? format(args) : ''}`);
    },
    count(label = 'default') {
      counts[label] = (counts[label] ?? 0) + 1;
      log(`${label}: ${counts[label]}`);
    },
    countReset(label = 'default') {
      delete counts[label];
    },
    time(label = 'default') {
      counts[`time ${label}`] = host.now();
    },
    timeEnd(label = 'default') {
      log(`${label}: ${(host.now() - counts[`time ${label}`]).toFixed(3)}ms`);
    },
    timeLog(label = 'default') {
      this.timeEnd(label);
    },
  };
  hidden(global, 'console', console);
}
