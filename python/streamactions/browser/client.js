/**
 * The client for browsers, without a framework: reads a streaming action to its proven end.
 *
 * Plain ES modules, with no dependency and no build step. `vue.js` and `react.js` beside this file
 * say the same in the words of their frameworks; `sse.js` is the decoder alone.
 */

import { StreamHandle } from "./handle.js";

export { EventTooLargeError, SSEDecoder } from "./sse.js";

/** @type {typeof import("./client.d.ts").createStreamAction} */
export function createStreamAction(url, options = {}) {
  return /** @type {any} */ (new StreamHandle(url, () => options));
}
