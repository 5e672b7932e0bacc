/** Runs one stream to its end and records what its callbacks were told. */

import { createStreamAction } from "../../../python/streamactions/browser/client.js";

export async function execute(url, input, options = {}) {
  const told = [];
  const handle = createStreamAction(url, {
    onChunk: (chunk) => told.push(["chunk", chunk]),
    onDone: (chunks) => told.push(["done", [...chunks]]),
    onError: (error) => told.push(["error", error.code]),
    ...options,
  });
  await handle.execute(input);
  const { chunks, data, status, error, complete } = handle;
  return { handle, told, chunks, data, status, error, complete };
}
