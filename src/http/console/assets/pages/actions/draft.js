// Forms over parts of one Action. It is read again when it is deployed, or when its secrets change,
// so each form remembers what it was opened with: nothing of somebody else is written over unseen.

import { ApiError } from '../../core/api.js';
import { useForm } from '../../core/form.js';
import { useEffect, useRef } from '../../core/html.js';
import { same } from '../../core/values.js';

/** A form over `pick(data)` of a resource; `saved(values)` is told when it is written. */
export function useDraft(resource, pick, saved) {
  const now = pick(resource.data);
  const latest = useRef(now);
  latest.current = now;
  const known = useRef(now);
  const form = useForm({
    initial: known.current,
    async save(values, { changes, force }) {
      if (!force && !same(latest.current, known.current)) throw new ApiError('changed');
      known.current = pick(await resource.patch(changes, { force }));
      saved(values);
      return known.current;
    },
    async theirs() {
      const fresh = await resource.reload();
      if (!fresh) return undefined;
      known.current = pick(fresh);
      return known.current;
    },
  });
  useEffect(() => {
    if (form.dirty || form.busy || same(now, known.current)) return;
    known.current = now;
    form.reset(now);
  });
  return form;
}
