/**
 * A growing run of bytes, for the parts of an event that lie in several reads.
 *
 * Strategy: the capacity doubles, so appending costs amortised O(1) a byte however small the
 * parts are; a list of parts would hold an object for each byte of a stream that drips.
 */

const FIRST_CAPACITY_BYTES = 256;

/** What is kept allocated between two events: an idle stream need not hold its largest event. */
const RETAINED_BYTES = 64 * 1024;

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

export class ByteBuffer {
  #bytes = new Uint8Array(0);
  #length = 0;

  /** How many bytes are held. */
  get length() {
    return this.#length;
  }

  /** @param {Uint8Array} part */
  append(part) {
    const length = this.#length + part.length;
    if (length > this.#bytes.length) {
      const capacity = Math.max(length, 2 * this.#bytes.length, FIRST_CAPACITY_BYTES);
      const grown = new Uint8Array(capacity);
      grown.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = grown;
    }
    this.#bytes.set(part, this.#length);
    this.#length = length;
  }

  /** @param {number} byte */
  includes(byte) {
    return this.#bytes.subarray(0, this.#length).includes(byte);
  }

  /** The bytes as UTF-8, malformed sequences replaced by U+FFFD as the WHATWG's decode does. */
  text() {
    return this.#length === 0 ? "" : utf8.decode(this.#bytes.subarray(0, this.#length));
  }

  clear() {
    this.#length = 0;
    if (this.#bytes.length > RETAINED_BYTES) this.#bytes = new Uint8Array(0);
  }
}
