/** What is sent: the input as JSON or as a query, and the headers. */

import { isObject } from "./errors.js";

/**
 * @import { StreamActionOptions } from "./types.d.ts"
 * @typedef {StreamActionOptions<any>} Options
 */

/**
 * Encode an input before anything else happens, so that one that cannot be sent changes nothing.
 *
 * The members of a GET's input become its query: strings as they are, a list as one field for each of its
 * items, all else as JSON; `null` is left out. No input counts as `{}`.
 *
 * @param {string} url
 * @param {unknown} input
 * @param {Options} options
 * @returns {{ url: string, method: string, body: string | undefined }}
 * @throws {TypeError} JSON cannot hold the input, or that of a GET is no object.
 */
export function encodeInput(url, input, options) {
  const method = (options.method ?? "POST").toUpperCase();
  const body = JSON.stringify(input ?? {});
  if (body === undefined) {
    throw new TypeError(`the input cannot be sent as JSON: a ${typeof input} has none`);
  }
  if (method !== "GET") return { url, method, body };
  // Read back, so that a query holds what a body would hold.
  const members = JSON.parse(body);
  if (!isObject(members)) {
    throw new TypeError("the input of a GET must be an object: its members become the query");
  }
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(members)) {
    for (const item of Array.isArray(value) ? value : [value]) {
      if (value !== null) query.append(name, typeof item === "string" ? item : JSON.stringify(item));
    }
  }
  return { url: withQuery(url, query.toString()), method, body: undefined };
}

/**
 * The request itself. The caller's own headers replace ours whatever their case.
 *
 * @param {{ url: string, method: string, body: string | undefined }} encoded
 * @param {Options} options
 * @param {AbortSignal} signal
 * @throws {TypeError} The URL, the method or a header is none that `fetch` takes.
 */
export async function createRequest({ url, method, body }, options, signal) {
  const headers = new Headers({ Accept: "text/event-stream" });
  if (body !== undefined) headers.set("Content-Type", "application/json");
  const own = typeof options.headers === "function" ? await options.headers() : options.headers;
  for (const [name, value] of Object.entries(own ?? {})) headers.set(name, value);
  const { credentials = "same-origin" } = options;
  return new Request(url, { method, headers, body, signal, credentials, cache: "no-store" });
}

/**
 * @param {string} url
 * @param {string} query
 */
function withQuery(url, query) {
  if (!query) return url;
  const [address, ...fragment] = url.split("#");
  const separator = address.includes("?") ? "&" : "?";
  return [`${address}${separator}${query}`, ...fragment].join("#");
}
