/**
 * One call as the console sees it: the bytes as they came, and what the client makes of them.
 *
 * The request and the reading of chunks are the browser client's own modules, so that what is shown
 * here is what a page that uses that client gets. Only the loop differs: it keeps the raw frames
 * and the time of each read, which that client has no use for.
 */

import { ChunkReader } from "../chunks.js";
import { createActionError, describe, streamIncomplete } from "../errors.js";
import { Pace } from "../pace.js";
import { createRequest } from "../request.js";
import { DEFAULT_MAX_EVENT_BYTES } from "../sse.js";
import { FrameSplitter } from "./frames.js";

/**
 * @import { ActionError } from "../types.d.ts"
 *
 * @typedef {object} Listener
 * @property {(chunks: unknown[], frames: string[], bytes: number, ms: number) => void} onRead What
 *   one read brought, and when, in milliseconds since the call began.
 * @property {(outcome: "done" | "stopped" | ActionError, ms: number) => void} onEnd Called once.
 */

/** How many bytes are decoded before the page may draw. */
const SLICE_BYTES = 16 * 1024;

/** How much of an answer that is no stream is shown. */
const MAX_SHOWN_CHARACTERS = 2000;

export class Call {
  #controller = new AbortController();
  #startedMs = performance.now();
  #listener;
  #lastReadMs = 0;
  #isOver = false;

  /**
   * @param {{ url: string, method: string, body: string | undefined }} encoded
   * @param {Record<string, string>} headers
   * @param {Listener} listener
   */
  constructor(encoded, headers, listener) {
    this.#listener = listener;
    this.#run(encoded, headers).catch((cause) => {
      this.#end(createActionError("CONNECTION_ERROR", describe(cause), 502));
    });
  }

  /** Milliseconds since the call began. */
  get elapsedMs() {
    return performance.now() - this.#startedMs;
  }

  /** Abort it; the server sees its client leave. */
  stop() {
    this.#end("stopped");
  }

  /**
   * @param {{ url: string, method: string, body: string | undefined }} encoded
   * @param {Record<string, string>} headers
   */
  async #run(encoded, headers) {
    const request = await createRequest(encoded, { headers }, this.#controller.signal);
    const response = await fetch(request);
    const type = response.headers.get("content-type") ?? "";
    if (!response.ok || !type.startsWith("text/event-stream") || response.body === null) {
      await this.#showOther(response, type);
      return;
    }
    const body = response.body.getReader();
    const reader = new ChunkReader(DEFAULT_MAX_EVENT_BYTES);
    const splitter = new FrameSplitter();
    const pace = new Pace();
    while (!reader.ended) {
      const { value, done } = await body.read();
      if (done) {
        this.#lastReadMs = this.elapsedMs;
        this.#report(reader.finish(), splitter.finish(), 0, this.#lastReadMs);
        break;
      }
      const ms = (this.#lastReadMs = this.elapsedMs);
      for (let at = 0; at < value.length && !reader.ended; at += SLICE_BYTES) {
        const slice = value.subarray(at, at + SLICE_BYTES);
        this.#report(reader.feed(slice), splitter.feed(slice), slice.length, ms);
        await pace.rest();
        if (this.#isOver) return;
      }
    }
    // The end came with the last read, however long the page then took to show what was in it.
    this.#end(reader.complete ? "done" : (reader.error ?? streamIncomplete()), this.#lastReadMs);
  }

  /**
   * An answer that is no stream: a proxy's, or of an app in front of the actions.
   *
   * @param {Response} response
   * @param {string} type
   */
  async #showOther(response, type) {
    const text = (await response.text()).slice(0, MAX_SHOWN_CHARACTERS);
    this.#report([], [text], text.length);
    const code = response.ok ? "NOT_AN_EVENT_STREAM" : "HTTP_ERROR";
    const message = `The answer is ${type || "of no type"} with status ${response.status}, not a stream`;
    this.#end(createActionError(code, message, response.ok ? 502 : response.status));
  }

  /**
   * @param {unknown[]} chunks
   * @param {string[]} frames
   * @param {number} bytes
   * @param {number} ms
   */
  #report(chunks, frames, bytes, ms = this.elapsedMs) {
    if (!this.#isOver) this.#listener.onRead(chunks, frames, bytes, ms);
  }

  /**
   * @param {"done" | "stopped" | ActionError} outcome
   * @param {number} ms
   */
  #end(outcome, ms = this.elapsedMs) {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#controller.abort();
    this.#listener.onEnd(outcome, ms);
  }
}
