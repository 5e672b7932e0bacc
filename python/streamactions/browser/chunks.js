/**
 * Bytes of a body to chunks, without I/O.
 *
 * Strategy: the decoder makes events of bytes, the signal reader makes signals of events; the
 * first end or fault, of whichever of the two, ends it for good. What is given never depends on
 * how the body was cut: chunks before a fault are given, and anything after the end is ignored.
 */

import { createActionError, describe, streamIncomplete } from "./errors.js";
import { SignalReader } from "./signals.js";
import { EventTooLargeError, SSEDecoder } from "./sse.js";

/**
 * @import { Signal } from "./signals.js"
 * @import { ActionError } from "./types.d.ts"
 */

export class ChunkReader {
  #decoder;
  #signals = new SignalReader();
  #maxEventBytes;

  /** The server said that the stream is complete. */
  complete = false;
  /**
   * Why the stream failed, if it did.
   * @type {ActionError | null}
   */
  error = null;

  /** @param {number} maxEventBytes */
  constructor(maxEventBytes) {
    this.#decoder = new SSEDecoder({ maxEventBytes });
    this.#maxEventBytes = maxEventBytes;
  }

  /** Whether no further chunk can come. */
  get ended() {
    return this.complete || this.error !== null;
  }

  /**
   * The chunks that these bytes complete.
   *
   * @param {Uint8Array} bytes
   */
  feed(bytes) {
    /** @type {unknown[]} */
    const chunks = [];
    const { events, tooLarge } = this.#decode(bytes);
    for (const event of events) {
      /** @type {Signal[]} */
      const signals = [];
      let fault = null;
      try {
        this.#signals.feed(event, signals);
      } catch (cause) {
        const message = `The server sent no valid chunk: ${describe(cause)}`;
        fault = createActionError("INVALID_CHUNK", message, 502);
      }
      for (const signal of signals) this.#take(signal, chunks);
      if (this.ended) return chunks;
      if (fault !== null) {
        this.error = fault;
        return chunks;
      }
    }
    if (tooLarge) {
      const limit = `${this.#maxEventBytes} bytes (maxEventBytes)`;
      const message = `The server sent an event of more than ${limit}`;
      this.error = createActionError("EVENT_TOO_LARGE", message, 502);
    }
    return chunks;
  }

  /** The chunks that the clean end of the body completes; the reader has ended after it. */
  finish() {
    /** @type {unknown[]} */
    const chunks = [];
    const signal = this.#signals.finish();
    // An end is the last event of its stream: one behind which another begins was none.
    if (signal !== null && this.#decoder.bufferedBytes === 0) this.#take(signal, chunks);
    if (!this.ended) this.error = streamIncomplete();
    return chunks;
  }

  /** @param {Uint8Array} bytes */
  #decode(bytes) {
    try {
      return { events: this.#decoder.feed(bytes), tooLarge: false };
    } catch (cause) {
      if (!(cause instanceof EventTooLargeError)) throw cause;
      return { events: cause.events, tooLarge: true };
    }
  }

  /**
   * @param {Signal} signal
   * @param {unknown[]} chunks
   */
  #take(signal, chunks) {
    if (signal.type === "failure") this.error = signal.error;
    else if (signal.type === "done") this.complete = true;
    else chunks.push(signal.value);
  }
}
