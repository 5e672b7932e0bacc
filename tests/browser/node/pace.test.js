/** A stream that is there faster than it is read must not hold the page's only thread. */

import assert from "node:assert/strict";
import { setImmediate as nextTurn } from "node:timers/promises";
import { test } from "node:test";

import { createStreamAction } from "../../../python/streamactions/browser/client.js";
import { EVENT_STREAM } from "../support/scripted_server.js";

/** An answer whose every read is there at once: nothing in it ever waits for the event loop. */
function answerAtOnce(t, nextBytes) {
  t.mock.method(globalThis, "fetch", async () => {
    const body = new ReadableStream({
      pull(controller) {
        const bytes = nextBytes();
        if (bytes === null) controller.close();
        else controller.enqueue(bytes);
      },
    });
    return new Response(body, { headers: EVENT_STREAM });
  });
}

const CHUNKS = new TextEncoder().encode('data: {"text":"token"}\n\n'.repeat(2_000));
const DONE = new TextEncoder().encode("event: done\ndata: {}\n\n");

/** Counts the turns of the event loop until `reached`; without one, the stream goes on for ever. */
async function countTurns(limit, reached) {
  for (let turns = 0; turns < limit; turns += 1) await nextTurn();
  reached();
}

test("other tasks run while many reads are there", { timeout: 30_000 }, async (t) => {
  let enough = false;
  let ended = false;
  answerAtOnce(t, () => {
    if (!enough) return CHUNKS;
    if (ended) return null;
    ended = true;
    return DONE;
  });
  void countTurns(5, () => {
    enough = true;
  });
  const handle = createStreamAction("http://127.0.0.1:9/", { keepChunks: false });
  await handle.execute();
  assert.equal(handle.complete, true);
});

test("other tasks run within one large read", { timeout: 30_000 }, async (t) => {
  const read = new Uint8Array(CHUNKS.length * 200);
  for (let at = 0; at < read.length; at += CHUNKS.length) read.set(CHUNKS, at);
  const reads = [read, DONE];
  answerAtOnce(t, () => reads.shift() ?? null);
  let turnsWithin = 0;
  let over = false;
  const counting = (async () => {
    while (!over) {
      await nextTurn();
      turnsWithin += 1;
    }
  })();
  let first = null;
  let last = 0;
  const handle = createStreamAction("http://127.0.0.1:9/", {
    keepChunks: false,
    onChunk() {
      first ??= turnsWithin;
      last = turnsWithin;
    },
  });
  await handle.execute();
  over = true;
  await counting;
  assert.ok(last > first, "400,000 chunks of one read were handled in one turn");
});

test("a stop takes effect between two slices of a read", { timeout: 30_000 }, async (t) => {
  answerAtOnce(t, () => CHUNKS);
  const handle = createStreamAction("http://127.0.0.1:9/", { keepChunks: false });
  const call = handle.execute();
  await nextTurn();
  handle.stop();
  await call;
  assert.equal(handle.complete, false);
});
