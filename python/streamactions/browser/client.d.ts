import type { StreamActionHandle, StreamActionOptions } from "./types.d.ts";

export type {
  ActionError,
  StreamActionHandle,
  StreamActionOptions,
  StreamActionSnapshot,
  StreamStatus,
} from "./types.d.ts";
export { EventTooLargeError, SSEDecoder, type ServerSentEvent } from "./sse.js";

/**
 * Make a handle on a streaming action; nothing is sent before `execute`.
 *
 * @param url The action's URL; in a page it may be a path.
 * @throws TypeError There is no URL.
 * @throws RangeError `timeout` or `maxEventBytes` is out of range.
 */
export function createStreamAction<TInput = void, TChunk = unknown>(
  url: string,
  options?: StreamActionOptions<TChunk>,
): StreamActionHandle<TInput, TChunk>;
