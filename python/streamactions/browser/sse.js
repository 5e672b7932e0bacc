/**
 * Bytes to events: an incremental decoder of the WHATWG event stream format.
 *
 * Rules: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 *
 * Strategy: a state machine over bytes whose state is the place inside the current line, so that
 * input may be cut anywhere. No line is stored: bytes of a value go where they belong, ignored
 * bytes go nowhere, and each byte is searched for a line end once, so the cost is linear however
 * the input is cut. Text is made of whole values only: CR, LF and colon are never part of a longer
 * UTF-8 sequence, so decoding each value gives what decoding the whole stream first would give.
 */

import { ByteBuffer } from "./bytes.js";

/** @import { SSEDecoder as Decoder, ServerSentEvent } from "./sse.d.ts" */

export const DEFAULT_MAX_EVENT_BYTES = 1_048_576;

/** Where `retry` is cut off: the largest integer that every reader of JSON agrees about. */
const MAX_RETRY_MS = Number.MAX_SAFE_INTEGER;

const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const COLON = 0x3a;
const BOM = [0xef, 0xbb, 0xbf];

/** The longest field name that has a meaning (`event`, `retry`). */
const NAME_BYTES = 5;
const FIELDS = new Set(["data", "event", "id", "retry"]);
const LINE_FEED = Uint8Array.of(LF);

/** The places at which the next byte may stand. */
const Place = Object.freeze({
  BOM: 0, // at the start of the stream, after none or some bytes of a BOM
  START: 1, // at the start of a line
  AFTER_CR: 2, // as START, but an LF belongs to the line end before: an event never waits for it
  NAME: 3, // inside a field name
  AFTER_COLON: 4, // one space here is not part of the value
  VALUE: 5, // inside a value
  IGNORED: 6, // inside a comment or an unknown field
  TOO_LARGE: 7, // after an event over the bound, for good: the rest cannot be trusted
});

/** One event holds more than the decoder's bound. */
export class EventTooLargeError extends Error {
  /**
   * @param {number} maxEventBytes
   * @param {ServerSentEvent[]} events
   */
  constructor(maxEventBytes, events) {
    super(`an event is larger than maxEventBytes (${maxEventBytes} bytes)`);
    this.name = "EventTooLargeError";
    this.maxEventBytes = maxEventBytes;
    this.events = events;
  }
}

/** @implements {Decoder} */
export class SSEDecoder {
  #maxEventBytes;
  /** @type {number} */
  #place = Place.BOM;
  #bomBytes = 0;
  /** The field name so far; a byte beyond ASCII becomes a character that no name has. */
  #name = "";
  /** The value so far of an `event` or `id` line. */
  #value = new ByteBuffer();
  /** The number so far of a `retry` line: `null` before its first digit, NaN once it is none. */
  #retryDigits = /** @type {number | null} */ (null);
  /** The data lines of the unfinished event, joined by LF. */
  #data = new ByteBuffer();
  /** Whether the event has a data line; `data:` alone is an event with empty data. */
  #hasData = false;
  #event = new ByteBuffer();
  /** The unfinished event's ID; it counts only once its blank line has come. */
  #id = new ByteBuffer();
  #hasId = false;
  /** @type {number | null} */
  #eventRetryMs = null;

  lastEventId = "";
  /** @type {number | null} */
  retryMs = null;

  /** @param {{ maxEventBytes?: number }} [options] */
  constructor({ maxEventBytes = DEFAULT_MAX_EVENT_BYTES } = {}) {
    if (!Number.isSafeInteger(maxEventBytes) || maxEventBytes < 1) {
      throw new RangeError(`maxEventBytes must be an integer above 0, not ${maxEventBytes}`);
    }
    this.#maxEventBytes = maxEventBytes;
  }

  get bufferedBytes() {
    return this.#data.length + this.#event.length + this.#id.length + this.#value.length;
  }

  /** @param {Uint8Array} bytes */
  feed(bytes) {
    /** @type {ServerSentEvent[]} */
    const events = [];
    const lineEnds = new LineEnds(bytes);
    let at = 0;
    // Runs once more than there are bytes where the place is TOO_LARGE, so that this is sticky.
    while (at < bytes.length || this.#place === Place.TOO_LARGE) {
      const byte = bytes[at];
      switch (this.#place) {
        case Place.VALUE: {
          const end = lineEnds.next(at);
          this.#hold(bytes.subarray(at, end));
          if (this.#tooLarge) break;
          if (end < bytes.length) this.#finishField(bytes[end]);
          at = end + 1;
          break;
        }
        case Place.START:
          if (byte === LF || byte === CR) {
            this.#finishEvent(events);
            this.#startLine(byte);
            at += 1;
          } else if (byte === COLON) {
            this.#place = Place.IGNORED;
          } else {
            this.#name = "";
            this.#place = Place.NAME;
          }
          break;
        case Place.NAME:
          this.#readNameByte(byte);
          at += 1;
          break;
        case Place.AFTER_COLON:
          if (byte === SPACE) at += 1;
          this.#place = Place.VALUE;
          break;
        case Place.AFTER_CR:
          if (byte === LF) at += 1;
          this.#place = Place.START;
          break;
        case Place.IGNORED: {
          const end = lineEnds.next(at);
          if (end < bytes.length) this.#startLine(bytes[end]);
          at = end + 1;
          break;
        }
        case Place.BOM:
          if (byte === BOM[this.#bomBytes]) {
            at += 1;
            this.#bomBytes += 1;
            if (this.#bomBytes === BOM.length) this.#place = Place.START;
          } else {
            // A part of a BOM opens a line that no field name matches.
            this.#place = this.#bomBytes === 0 ? Place.START : Place.IGNORED;
          }
          break;
        case Place.TOO_LARGE:
          throw new EventTooLargeError(this.#maxEventBytes, events);
      }
    }
    return events;
  }

  /** @param {number} byte */
  #readNameByte(byte) {
    if (byte === COLON || byte === LF || byte === CR) {
      if (!FIELDS.has(this.#name)) {
        this.#place = Place.IGNORED;
      } else {
        this.#beginField();
        if (this.#tooLarge) return;
        this.#place = Place.AFTER_COLON;
        // A line without a colon is a field with an empty value.
        if (byte !== COLON) this.#finishField(byte);
      }
      if (byte !== COLON) this.#startLine(byte);
    } else if (this.#name.length === NAME_BYTES) {
      this.#place = Place.IGNORED;
    } else {
      this.#name += String.fromCharCode(byte);
    }
  }

  #beginField() {
    if (this.#name === "retry") {
      this.#retryDigits = null;
    } else if (this.#name === "data") {
      if (this.#hasData) this.#hold(LINE_FEED);
      this.#hasData = true;
    }
  }

  /**
   * Bytes of the current field's value.
   * @param {Uint8Array} part
   */
  #hold(part) {
    if (this.#name === "retry") {
      for (const byte of part) {
        const digit = byte - 0x30;
        const valueMs = (this.#retryDigits ?? 0) * 10 + digit;
        this.#retryDigits = digit >= 0 && digit <= 9 ? Math.min(valueMs, MAX_RETRY_MS) : NaN;
        if (Number.isNaN(this.#retryDigits)) return;
      }
      return;
    }
    if (part.length > this.#maxEventBytes - this.bufferedBytes) {
      this.#place = Place.TOO_LARGE;
      for (const held of [this.#data, this.#event, this.#id, this.#value]) held.clear();
      return;
    }
    (this.#name === "data" ? this.#data : this.#value).append(part);
  }

  /** @param {number} lineEnd */
  #finishField(lineEnd) {
    if (this.#name === "retry") {
      if (this.#retryDigits !== null && !Number.isNaN(this.#retryDigits)) {
        this.retryMs = this.#eventRetryMs = this.#retryDigits;
      }
    } else if (this.#name === "event") {
      [this.#event, this.#value] = [this.#value, this.#event];
    } else if (this.#name === "id" && !this.#value.includes(0)) {
      [this.#id, this.#value] = [this.#value, this.#id];
      this.#hasId = true;
    }
    this.#value.clear();
    this.#startLine(lineEnd);
  }

  /** @param {ServerSentEvent[]} events */
  #finishEvent(events) {
    if (this.#hasId) {
      this.lastEventId = this.#id.text();
      this.#id.clear();
      this.#hasId = false;
    }
    if (this.#hasData) {
      events.push({
        event: this.#event.text() || "message",
        data: this.#data.text(),
        id: this.lastEventId,
        retryMs: this.#eventRetryMs,
      });
      this.#hasData = false;
      this.#data.clear();
    }
    this.#event.clear();
    this.#eventRetryMs = null;
  }

  /** @param {number} lineEnd */
  #startLine(lineEnd) {
    this.#place = lineEnd === CR ? Place.AFTER_CR : Place.START;
  }

  get #tooLarge() {
    return this.#place === Place.TOO_LARGE;
  }
}

/** Finds the line ends of one read; no byte is searched twice for the same kind of end. */
class LineEnds {
  #nextLf = -1;
  #nextCr = -1;

  /** @param {Uint8Array} bytes */
  constructor(bytes) {
    this.bytes = bytes;
  }

  /**
   * The first CR or LF from here on; the length of the bytes where there is none.
   * @param {number} at
   */
  next(at) {
    if (this.#nextLf < at) this.#nextLf = this.#find(LF, at);
    if (this.#nextCr < at) this.#nextCr = this.#find(CR, at);
    return Math.min(this.#nextLf, this.#nextCr);
  }

  /**
   * @param {number} byte
   * @param {number} at
   */
  #find(byte, at) {
    const found = this.bytes.indexOf(byte, at);
    return found < 0 ? this.bytes.length : found;
  }
}
