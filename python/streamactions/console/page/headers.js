/** A person's own request headers, one a line, as `Name: value`. */

/**
 * @param {string} text
 * @returns {{ headers: Record<string, string>, fault: string }} `fault` says which line is none,
 *   and is empty where all are.
 */
export function parseHeaders(text) {
  /** @type {Record<string, string>} */
  const headers = {};
  for (const line of text.split("\n").filter((line) => line.trim() !== "")) {
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(colon, 0)).trim();
    const value = line.slice(colon + 1).trim();
    try {
      new Headers({ [name]: value });
    } catch {
      return { headers, fault: `Not a header, which is written as Name: value: ${line}` };
    }
    headers[name] = value;
  }
  return { headers, fault: "" };
}
