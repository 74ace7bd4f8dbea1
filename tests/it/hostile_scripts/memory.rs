//! Scripts that want all memory.

use super::{bodies_that_end, bodies_that_write};

bodies_that_end! {
    an_array_that_grows: Memory "too much memory" "const a = []; for (;;) a.push(new Array(100).fill(0));";
    a_text_that_doubles: Memory "too much memory" "let s = 'x'; for (;;) s = (s + s).split('').join('');";
    texts_that_are_kept: Memory "too much memory" "const a = []; for (let i = 0;; i++) a.push(`${i}`.repeat(1000));";
    a_map_that_grows: Memory "too much memory" "const m = new Map(); for (let i = 0;; i++) m.set(i, { i });";
    a_set_that_grows: Memory "too much memory" "const m = new Set(); for (let i = 0;; i++) m.add({ i });";
    closures_that_are_kept: Memory "too much memory"
        "let f = () => 0; for (;;) { const g = f, a = new Array(100).fill(1); f = () => [g, a]; }";
    an_object_with_too_many_members: Memory "too much memory" "const o = {}; for (let i = 0;; i++) o['k' + i] = i;";
    buffers_that_are_kept: Memory "too much memory" "const a = []; for (;;) a.push(new Uint8Array(100000));";
    a_buffer_that_is_too_large: Memory "too much memory" "new ArrayBuffer(1000000000);";
    a_text_that_is_repeated: Memory "too much memory" "'x'.repeat(2 ** 29);";
    a_text_that_is_padded: Memory "too much memory" "'x'.padStart(2 ** 29);";
    an_array_as_a_text: Timeout "computed for too long" "new Array(1e9) + '';";
    an_array_that_is_filled: Memory "too much memory" "new Array(1e9).fill(0);";
    a_number_that_is_too_large: Thrown "too large" "let n = 3n; for (;;) n = n * n;";
    promises_that_are_kept: Memory "too much memory"
        "const a = []; for (;;) a.push(new Promise((done) => { a.push(done); }));";
    a_generator_that_is_spread: Memory "too much memory" "[...(function* () { for (;;) yield {}; })()];";
    jobs_that_are_never_run: Memory "too much memory" "for (;;) Promise.resolve().then(() => {});";
    random_bytes_that_are_kept: Memory "too much memory"
        "const a = []; for (;;) a.push(crypto.getRandomValues(new Uint8Array(65536)));";
    a_text_that_is_encoded: Memory "too much memory"
        "const a = []; for (;;) a.push(new TextEncoder().encode('x'.repeat(100000)));";
    a_shared_buffer: Memory "too much memory"
        "const a = []; for (;;) a.push(new SharedArrayBuffer(100000));";
    a_buffer_that_is_resized: Memory "too much memory"
        "const a = []; for (;;) { const b = new ArrayBuffer(1, { maxByteLength: 100000 }); b.resize(100000); a.push(b); }";
}

bodies_that_write! {
    a_script_that_survives_its_own_greed: "RangeError true\n"
        "try { 'x'.repeat(2 ** 30) } catch (e) { console.log(e.name, typeof e.message === 'string') }";
    a_cycle_in_a_claim: "TypeError\n"
        "const a = {}; a.a = a; try { api.idToken.setCustomClaim('x', a) } catch (e) { console.log(e.name) }";
    memory_that_is_given_back: "done\n"
        "for (let i = 0; i < 200; i++) new Uint8Array(4000000).fill(1); console.log('done');";
}
