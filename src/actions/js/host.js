// The functions of src/actions/worker/natives.rs. No script ever sees them.

/** What the worker gave. */
export let host;

/** Takes what the worker gives, before anything else happens. */
export function begin(given) {
  host = given;
}
