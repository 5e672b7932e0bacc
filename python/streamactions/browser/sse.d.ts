/** One event of a stream. */
export interface ServerSentEvent {
  /** The event's type: `"message"` where the stream names none. */
  readonly event: string;
  /** The data lines, joined by LF. */
  readonly data: string;
  /** The stream's last event ID, of this event or of one before it; `""` if none. */
  readonly id: string;
  /** The reconnection time in milliseconds, if this event's own block names one. */
  readonly retryMs: number | null;
}

/**
 * An incremental decoder of Server-Sent Events, without I/O.
 *
 * It follows the WHATWG rules exactly, and what it gives never depends on where the input was
 * cut. An event whose blank line has not come is never given.
 */
export class SSEDecoder {
  /**
   * @param options `maxEventBytes`: the bound in bytes on what one event may hold, as received:
   *   its data, `event` and `id`, an unfinished line included. 1 MiB where it is not given.
   * @throws RangeError `maxEventBytes` is no integer above 0.
   */
  constructor(options?: { maxEventBytes?: number });

  /**
   * Take the stream's next bytes and return the events that they complete.
   *
   * @throws EventTooLargeError an event holds more than `maxEventBytes`; every later call throws
   *   again.
   */
  feed(bytes: Uint8Array): ServerSentEvent[];

  /** The stream's last event ID as of its last blank line, `""` if none. */
  readonly lastEventId: string;
  /** The stream's last valid `retry` in milliseconds, at most 2^53 - 1. */
  readonly retryMs: number | null;
  /** How many bytes of the unfinished event are held; never more than `maxEventBytes`. */
  readonly bufferedBytes: number;
}

/** One event of an incoming stream is larger than the decoder's `maxEventBytes`. */
export class EventTooLargeError extends Error {
  constructor(maxEventBytes: number, events: ServerSentEvent[]);
  readonly maxEventBytes: number;
  /** The events that the same `feed` completed before the one that is too large. */
  readonly events: ServerSentEvent[];
}

export const DEFAULT_MAX_EVENT_BYTES: number;
