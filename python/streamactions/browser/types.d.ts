/** `"done"` says that the call is over without a failure; `complete` tells why. */
export type StreamStatus = "idle" | "streaming" | "done" | "error";

/** Why a stream failed. */
export interface ActionError {
  /**
   * A constant for programs to switch on: one of the server's, or of the client's own
   * `STREAM_INCOMPLETE`, `TIMEOUT_ERROR`, `CONNECTION_ERROR`, `HTTP_ERROR`,
   * `NOT_AN_EVENT_STREAM`, `INVALID_CHUNK` and `EVENT_TOO_LARGE`.
   */
  readonly code: string;
  /** One line for people. */
  readonly message: string;
  /** The HTTP status that the error stands for, 400 to 599. */
  readonly statusCode: number;
  /** Messages by dotted field path, where an input was refused. */
  readonly fieldErrors?: Readonly<Record<string, string[]>>;
}

type HeaderFields = Record<string, string>;

/** What a callback returns is ignored; one that throws ends the call, and `execute` rejects. */
export interface StreamActionOptions<TChunk = unknown> {
  /** The HTTP method, `"POST"` if not given. A GET sends its input as query parameters. */
  method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Header fields, or a function that gives them before each request. */
  headers?: HeaderFields | (() => HeaderFields | Promise<HeaderFields>);
  /** The limit of a whole call, in milliseconds (`TIMEOUT_ERROR`); none if not given. */
  timeout?: number;
  /** Whether cookies are sent, in the words of `fetch`; `"same-origin"` if not given. */
  credentials?: "omit" | "same-origin" | "include";
  /** The bound in bytes on what one event may hold (`EVENT_TOO_LARGE`); 1 MiB if not given. */
  maxEventBytes?: number;
  /** Whether `chunks` fills, which it does if not given; `false` for a stream without end. */
  keepChunks?: boolean;
  /** Called with each chunk as it comes, not once per frame. */
  onChunk?: (chunk: TChunk) => void;
  /** Called with all chunks once the server said that the stream is complete. */
  onDone?: (allChunks: TChunk[]) => void;
  /** Called with the error of a stream that failed. */
  onError?: (error: ActionError) => void;
}

/** The state of a stream. */
export interface StreamActionState<TChunk = unknown> {
  /** Every chunk of the latest call so far; a new call starts a new array. */
  readonly chunks: readonly TChunk[];
  /** The latest chunk, or `null`. */
  readonly data: TChunk | null;
  readonly status: StreamStatus;
  /** Why the stream failed, exactly while `status` is `"error"`; else `null`. */
  readonly error: ActionError | null;
  /** The server said that the stream is complete; `false` after `stop`. */
  readonly complete: boolean;
}

/** The state at one moment; none of it changes any more, its `chunks` included. */
export type StreamActionSnapshot<TChunk = unknown> = StreamActionState<TChunk>;

/** A stream that can be started, watched, stopped and started again. Its own state is current. */
export interface StreamActionHandle<TInput = void, TChunk = unknown>
  extends StreamActionState<TChunk> {
  /**
   * Run the action; resolves when its stream is over, however it ended. A call that is still
   * running is aborted first: it resolves too, and its callbacks are not called again.
   *
   * Rejects with a TypeError where the request cannot be made, and with whatever a callback threw.
   */
  readonly execute: (input: TInput) => Promise<void>;
  /** Abort the call that is running, if any: no callback is called any more, and no error is set. */
  readonly stop: () => void;
  /**
   * Be told of changes: at once when a call starts or ends, else at most once per animation frame.
   * Returns the function that ends it.
   */
  readonly subscribe: (listener: () => void) => () => void;
  /** The state as it was last told; the same object until there is news. */
  readonly getSnapshot: () => StreamActionSnapshot<TChunk>;
}
