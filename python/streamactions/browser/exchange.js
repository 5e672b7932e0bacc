/**
 * One exchange with the server: a request out, batches of chunks back, every failure as one type.
 *
 * Strategy: the head decides whether there is a stream at all. Then each read of the body is taken
 * in slices of a bounded size, so that neither a large read nor many small ones hold the page.
 */

import { ChunkReader } from "./chunks.js";
import {
  StreamFailure,
  createActionError,
  describe,
  isErrorStatus,
  streamIncomplete,
} from "./errors.js";
import { extractEssence, readStatusError } from "./head.js";
import { Pace } from "./pace.js";

/** @import { Call } from "./call.js" */

/** How many bytes are decoded before others may run. */
const SLICE_BYTES = 16 * 1024;

/** How much of an HTTP error's body is read in search of an error object. */
const MAX_ERROR_BODY_BYTES = 65_536;

/** How long, and how often, the body is read on after its end event. */
const MAX_TAIL_MS = 200;
const MAX_TAIL_READS = 16;

/**
 * Yields the chunks as they come, then once `complete`, when the server has said that the stream
 * is; after that it lets the body end.
 *
 * @param {Request} request
 * @param {Call} call
 * @param {number} maxEventBytes
 * @returns {AsyncGenerator<{ chunks: unknown[], complete: boolean }, void>}
 * @throws {StreamFailure} The stream failed, at any stage; also where the call was aborted, if it
 *   was waiting for the network then.
 */
export async function* exchange(request, call, maxEventBytes) {
  const response = await openResponse(request, call);
  if (response.body === null) throw new StreamFailure(streamIncomplete());
  const body = response.body.getReader();
  const reader = new ChunkReader(maxEventBytes);
  const pace = new Pace();
  while (true) {
    const bytes = await readBody(body, call);
    if (bytes === null) {
      yield { chunks: reader.finish(), complete: reader.complete };
      if (reader.error !== null) throw new StreamFailure(reader.error);
      return;
    }
    for (let at = 0; at < bytes.length; at += SLICE_BYTES) {
      const chunks = reader.feed(bytes.subarray(at, at + SLICE_BYTES));
      yield { chunks, complete: reader.complete };
      if (reader.error !== null) throw new StreamFailure(reader.error);
      if (reader.complete) {
        await readTail(body);
        return;
      }
      await pace.rest();
      call.checkTimeout();
    }
  }
}

/**
 * @param {Request} request
 * @param {Call} call
 */
async function openResponse(request, call) {
  let response;
  try {
    response = await fetch(request);
  } catch (cause) {
    call.checkTimeout();
    const message = `The server gave no answer: ${describe(cause)}`;
    throw new StreamFailure(createActionError("CONNECTION_ERROR", message, 502));
  }
  call.checkTimeout();
  if (!response.ok) throw new StreamFailure(await readHttpError(response, call));
  const contentType = response.headers.get("content-type") ?? "";
  if (extractEssence(contentType) !== "text/event-stream") {
    const what = contentType ? `content-type "${contentType}"` : "no content-type";
    const message = `The server answered with ${what}, not with text/event-stream: check the URL`;
    throw new StreamFailure(createActionError("NOT_AN_EVENT_STREAM", message, 502));
  }
  return response;
}

/**
 * The next bytes; `null` at the end of a complete body.
 *
 * @param {ReadableStreamDefaultReader<Uint8Array>} body
 * @param {Call} call
 */
async function readBody(body, call) {
  let result;
  try {
    result = await body.read();
  } catch {
    // Connections break in words that differ from browser to browser; what it means does not.
    call.checkTimeout();
    throw new StreamFailure(streamIncomplete());
  }
  call.checkTimeout();
  return result.done ? null : result.value;
}

/**
 * The error object that the body holds, with the real HTTP status; else an `HTTP_ERROR`, in the
 * API's own words where the body has a known shape.
 *
 * @param {Response} response
 * @param {Call} call
 */
async function readHttpError(response, call) {
  const { status, statusText } = response;
  const phrase = `The server answered HTTP ${`${status} ${statusText}`.trim()}`;
  if (!isErrorStatus(status)) return createActionError("HTTP_ERROR", phrase, 502);
  const text = await readErrorBody(response, call);
  const isText = extractEssence(response.headers.get("content-type") ?? "") === "text/plain";
  return readStatusError(status, phrase, text, isText);
}

/**
 * @param {Response} response
 * @param {Call} call
 */
async function readErrorBody(response, call) {
  if (response.body === null) return "";
  const body = response.body.getReader();
  const utf8 = new TextDecoder();
  let text = "";
  let bytesRead = 0;
  try {
    while (bytesRead <= MAX_ERROR_BODY_BYTES) {
      const bytes = await readBody(body, call);
      if (bytes === null) break;
      bytesRead += bytes.length;
      text += utf8.decode(bytes, { stream: true });
    }
  } catch (cause) {
    // An error whose body breaks off is still that error; an abort or a timeout is not.
    if (!(cause instanceof StreamFailure) || cause.actionError.code !== "STREAM_INCOMPLETE") {
      throw cause;
    }
  }
  return text;
}

/**
 * Let the body end after its end event, and ignore what else it holds.
 *
 * Giving it up at once would look to the server like a client that left, and would cost the
 * connection; a body that does not end is given up all the same, when the call closes.
 *
 * @param {ReadableStreamDefaultReader<Uint8Array>} body
 */
async function readTail(body) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const limit = new Promise((resolve) => {
    timer = setTimeout(resolve, MAX_TAIL_MS, { done: true });
  });
  try {
    for (let reads = 0; reads < MAX_TAIL_READS; reads += 1) {
      const { done } = await Promise.race([body.read(), limit]);
      if (done) return;
    }
  } catch {
    // It broke off or was aborted after the end event: nothing is missing.
  } finally {
    clearTimeout(timer);
  }
}
