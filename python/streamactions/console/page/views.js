/**
 * What a stream has brought, as text, as chunks and as frames.
 *
 * Strategy: what comes is gathered and drawn once per animation frame, and of each view only the
 * end is kept, so that a fast or endless stream costs the page no more than a slow one. A view
 * follows its end as long as nobody has scrolled it up.
 */

import { element } from "./dom.js";
import { formatMs } from "./measures.js";

const MAX_ROWS = 1000;
const MAX_ROW_CHARACTERS = 2000;
const MAX_TEXT_CHARACTERS = 50_000;

/** How far above its end a view still counts as being there. */
const NEAR_END_PX = 40;

/** Rows with their number and time, of which the last ones are shown. */
export class RowsView {
  #container;
  #note;
  #list = element("ol", { class: "rows" });
  /** @type {{ number: number, text: string, ms: number }[]} */
  #waiting = [];
  #count = 0;

  /** @param {HTMLElement} container */
  constructor(container) {
    this.#container = container;
    this.#note = element("p", { class: "note", hidden: true });
    container.append(this.#note, this.#list);
  }

  get count() {
    return this.#count;
  }

  clear() {
    this.#count = 0;
    this.#waiting = [];
    this.#list.replaceChildren();
    this.#note.hidden = true;
  }

  /**
   * @param {string} text
   * @param {number} ms
   */
  add(text, ms) {
    this.#count += 1;
    this.#waiting.push({ number: this.#count, text: shorten(text), ms });
    // Twice as many, so that the cut is rare.
    if (this.#waiting.length > 2 * MAX_ROWS) this.#waiting = this.#waiting.slice(-MAX_ROWS);
  }

  draw() {
    if (this.#waiting.length === 0) return;
    const follow = isAtEnd(this.#container);
    const rows = this.#waiting.slice(-MAX_ROWS);
    this.#waiting = [];
    const surplus = this.#list.children.length + rows.length - MAX_ROWS;
    for (let count = 0; count < surplus; count += 1) this.#list.firstElementChild?.remove();
    this.#list.append(
      ...rows.map(({ number, text, ms }) =>
        element(
          "li",
          {},
          element("span", { class: "number" }, number.toLocaleString("en")),
          element("span", { class: "time" }, formatMs(ms)),
          element("code", {}, text),
        ),
      ),
    );
    this.#note.hidden = this.#count <= MAX_ROWS;
    this.#note.textContent = `The last ${MAX_ROWS.toLocaleString("en")} of ${this.#count.toLocaleString("en")}`;
    if (follow) scrollToEnd(this.#container);
  }
}

/** The text of all chunks, of which the end is shown. */
export class TextView {
  #container;
  #note = element("p", { class: "note", hidden: true }, "The beginning is cut off");
  #text = element("div", { class: "text" });
  #waiting = "";
  #length = 0;

  /** @param {HTMLElement} container */
  constructor(container) {
    this.#container = container;
    container.append(this.#note, this.#text);
  }

  clear() {
    this.#waiting = "";
    this.#length = 0;
    this.#text.replaceChildren();
    this.#note.hidden = true;
  }

  /** @param {string} text */
  add(text) {
    this.#waiting += text;
    if (this.#waiting.length > 2 * MAX_TEXT_CHARACTERS) {
      this.#waiting = this.#waiting.slice(-MAX_TEXT_CHARACTERS);
    }
  }

  draw() {
    if (this.#waiting === "") return;
    const follow = isAtEnd(this.#container);
    this.#length += this.#waiting.length;
    this.#text.append(document.createTextNode(this.#waiting));
    this.#waiting = "";
    while (this.#length > MAX_TEXT_CHARACTERS && this.#text.childNodes.length > 1) {
      const oldest = /** @type {Text} */ (this.#text.firstChild);
      this.#length -= oldest.length;
      oldest.remove();
      this.#note.hidden = false;
    }
    if (follow) scrollToEnd(this.#container);
  }
}

/**
 * The text that a chunk carries, in the spellings that are in use; `null` where it carries none.
 *
 * @param {any} chunk
 * @returns {string | null}
 */
export function textOf(chunk) {
  if (typeof chunk === "string") return chunk;
  const choice = chunk?.choices?.[0];
  const places = [chunk?.text, chunk?.content, chunk?.token, chunk?.delta, choice?.delta?.content, choice?.text];
  return places.find((place) => typeof place === "string") ?? null;
}

/** @param {string} text */
function shorten(text) {
  if (text.length <= MAX_ROW_CHARACTERS) return text;
  return `${text.slice(0, MAX_ROW_CHARACTERS)}… (${text.length.toLocaleString("en")} characters)`;
}

/** @param {HTMLElement} container */
function isAtEnd({ scrollHeight, scrollTop, clientHeight }) {
  return scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
}

/** @param {HTMLElement} container */
function scrollToEnd(container) {
  container.scrollTop = container.scrollHeight;
}
