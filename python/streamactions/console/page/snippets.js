/** The same call as a line for a shell, for Python, and for JavaScript, ready to paste and run. */

/**
 * @typedef {object} Wanted
 * @property {string} url The action's, without a query.
 * @property {string} method
 * @property {unknown} input
 * @property {{ url: string, body: string | undefined }} encoded What the browser client would send.
 * @property {Record<string, string>} headers The person's own.
 * @property {string} client The URL of the browser client.
 */

/** @type {Record<string, (wanted: Wanted) => string>} */
export const SNIPPETS = { curl, python, javascript };

/** @param {Wanted} wanted */
function curl({ method, encoded, headers }) {
  const lines = [`curl -N ${quote(encoded.url)}`];
  // With a body, curl posts by itself.
  if (method !== (encoded.body === undefined ? "GET" : "POST")) lines.push(`-X ${method}`);
  lines.push(`-H ${quote("Accept: text/event-stream")}`);
  if (encoded.body !== undefined) lines.push(`-H ${quote("Content-Type: application/json")}`);
  for (const [name, value] of Object.entries(headers)) lines.push(`-H ${quote(`${name}: ${value}`)}`);
  if (encoded.body !== undefined) lines.push(`--data-raw ${quote(encoded.body)}`);
  return lines.join(" \\\n  ");
}

/** @param {Wanted} wanted */
function python({ url, method, input, headers }) {
  const options = [pythonLiteral(url)];
  if (method !== "POST") options.push(`method=${pythonLiteral(method)}`);
  if (Object.keys(headers).length > 0) options.push(`headers=${pythonLiteral(headers)}`);
  return `import asyncio

from streamactions import use_stream_action


async def main() -> None:
    action = use_stream_action(${options.join(", ")})
    async for chunk in action.stream(${pythonLiteral(input)}):
        print(chunk)


asyncio.run(main())`;
}

/** @param {Wanted} wanted */
function javascript({ url, method, input, headers, client }) {
  const options = [];
  if (method !== "POST") options.push(`method: ${JSON.stringify(method)},`);
  if (Object.keys(headers).length > 0) options.push(`headers: ${JSON.stringify(headers)},`);
  options.push("onChunk: (chunk) => console.log(chunk),", "onError: (error) => console.error(error),");
  return `import { createStreamAction } from ${JSON.stringify(client)};

const action = createStreamAction(${JSON.stringify(url)}, {
${options.map((option) => `  ${option}`).join("\n")}
});
await action.execute(${JSON.stringify(input, null, 2)});`;
}

/**
 * For a POSIX shell.
 *
 * @param {string} text
 */
function quote(text) {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/**
 * @param {any} value
 * @returns {string}
 */
function pythonLiteral(value) {
  if (value === null || value === undefined) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (Array.isArray(value)) return `[${value.map(pythonLiteral).join(", ")}]`;
  if (typeof value === "object") {
    const items = Object.entries(value).map(([key, item]) => `${pythonLiteral(key)}: ${pythonLiteral(item)}`);
    return `{${items.join(", ")}}`;
  }
  // Every escape of a JSON string is one of Python's; a lone surrogate stays an escape in both.
  return JSON.stringify(value);
}
