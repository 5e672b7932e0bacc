/**
 * `useStreamAction` for React: the stream as an external store.
 *
 * Strategy: React compares what a store gives by identity, so every update is a new snapshot, at
 * most one per animation frame. Its `chunks` are copied when a component takes them, not before.
 */

import { useEffect, useInsertionEffect, useRef, useState, useSyncExternalStore } from "react";

import { StreamHandle } from "./handle.js";

/** @type {typeof import("./react.d.ts").useStreamAction} */
export function useStreamAction(url, options = {}) {
  const latestOptions = useRef(options);
  // Before any other effect, so that none of them starts a stream with the options of last time.
  useInsertionEffect(() => {
    latestOptions.current = options;
  });

  const create = () => ({ url, handle: new StreamHandle(url, () => latestOptions.current) });
  const [held, setHeld] = useState(create);
  let { handle } = held;
  if (held.url !== url) {
    const next = create();
    setHeld(next);
    handle = next.handle;
  }
  useEffect(() => () => handle.stop(), [handle]);

  const snapshot = useSyncExternalStore(handle.subscribe, handle.getSnapshot, handle.getSnapshot);
  return /** @type {any} */ ({
    execute: handle.execute,
    stop: handle.stop,
    get chunks() {
      return snapshot.chunks;
    },
    data: snapshot.data,
    status: snapshot.status,
    error: snapshot.error,
    complete: snapshot.complete,
  });
}
