/**
 * The raw frames of a body: its text, cut behind each blank line, for a person to look at.
 *
 * It reads nothing into them: comments are shown as they came. The decoder proper is `sse.js`.
 */

/** Two line ends of one kind; a body that mixes them is shown in larger pieces. */
const BLANK_LINE = /\r\n\r\n|\n\n|\r\r/;

/** What is kept of a frame that does not end; the client refuses such a one anyway. */
const MAX_OPEN_CHARACTERS = 1_048_576;

export class FrameSplitter {
  #decoder = new TextDecoder();
  #open = "";

  /** @param {Uint8Array} bytes */
  feed(bytes) {
    return this.#split(this.#decoder.decode(bytes, { stream: true }));
  }

  /** What is left where the body ends within a frame. */
  finish() {
    const frames = this.#split(this.#decoder.decode());
    const rest = this.#open;
    this.#open = "";
    return rest === "" ? frames : [...frames, rest];
  }

  /** @param {string} text */
  #split(text) {
    const frames = [];
    // A blank line may begin among the last characters that there were, and in no earlier place.
    let searched = Math.max(this.#open.length - 3, 0);
    this.#open += text;
    let match;
    while ((match = BLANK_LINE.exec(searched > 0 ? this.#open.slice(searched) : this.#open)) !== null) {
      frames.push(this.#open.slice(0, searched + match.index));
      this.#open = this.#open.slice(searched + match.index + match[0].length);
      searched = 0;
    }
    if (this.#open.length > MAX_OPEN_CHARACTERS) {
      frames.push(this.#open);
      this.#open = "";
    }
    return frames;
  }
}
