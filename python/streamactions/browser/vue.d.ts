import type { Ref } from "vue";

import type { ActionError, StreamActionOptions, StreamStatus } from "./types.d.ts";

export type { ActionError, StreamActionOptions, StreamStatus } from "./types.d.ts";

export interface UseStreamActionReturn<TInput = void, TChunk = unknown> {
  /** Run the action; resolves when its stream is over. A call that still runs is aborted first. */
  execute: (input: TInput) => Promise<void>;
  /** Abort the stream; unmounting the component does it too. */
  stop: () => void;
  /** All chunks of the latest call so far: one array, which grows. */
  chunks: Readonly<Ref<TChunk[]>>;
  /** The latest chunk. */
  data: Readonly<Ref<TChunk | null>>;
  status: Readonly<Ref<StreamStatus>>;
  /** Why the stream failed, exactly while `status` is `"error"`. */
  error: Readonly<Ref<ActionError | null>>;
  /** The server said that the stream is complete; `false` after `stop`. */
  complete: Readonly<Ref<boolean>>;
}

/**
 * A streaming action as refs. Reading one gives the current state; effects run at most once per
 * animation frame while chunks come.
 *
 * @param url The action's URL; in a page it may be a path.
 * @throws TypeError There is no URL.
 * @throws RangeError `timeout` or `maxEventBytes` is out of range.
 */
export function useStreamAction<TInput = void, TChunk = unknown>(
  url: string,
  options?: StreamActionOptions<TChunk>,
): UseStreamActionReturn<TInput, TChunk>;
