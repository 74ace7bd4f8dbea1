// What a script finds around itself. Called once in each new context, before any script.
//
// `host` holds the functions of src/actions/worker/natives.rs. The worker calls what is returned:
//
//   start(kind, handler, inputJson, factory)   once; kind is "action" or "rule"
//   fire(timerId)                              a timer is due
//   settle(fetchId, answerJson, body)          a request is answered, or failed: {"error": …}
//
// `factory` is the script in its wrapper, compiled by the worker:
// function (exports, require, module, __filename, __dirname). The script has ended when
// `host.finish` is called. Nothing is read from a script but through captured intrinsics.

import * as action from './action.js';
import * as failure from './failure.js';
import * as globals from './globals.js';
import { begin } from './host.js';
import { load } from './parts.js';
import { quote } from './record.js';
import * as record from './record.js';
import * as rule from './rule.js';
import * as timers from './timers.js';
import { parse, toWellFormed } from './primordials.js';

export default function (host) {
  let ended = false;

  function end(outcome, left) {
    if (ended) return;
    ended = true;
    record.close();
    if (left === undefined) host.finish(toWellFormed(outcome));
    else host.finish(toWellFormed(outcome), toWellFormed(left));
  }

  /** Ends the execution: the script threw, or its promise was rejected. */
  function fail(thrown) {
    const { name, message, stack } = failure.describe(thrown);
    const error = '{"name":' + quote(name) + ',"message":' + quote(message) + ',"stack":' + quote(stack) + '}';
    end('{"has_handler":true,"error":' + error + '}');
  }

  begin(host);
  globals.install(globalThis, fail);

  return {
    async start(kind, handler, inputJson, factory) {
      try {
        const input = parse(inputJson);
        if (kind === 'rule') end('{"has_handler":true}', await rule.run(input, factory));
        else end('{"has_handler":' + (await action.run(handler, input, factory)) + '}');
      } catch (thrown) {
        fail(thrown);
      }
    },
    fire: timers.fire,
    settle: (id, answer, body) => load('fetch').settle(id, answer, body),
  };
}
