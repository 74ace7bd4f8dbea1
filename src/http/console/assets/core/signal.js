// A value that components can watch.

import { useEffect, useState } from './html.js';

/** Makes a value that is read with `get`, written with `set` and watched with `subscribe`. */
export function signal(value) {
  const watchers = new Set();
  return {
    get: () => value,
    set(next) {
      value = next;
      for (const watcher of Array.from(watchers)) watcher(value);
    },
    subscribe(watcher) {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
  };
}

/** The value of a signal; the component is drawn again when it changes. */
export function useSignal(watched) {
  const [value, setValue] = useState(() => watched.get());
  useEffect(() => {
    setValue(() => watched.get());
    return watched.subscribe((next) => setValue(() => next));
  }, [watched]);
  return value;
}
