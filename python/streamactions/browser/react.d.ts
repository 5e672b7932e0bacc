import type { StreamActionOptions, StreamActionState } from "./types.d.ts";

export type { ActionError, StreamActionOptions, StreamStatus } from "./types.d.ts";

export interface UseStreamActionReturn<TInput = void, TChunk = unknown>
  extends StreamActionState<TChunk> {
  /** Run the action; resolves when its stream is over. A call that still runs is aborted first. */
  readonly execute: (input: TInput) => Promise<void>;
  /** Abort the stream; unmounting the component and another `url` do it too. */
  readonly stop: () => void;
}

/**
 * A streaming action as state. The component renders at most once per animation frame while
 * chunks come. `execute` and `stop` stay the same functions while `url` stays the same; callbacks
 * and other options may be new at every render.
 *
 * @param url The action's URL; in a page it may be a path.
 * @throws TypeError There is no URL.
 * @throws RangeError `timeout` or `maxEventBytes` is out of range.
 */
export function useStreamAction<TInput = void, TChunk = unknown>(
  url: string,
  options?: StreamActionOptions<TChunk>,
): UseStreamActionReturn<TInput, TChunk>;
