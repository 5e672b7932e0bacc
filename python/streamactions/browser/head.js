/**
 * What the head of a response says of its body, and what an HTTP error's body says, in the API's
 * own words where it has one of the shapes that APIs use. Likewise in the Python client.
 */

import { createActionError, isObject, readActionError } from "./errors.js";

/** @import { ActionError } from "./types.d.ts" */

/** How long the message of an API is at most: it is for one line of a page. */
const MAX_WORDS_CHARS = 2000;

/** How deep within one another, and how many beside one another, messages are looked for. */
const MAX_WORDS_DEPTH = 6;
const MAX_WORDS_PARTS = 20;

/** The members of an error object that may hold its message, the more telling first. */
const MESSAGE_MEMBERS = ["error_description", "message", "detail", "title", "msg", "errors", "error"];

/** What is between two commas that are not within quotes ("get, decode, and split"). */
const PART = /(?:[^",]|"(?:[^"\\]|\\[^])*(?:"|\\?$))*/y;

/** A type and a subtype, which are tokens, before the parameters. */
const ESSENCE = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+\/[!#$%&'*+.^_`|~0-9A-Za-z-]+(?=[ \t\r\n]*(?:;|$))/;

/**
 * The media type that counts of a field that may have come twice, joined by commas, in lower case
 * (Fetch standard, "extract a MIME type"); `null` where there is none.
 *
 * @param {string} contentType
 * @returns {string | null}
 */
export function extractEssence(contentType) {
  let essence = null;
  for (let position = 0; position <= contentType.length; ) {
    PART.lastIndex = position;
    const part = PART.exec(contentType)?.[0] ?? "";
    position += part.length + 1;
    const found = ESSENCE.exec(part.trim())?.[0];
    if (found !== undefined && found !== "*/*") essence = found.toLowerCase();
  }
  return essence;
}

/**
 * The error for a response with an error's status.
 *
 * @param {number} status
 * @param {string} phrase What to say where the body says nothing.
 * @param {string} text As much of its body as was read.
 * @param {boolean} isText Whether it is for people to read.
 * @returns {ActionError}
 */
export function readStatusError(status, phrase, text, isText) {
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    value = isText ? text : null;
  }
  if (isObject(value) && typeof value.code === "string" && typeof value.message === "string") {
    return readActionError({ ...value, statusCode: status });
  }
  const words = (findWords(value, MAX_WORDS_DEPTH) ?? phrase).trim().split(/\s+/).join(" ");
  const letters = [...words];
  const isLong = letters.length > MAX_WORDS_CHARS;
  return createActionError(
    "HTTP_ERROR",
    isLong ? `${letters.slice(0, MAX_WORDS_CHARS).join("")}…` : words,
    status,
  );
}

/**
 * The message in a decoded body, if any.
 *
 * @param {unknown} value
 * @param {number} depth
 * @returns {string | null}
 */
function findWords(value, depth) {
  if (typeof value === "string") return value.trim() ? value : null;
  if (depth === 0) return null;
  if (Array.isArray(value)) {
    const found = value.slice(0, MAX_WORDS_PARTS).map((part) => findWords(part, depth - 1));
    return found.filter((words) => words !== null).join("; ") || null;
  }
  if (!isObject(value)) return null;
  const members = new Map(
    Object.entries(value).map(([name, member]) => [name.toLowerCase(), member]),
  );
  const inner = isObject(members.get("error")) ? findWords(members.get("error"), depth - 1) : null;
  if (inner !== null) return inner;
  for (const name of MESSAGE_MEMBERS) {
    const words = findWords(members.get(name), depth - 1);
    if (words === null) continue;
    const place = members.get("loc");
    return name === "msg" && Array.isArray(place) ? `${place.join(".")}: ${words}` : words;
  }
  return null;
}
