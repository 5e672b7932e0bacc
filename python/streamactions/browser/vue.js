/**
 * `useStreamAction` for Vue 3: the composable of `nuxt-actions`, without Nuxt.
 *
 * Strategy: the refs read the handle's state, which is always current, and tell their effects of a
 * change at most once per animation frame. `chunks` is one growing array, as in the composable it
 * follows: a frame costs no copy.
 */

import { customRef, getCurrentScope, onScopeDispose, shallowReadonly } from "vue";

import { createStreamAction } from "./client.js";

/** @type {typeof import("./vue.d.ts").useStreamAction} */
export function useStreamAction(url, options = {}) {
  const handle = createStreamAction(url, options);
  if (getCurrentScope()) onScopeDispose(handle.stop);
  return /** @type {any} */ ({
    execute: handle.execute,
    stop: handle.stop,
    chunks: createRef(handle, () => handle.chunks, () => handle.chunks.length),
    data: createRef(handle, () => handle.data),
    status: createRef(handle, () => handle.status),
    error: createRef(handle, () => handle.error),
    complete: createRef(handle, () => handle.complete),
  });
}

/**
 * A ref that reads the state, and tells of it only where it has changed.
 *
 * @template T
 * @param {{ subscribe: (listener: () => void) => () => void }} handle
 * @param {() => T} read
 * @param {() => unknown} readVersion What differs after a change.
 */
function createRef(handle, read, readVersion = read) {
  const ref = customRef((track, trigger) => {
    let told = readVersion();
    handle.subscribe(() => {
      const version = readVersion();
      if (Object.is(version, told)) return;
      told = version;
      trigger();
    });
    return {
      get() {
        track();
        return read();
      },
      // Never called: `shallowReadonly` refuses, with Vue's own warning.
      set() {},
    };
  });
  return shallowReadonly(ref);
}
