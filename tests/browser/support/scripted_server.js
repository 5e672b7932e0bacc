/**
 * An HTTP server whose answers a test writes.
 *
 * `respond` is called with each request; it may write the body piece by piece, wait in between,
 * break the connection, or never end it.
 */

import { once } from "node:events";
import { createServer } from "node:http";

export const EVENT_STREAM = { "content-type": "text/event-stream" };

/**
 * @param {import("node:test").TestContext} t Closes the server when it ends.
 * @param {(request: import("node:http").IncomingMessage & { text: string },
 *          response: import("node:http").ServerResponse) => unknown} respond
 */
export async function startServer(t, respond) {
  const server = createServer(async (request, response) => {
    const pieces = [];
    for await (const piece of request) pieces.push(piece);
    request.text = Buffer.concat(pieces).toString();
    await respond(request, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${server.address().port}/action`;
}

/** Answer with an event stream of this text, whole. */
export function streamOf(...texts) {
  return (request, response) => {
    response.writeHead(200, EVENT_STREAM);
    response.end(texts.join(""));
  };
}

/** A promise and the function that resolves it. */
export function createGate() {
  let open;
  const opened = new Promise((resolve) => {
    open = resolve;
  });
  return { open, opened };
}
