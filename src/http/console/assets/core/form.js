// A form: what was typed, what differs from what is saved, and what the server said of it. Nothing
// typed is ever thrown away without the person asking for it.

import { html, useCallback, useLayoutEffect, useMemo, useRef, useState } from './html.js';
import { useLeaveGuard } from './router.js';
import { changesBetween, pathsOf, same, valueAt, withValue } from './values.js';

const covers = (path, property) => property === path || property.startsWith(`${path}.`) || property.startsWith(`${path}[`);

/**
 * A form over plain values, addressed by dotted paths.
 *
 * - `initial`: the saved values.
 * - `save(values, {changes, force})`: writes; `changes` is what a PATCH needs, and `force` means to write over what
 *   somebody else wrote. May return the values as they are saved now. What it throws is shown where it belongs.
 * - `theirs()`: reads the saved values again, for when somebody else changed them.
 * - `check(values)`: errors by path that can be told without the server; only for what cannot be sent at all.
 * - `describe(path, theirs)`: how to say that somebody else changed this too, where paths are no names people know.
 */
export function useForm({ initial, save, theirs, check, describe }) {
  const [base, setBase] = useState(initial);
  const [values, setValues] = useState(initial);
  const [errors, setErrors] = useState({});
  const [problem, setProblem] = useState(null);
  const [busy, setBusy] = useState(false);
  const [attempts, setAttempts] = useState(0);
  const [merged, setMerged] = useState(null);
  const fields = useRef(new Set());
  const now = useRef();
  now.current = { base, values, busy };
  const dirty = useMemo(() => !same(base, values), [base, values]);
  useLeaveGuard(dirty);

  const reset = useCallback((next) => {
    setBase(next);
    setValues(next);
    setErrors({});
    setProblem(null);
    setMerged(null);
  }, []);

  const fail = (error) => {
    const place = error.property && [...fields.current].find((path) => covers(path, error.property));
    if (place) {
      setErrors({ [error.property]: error.message });
      setProblem(null);
    } else {
      setErrors({});
      setProblem(error.property ? Object.assign(error, { shown: `${error.property}: ${error.message}` }) : error);
    }
    setAttempts((n) => n + 1);
  };

  const submit = useCallback(async ({ force = false } = {}) => {
    const { base: before, values: wanted, busy: running } = now.current;
    if (running) return false;
    const wrong = check?.(wanted) ?? {};
    if (Object.keys(wrong).length > 0) {
      setErrors(wrong);
      setAttempts((n) => n + 1);
      return false;
    }
    setBusy(true);
    setProblem(null);
    setErrors({});
    try {
      const saved = await save(wanted, { changes: changesBetween(before, wanted), force });
      // What was typed while it was being saved stays.
      const typed = changesBetween(wanted, now.current.values);
      const settled = saved ?? wanted;
      setBase(settled);
      setValues(Object.keys(typed).length > 0 ? apply(settled, now.current.values, typed) : settled);
      setMerged(null);
      return true;
    } catch (error) {
      fail(error);
      return false;
    } finally {
      setBusy(false);
    }
  }, [save, check]);

  /** Goes on from what is saved now; what was changed here stays changed. */
  const rebase = async () => {
    const fresh = await theirs?.();
    if (!fresh) return;
    const { base: before, values: mine } = now.current;
    const changes = changesBetween(before, mine);
    const both = pathsOf(changes).filter((path) => !same(valueAt(before, path), valueAt(fresh, path)));
    setBase(fresh);
    setValues(apply(fresh, mine, changes));
    setProblem(null);
    setMerged(both.map((path) => ({ path, theirs: valueAt(fresh, path) })));
  };
  const takeTheirs = async () => {
    const fresh = await theirs?.();
    if (fresh) reset(fresh);
  };

  return {
    values,
    base,
    dirty,
    busy,
    problem,
    merged,
    attempts,
    get: (path) => valueAt(values, path),
    set: useCallback((path, value) => setValues((before) => withValue(before, path, value)), []),
    /** The error beside a field. Whoever asks shows it, so that no error is lost. */
    error(path) {
      fields.current.add(path);
      const [, text] = Object.entries(errors).find(([property]) => covers(path, property)) ?? [];
      return text;
    },
    submit,
    reset,
    describe,
    /** Back to what is saved. */
    undo: () => reset(now.current.base),
    rebase: theirs && rebase,
    takeTheirs: theirs && takeTheirs,
  };
}

/** `onto` with what `changes` names as it is in `from`. */
function apply(onto, from, changes) {
  return pathsOf(changes).reduce((result, path) => withValue(result, path, valueAt(from, path)), onto);
}

/** The element around the fields of a form: submits it, and shows what belongs to no field. */
export function Form({ form, children, label, class: className }) {
  const element = useRef();
  // Before anything else happens on the page: nothing may move under somebody who is about to click.
  useLayoutEffect(() => {
    if (form.attempts === 0) return;
    const first = element.current?.querySelector('[aria-invalid="true"], .form-problem');
    first?.focus();
    first?.scrollIntoView({ block: 'center' });
  }, [form.attempts]);
  const submit = (event) => {
    event.preventDefault();
    form.submit();
  };
  return html`<form ref=${element} class=${className} onSubmit=${submit} novalidate aria-label=${label}>
    <${Problem} form=${form} />
    ${children}
  </form>`;
}

const words = (value) => (typeof value === 'string' ? value : JSON.stringify(value) ?? 'nothing');

function Problem({ form }) {
  const { problem, merged } = form;
  if (problem?.kind === 'changed' && form.rebase) {
    return html`<div class="notice warning form-problem" role="alert" tabindex="-1">
      <p><strong>Somebody else has changed this since you opened it.</strong> Nothing was saved, and what you typed is still here.</p>
      <p class="actions">
        <button type="button" onClick=${form.rebase}>Bring in their changes, keep mine</button>
        <button type="button" onClick=${() => form.submit({ force: true })}>Overwrite theirs</button>
        <button type="button" onClick=${form.takeTheirs}>Discard mine</button>
      </p>
    </div>`;
  }
  if (problem) {
    return html`<div class="notice danger form-problem" role="alert" tabindex="-1">
      <p>${problem.shown ?? problem.message}</p>
      ${problem.requestId && html`<p class="small">Request ${problem.requestId}</p>`}
    </div>`;
  }
  if (merged) {
    return html`<div class="notice info" role="status">
      <p>Their changes are here now. Yours are not saved yet.</p>
      ${merged.length > 0 && html`<p>You both changed:</p><ul>${merged.map(({ path, theirs }) => html`
        <li>${form.describe?.(path, theirs) ?? html`<code>${path}</code>: theirs is <code>${words(theirs)}</code>`}</li>`)}</ul>`}
    </div>`;
  }
  return null;
}
