/**
 * Events to signals: a chunk, the end or a failure, in whichever dialect the stream speaks.
 *
 * Two dialects are read without being told. The standard one names its `done` and `error` events;
 * in that of `nuxt-actions` 1.x every event is a message and two keys are reserved.
 *
 * Strategy: a message with a reserved key is ambiguous: to `nuxt-actions` it is the end, to the
 * standard dialect a chunk like any other. The end is the last event of its stream, so such an
 * event is held until the next one (it was a chunk) or the end of the body (it was the end) has
 * decided. At most one event is ever held.
 *
 * @import { ServerSentEvent } from "./sse.d.ts"
 * @import { ActionError } from "./types.d.ts"
 *
 * @typedef {{ type: "chunk", value: unknown }} Chunk
 * @typedef {{ type: "done" }} Done
 * @typedef {{ type: "failure", error: ActionError }} Failure
 * @typedef {Chunk | Done | Failure} Signal
 */

import { isObject, readActionError } from "./errors.js";

export class SignalReader {
  /** @type {{ end: Done | Failure, chunk: Chunk } | null} */
  #held = null;

  /**
   * What this event says, together with what it decides about the event before.
   *
   * @param {ServerSentEvent} event
   * @param {Signal[]} signals Where to put it; filled before anything is thrown.
   * @throws {SyntaxError} The event's data is not JSON.
   */
  feed(event, signals) {
    if (this.#held !== null) {
      signals.push(this.#held.chunk);
      this.#held = null;
    }
    if (event.event === "done") {
      signals.push({ type: "done" });
    } else if (event.event === "error") {
      signals.push({ type: "failure", error: readActionError(JSON.parse(event.data)) });
    } else if (event.event === "message") {
      const value = JSON.parse(event.data);
      /** @type {Chunk} */
      const chunk = { type: "chunk", value };
      const end = readReservedKeys(value);
      if (end === null) signals.push(chunk);
      else this.#held = { end, chunk };
    }
    // Other names are left for later versions.
  }

  /** What the clean end of the body decides: the end that was held, if any. */
  finish() {
    const held = this.#held;
    this.#held = null;
    return held === null ? null : held.end;
  }
}

/**
 * The end that a message says in the dialect of `nuxt-actions`.
 *
 * @param {unknown} value
 * @returns {Done | Failure | null}
 */
function readReservedKeys(value) {
  if (!isObject(value)) return null;
  if (value.__actions_error) {
    return { type: "failure", error: readActionError(value.__actions_error) };
  }
  return value.__actions_done === true ? { type: "done" } : null;
}
