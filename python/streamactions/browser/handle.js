/**
 * The handle: the state of one stream at a time, its callbacks, and who is told of a change.
 *
 * Strategy: the state itself is always current, and is told at most once per animation frame, so
 * that what a page draws costs the same however fast chunks come. A chunk is appended to one
 * growing array. A snapshot, which must never change, is that array's length at the time, and
 * copies it only when its `chunks` are asked for: a page that shows them pays one copy per frame,
 * and one that shows the latest chunk alone pays none.
 *
 * The newest call owns the state; a call that was aborted touches it no more.
 */

import { Call } from "./call.js";
import { StreamFailure } from "./errors.js";
import { exchange } from "./exchange.js";
import { FrameScheduler } from "./frames.js";
import { createRequest, encodeInput } from "./request.js";
import { DEFAULT_MAX_EVENT_BYTES } from "./sse.js";

/**
 * @import { ActionError, StreamActionHandle, StreamActionOptions, StreamStatus } from "./types.d.ts"
 * @typedef {StreamActionOptions<any>} Options
 */

/** The longest delay that `setTimeout` takes; a longer one would fire at once. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** @implements {StreamActionHandle<any, any>} */
export class StreamHandle {
  #url;
  #readOptions;
  /**
   * The newest call, which alone may touch the state.
   * @type {Call | null}
   */
  #call = null;
  /** @type {Set<() => void>} */
  #listeners = new Set();
  #frames = new FrameScheduler(() => this.#publish());
  #snapshot;

  /** @type {unknown[]} */
  chunks = [];
  /** @type {unknown} */
  data = null;
  /** @type {StreamStatus} */
  status = "idle";
  /** @type {ActionError | null} */
  error = null;
  complete = false;

  /**
   * @param {string} url
   * @param {() => Options} readOptions Asked whenever an option is needed, so that a component
   *   may hand over new callbacks while a stream runs.
   */
  constructor(url, readOptions) {
    if (typeof url !== "string" || url === "") {
      throw new TypeError('a stream action needs a URL: write "/api/_actions/my-action"');
    }
    checkOptions(readOptions());
    this.#url = url;
    this.#readOptions = readOptions;
    this.#snapshot = new Snapshot(this);
  }

  /** @param {unknown} [input] */
  execute = async (input) => {
    const options = this.#readOptions();
    checkOptions(options);
    const encoded = encodeInput(this.#url, input, options);
    const call = this.#start(options.timeout);
    try {
      const request = await createRequest(encoded, options, call.signal);
      await this.#run(call, request, options);
    } catch (cause) {
      if (!(cause instanceof StreamFailure)) throw cause;
      if (call.aborted) return;
      this.#settle("error", { error: cause.actionError });
      this.#readOptions().onError?.(cause.actionError);
    } finally {
      call.close();
      // A call that a callback or a `headers` function ended by throwing is over without a failure.
      if (this.#call === call && this.status === "streaming") this.#settle("done");
    }
  };

  stop = () => {
    this.#call?.abort();
    if (this.status === "streaming") this.#settle("done");
  };

  /** @param {() => void} listener */
  subscribe = (listener) => {
    // A wrapper of its own, so that a listener that subscribes twice also leaves twice.
    const entry = () => listener();
    this.#listeners.add(entry);
    return () => {
      this.#listeners.delete(entry);
    };
  };

  getSnapshot = () => this.#snapshot;

  /** @param {number | undefined} timeoutMs */
  #start(timeoutMs) {
    this.#call?.abort();
    this.#call = new Call(timeoutMs);
    this.chunks = [];
    this.data = null;
    this.#settle("streaming");
    return this.#call;
  }

  /**
   * @param {Call} call
   * @param {Request} request
   * @param {Options} options
   */
  async #run(call, request, { keepChunks = true, maxEventBytes = DEFAULT_MAX_EVENT_BYTES }) {
    for await (const { chunks, complete } of exchange(request, call, maxEventBytes)) {
      for (const chunk of chunks) {
        if (call.aborted) return;
        this.data = chunk;
        if (keepChunks) this.chunks.push(chunk);
        this.#frames.request();
        this.#readOptions().onChunk?.(chunk);
      }
      if (call.aborted) return;
      if (complete) {
        call.endTimeout();
        this.#settle("done", { complete: true });
        this.#readOptions().onDone?.(this.chunks);
        // The generator lets the body end now; only then is the call over.
      }
    }
  }

  /**
   * Begin or end a stream, and tell it without waiting for a frame.
   *
   * @param {StreamStatus} status
   * @param {{ error?: ActionError, complete?: boolean }} [outcome]
   */
  #settle(status, { error, complete = false } = {}) {
    this.status = status;
    this.error = error ?? null;
    this.complete = complete;
    this.#publish();
  }

  #publish() {
    this.#frames.cancel();
    this.#snapshot = new Snapshot(this);
    for (const listener of [...this.#listeners]) listener();
  }
}

/** The state at one moment. */
class Snapshot {
  #source;
  #length;
  /** @type {unknown[] | null} */
  #chunks = null;

  /** @param {StreamHandle} handle */
  constructor({ chunks, data, status, error, complete }) {
    this.#source = chunks;
    this.#length = chunks.length;
    this.data = data;
    this.status = status;
    this.error = error;
    this.complete = complete;
  }

  get chunks() {
    this.#chunks ??= this.#source.slice(0, this.#length);
    return this.#chunks;
  }
}

/** @param {Options} options */
function checkOptions({ timeout, maxEventBytes = DEFAULT_MAX_EVENT_BYTES }) {
  if (timeout !== undefined && !(timeout > 0 && timeout <= MAX_TIMEOUT_MS)) {
    throw new RangeError(`timeout must be from 1 to ${MAX_TIMEOUT_MS} milliseconds, not ${timeout}`);
  }
  if (!Number.isSafeInteger(maxEventBytes) || maxEventBytes < 1) {
    throw new RangeError(`maxEventBytes must be an integer above 0, not ${maxEventBytes}`);
  }
}
