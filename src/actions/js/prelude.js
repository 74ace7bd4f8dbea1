// What a script finds around itself. Called once in each new context, before any script.
//
// `host` holds the functions of src/actions/worker/natives.rs. The worker calls what is returned:
// `start` once, then `fire` for each timer that is due and `settle` for each answer. The script has
// ended when `host.finish` is called.
export default function (host) {
  "use strict";
  const { log, command, finish } = host;
  const { parse, stringify } = JSON;
  const then = Promise.prototype.then;
  const { apply } = Reflect;

  const line = (level) => (...values) => {
    log(level, values.map((value) => typeof value === "string" ? value : String(stringify(value))).join(" ").toWellFormed());
  };
  globalThis.console = { log: line("log"), info: line("info"), warn: line("warn"), error: line("error"), debug: line("debug") };

  const failed = (error) => {
    let name = "Error", message;
    try {
      message = error instanceof Error ? String(error.message) : String(error);
      name = error instanceof Error ? String(error.name) : name;
    } catch {
      message = "the script threw something that cannot be shown";
    }
    finish(stringify({ error: { name: name.toWellFormed(), message: message.toWellFormed() }, has_handler: true }));
  };

  return {
    start(kind, handler, input, factory) {
      try {
        const module = { exports: {} };
        factory(module.exports, undefined, module);
        const { event } = parse(input);
        const run = module.exports[handler];
        if (typeof run !== "function") {
          finish('{"has_handler":false}');
          return;
        }
        const call = (name) => (...args) => command(stringify({ call: name, args: args[0] }));
        const claim = (token) => (name, value) => command(stringify({ call: `${token}.setCustomClaim`, args: { name, value } }));
        const api = {
          access: { deny: (reason) => command(stringify({ call: "access.deny", args: { reason } })) },
          idToken: { setCustomClaim: claim("idToken") },
          accessToken: { setCustomClaim: claim("accessToken") },
          call,
        };
        const result = run(event, api);
        apply(then, (async () => result)(), [() => finish('{"has_handler":true}'), failed]);
      } catch (error) {
        failed(error);
      }
    },
    fire() {},
    settle() {},
  };
}
