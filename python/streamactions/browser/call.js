/** One call of a stream: what aborts it, and by when it must have ended. */

import { StreamFailure, createActionError } from "./errors.js";

export class Call {
  #controller = new AbortController();
  #timeoutMs;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #timedOut = false;

  /** Whether its own side ended the call: whatever it still gives or throws is nobody's concern. */
  aborted = false;

  /** @param {number | undefined} timeoutMs The limit of the whole call, from now on. */
  constructor(timeoutMs) {
    this.#timeoutMs = timeoutMs;
    if (timeoutMs !== undefined) {
      this.#timer = setTimeout(() => {
        this.#timedOut = true;
        this.#controller.abort();
      }, timeoutMs);
    }
  }

  get signal() {
    return this.#controller.signal;
  }

  abort() {
    this.aborted = true;
    this.close();
  }

  /** Give up the connection, if there is one, and the timer. */
  close() {
    this.endTimeout();
    this.#controller.abort();
  }

  /** The stream is over; what follows has bounds of its own. */
  endTimeout() {
    clearTimeout(this.#timer);
  }

  /** @throws {StreamFailure} The call ran into its limit (`TIMEOUT_ERROR`). */
  checkTimeout() {
    if (!this.#timedOut) return;
    const message = `The stream timed out after ${this.#timeoutMs} ms`;
    throw new StreamFailure(createActionError("TIMEOUT_ERROR", message, 408));
  }
}
