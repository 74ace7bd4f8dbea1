//! Scripts that look for a way out.

use super::{bodies_that_end, bodies_that_write};

bodies_that_end! {
    the_file_system_is_not_there: Thrown "Cannot find module 'fs'" "require('fs');";
    processes_are_not_there: Thrown "Cannot find module 'node:child_process'" "require('node:child_process');";
    sockets_are_not_there: Thrown "Cannot find module 'net'" "require('net');";
    files_are_not_modules: Thrown "Cannot find module '/etc/passwd'" "require('/etc/passwd');";
    waiting_for_shared_memory_is_not_possible: Thrown ""
        "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1e9);";
}

bodies_that_write! {
    the_constructor_of_functions_gives_the_same_scope: "true\n"
        "console.log(this.constructor.constructor('return globalThis')() === globalThis);";
    the_process_is_an_empty_one: "{} undefined undefined undefined undefined\n"
        "const p = (function () {}).constructor('return process')(); \
         console.log(p.env, p.mainModule, p.binding, p.kill, p.exit);";
    nothing_of_the_engine_is_global: "undefined undefined undefined undefined undefined undefined undefined\n"
        "console.log(typeof __host, typeof host, typeof std, typeof os, typeof print, typeof scriptArgs, typeof load);";
    nothing_can_be_imported: "std ReferenceError\nos ReferenceError\nqjs:std ReferenceError\n\
                              fs ReferenceError\n/etc/passwd ReferenceError\n\
                              file:///etc/passwd ReferenceError\nhost.js ReferenceError\n\
                              ./host.js ReferenceError\nprelude.js ReferenceError\n\
                              https://example.com/x.js ReferenceError\n\
                              data:text/javascript,1 ReferenceError\n"
        "for (const name of ['std', 'os', 'qjs:std', 'fs', '/etc/passwd', 'file:///etc/passwd', 'host.js', \
         './host.js', 'prelude.js', 'https://example.com/x.js', 'data:text/javascript,1']) \
         await import(name).then((m) => console.log(name, Object.keys(m)), (e) => console.log(name, e.name));";
    nothing_can_be_imported_by_code_that_is_made: "ReferenceError\nReferenceError\nReferenceError\nReferenceError\n"
        "const show = (e) => console.log(e.name); \
         await eval(\"import('./host.js')\").catch(show); \
         await (0, eval)(\"import('./host.js')\").catch(show); \
         await new Function(\"return import('./host.js')\")().catch(show); \
         const Async = (async () => {}).constructor; \
         await new Async(\"return await import('./host.js')\")().catch(show);";
    the_functions_of_callers_are_not_there: "undefined undefined\n"
        "function f() { let caller, callee; try { caller = f.caller } catch {} \
         try { callee = arguments.callee.caller } catch {} console.log(caller ?? undefined, callee ?? undefined) } f();";
    what_the_stack_shows_is_no_way_out: "[]\n"
        "Error.prepareStackTrace = (error, frames) => frames; \
         const found = []; \
         for (const frame of [].concat(new Error().stack)) { \
           const f = frame?.getFunction?.(); \
           for (const name of ['host', 'finish', 'command', 'fetch', 'load']) if (f && name in f) found.push(name); \
         } \
         Error.prepareStackTrace = undefined; \
         console.log(JSON.stringify(found));";
    the_functions_of_the_host_are_not_on_what_a_script_gets: "false\n"
        "const seen = new Set(); let found = false; \
         const walk = (o) => { if ((typeof o !== 'object' && typeof o !== 'function') || o === null || seen.has(o)) return; \
           seen.add(o); \
           for (const k of Reflect.ownKeys(o)) { \
             const d = Reflect.getOwnPropertyDescriptor(o, k); \
             if (typeof k === 'string' && ['setUrlPart', 'utf8Encode', 'setTimer', 'finish'].includes(k)) found = true; \
             try { walk(d.value); walk(d.get); walk(d.set); } catch {} \
           } \
           walk(Reflect.getPrototypeOf(o)); }; \
         walk(globalThis); walk(api); walk(event); walk(module); walk(require); console.log(found);";
    the_source_of_natives_is_not_shown: "true\n"
        "console.log(/native code/.test(Function.prototype.toString.call(Math.max)));";
    there_are_no_variables_of_the_environment: "0\n"
        "console.log(Object.keys(process.env).length);";
    time_is_in_utc: "0\n" "console.log(new Date(2026, 0, 1).getTimezoneOffset());";
}
