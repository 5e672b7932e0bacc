/** A handle over time: stopping, starting anew, limits, callbacks that throw, and who is told. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";

import { createStreamAction } from "../../../python/streamactions/browser/client.js";
import { EVENT_STREAM, createGate, startServer, streamOf } from "../support/scripted_server.js";

const DONE = "event: done\ndata: {}\n\n";

/** A server that sends one chunk and waits for the client to leave. */
async function startEndless(t) {
  const left = createGate();
  const url = await startServer(t, async (request, response) => {
    response.writeHead(200, EVENT_STREAM);
    response.write(`data: ${request.text}\n\n`);
    await once(response, "close");
    left.open();
  });
  return { url, left: left.opened };
}

function record(options = {}) {
  const told = [];
  return {
    told,
    onChunk: (chunk) => told.push(["chunk", chunk]),
    onDone: () => told.push(["done"]),
    onError: (error) => told.push(["error", error.code]),
    ...options,
  };
}

test("stop aborts the request and is no error", { timeout: 10_000 }, async (t) => {
  const { url, left } = await startEndless(t);
  const options = record();
  const handle = createStreamAction(url, {
    ...options,
    onChunk(chunk) {
      options.onChunk(chunk);
      handle.stop();
    },
  });
  await handle.execute(1);
  await left;
  assert.equal(handle.status, "done");
  assert.equal(handle.complete, false);
  assert.equal(handle.error, null);
  assert.deepEqual(handle.chunks, [1]);
  assert.deepEqual(options.told, [["chunk", 1]]);
});

test("stop at the last chunk, whose end is there already", async (t) => {
  const url = await startServer(t, streamOf(`data: 1\n\n${DONE}`));
  const options = record();
  const handle = createStreamAction(url, {
    ...options,
    onChunk(chunk) {
      options.onChunk(chunk);
      handle.stop();
    },
  });
  await handle.execute();
  assert.equal(handle.complete, false);
  assert.deepEqual(options.told, [["chunk", 1]]);
});

test("stop before the answer, and stop without a call", { timeout: 10_000 }, async (t) => {
  const asked = createGate();
  const left = createGate();
  const url = await startServer(t, async (request, response) => {
    asked.open();
    await once(response, "close");
    left.open();
  });
  const handle = createStreamAction(url);
  handle.stop();
  assert.equal(handle.status, "idle");
  const call = handle.execute();
  await asked.opened;
  handle.stop();
  handle.stop();
  assert.equal(handle.status, "done");
  await call;
  await left.opened;
});

test("stop while the headers are awaited sends nothing", { timeout: 10_000 }, async (t) => {
  let requests = 0;
  const url = await startServer(t, (request, response) => {
    requests += 1;
    streamOf(DONE)(request, response);
  });
  const token = createGate();
  const handle = createStreamAction(url, { headers: () => token.opened });
  const call = handle.execute();
  handle.stop();
  token.open({});
  await call;
  assert.equal(handle.status, "done");
  assert.equal(handle.complete, false);
  await handle.execute();
  assert.equal(handle.complete, true);
  assert.equal(requests, 1);
});

test("a new execute aborts the one before", { timeout: 10_000 }, async (t) => {
  const { url, left } = await startEndless(t);
  const options = record();
  const first = createGate();
  const handle = createStreamAction(url, {
    ...options,
    onChunk(chunk) {
      options.onChunk(chunk);
      if (chunk === 1) first.open();
      else handle.stop();
    },
  });
  const before = handle.execute(1);
  await first.opened;
  const beforeChunks = handle.chunks;
  const second = handle.execute(2);
  await before;
  // The end of the first is none of the second.
  assert.equal(handle.status, "streaming");
  await second;
  await left;
  assert.deepEqual(handle.chunks, [2]);
  assert.deepEqual(beforeChunks, [1]);
  assert.deepEqual(options.told, [["chunk", 1], ["chunk", 2]]);
});

test("a new execute from a callback of the one before", { timeout: 10_000 }, async (t) => {
  const url = await startServer(t, (request, response) => {
    streamOf(`data: ${request.text}\n\ndata: "never"\n\n`, DONE)(request, response);
  });
  const told = [];
  let second;
  const handle = createStreamAction(url, {
    onChunk(chunk) {
      told.push(chunk);
      if (chunk === 1) second = handle.execute([2]);
    },
    onDone: () => told.push("done"),
  });
  await handle.execute(1);
  await second;
  assert.deepEqual(told, [1, [2], "never", "done"]);
  assert.deepEqual(handle.chunks, [[2], "never"]);
});

for (const [name, respond] of [
  ["before the answer", () => {}],
  ["inside the stream", (request, response) => {
    response.writeHead(200, EVENT_STREAM);
    response.write("data: 1\n\n");
  }],
  ["inside an error's body", (request, response) => {
    response.writeHead(500);
    response.write("{");
  }],
]) {
  test(`a timeout ${name}`, { timeout: 10_000 }, async (t) => {
    const left = createGate();
    const url = await startServer(t, (request, response) => {
      response.on("close", left.open);
      respond(request, response);
    });
    const options = record({ timeout: 150 });
    const handle = createStreamAction(url, options);
    await handle.execute({});
    await left.opened;
    assert.equal(handle.status, "error");
    assert.deepEqual(handle.error, {
      code: "TIMEOUT_ERROR",
      message: "The stream timed out after 150 ms",
      statusCode: 408,
    });
    assert.deepEqual(options.told.at(-1), ["error", "TIMEOUT_ERROR"]);
  });
}

for (const [name, stream] of [
  ["onChunk", `data: 1\n\n${DONE}`],
  ["onDone", DONE],
  ["onError", "event: error\ndata: {}\n\n"],
]) {
  test(`${name} that throws rejects execute`, { timeout: 10_000 }, async (t) => {
    const url = await startServer(t, streamOf(stream));
    const handle = createStreamAction(url, {
      [name]() {
        throw new Error("mine");
      },
    });
    await assert.rejects(handle.execute({}), { message: "mine" });
    assert.equal(handle.status, name === "onError" ? "error" : "done");
    assert.equal(handle.complete, name === "onDone");
  });
}

test("a callback that throws gives the connection up", { timeout: 10_000 }, async (t) => {
  const { url, left } = await startEndless(t);
  const handle = createStreamAction(url, {
    onChunk() {
      throw new Error("mine");
    },
  });
  await assert.rejects(handle.execute(1), { message: "mine" });
  await left;
});

test("without chunks to keep, only the latest is held", async (t) => {
  const url = await startServer(t, streamOf("data: 1\n\ndata: 2\n\n", DONE));
  const told = [];
  const handle = createStreamAction(url, {
    keepChunks: false,
    onChunk: (chunk) => told.push(chunk),
    onDone: (chunks) => told.push(chunks),
  });
  await handle.execute();
  assert.deepEqual(told, [1, 2, []]);
  assert.equal(handle.data, 2);
  assert.deepEqual(handle.getSnapshot().chunks, []);
});

test("listeners are told of the start and the end at once, and of chunks at most once per turn", async (t) => {
  const url = await startServer(t, streamOf("data: 1\n\n".repeat(5_000), DONE));
  const handle = createStreamAction(url);
  const snapshots = [];
  const unsubscribe = handle.subscribe(() => snapshots.push(handle.getSnapshot()));
  const call = handle.execute();
  assert.deepEqual(snapshots.map(({ status }) => status), ["streaming"]);
  await call;
  const last = snapshots.at(-1);
  assert.equal(last.status, "done");
  assert.equal(last.chunks.length, 5_000);
  assert.ok(snapshots.length < 500, `${snapshots.length} updates`);
  unsubscribe();
  unsubscribe();
  const told = snapshots.length;
  await handle.execute();
  assert.equal(snapshots.length, told);
});

test("a snapshot never changes, and is the same until there is news", async (t) => {
  const more = createGate();
  const url = await startServer(t, async (request, response) => {
    response.writeHead(200, EVENT_STREAM);
    response.write("data: 1\n\n");
    await more.opened;
    response.end(`data: 2\n\n${DONE}`);
  });
  const handle = createStreamAction(url);
  assert.deepEqual({ ...handle.getSnapshot() }, { data: null, status: "idle", error: null, complete: false });
  let first;
  handle.subscribe(() => {
    if (handle.getSnapshot().data !== 1 || first) return;
    first = handle.getSnapshot();
    more.open();
  });
  await handle.execute();
  // Asked for only now, its chunks are still those of then.
  assert.deepEqual(first.chunks, [1]);
  assert.equal(first.chunks, first.chunks);
  assert.equal(first.status, "streaming");
  const last = handle.getSnapshot();
  assert.equal(last, handle.getSnapshot());
  assert.deepEqual(last.chunks, [1, 2]);
  assert.notEqual(last.chunks, handle.chunks);
});

test("chunks are not copied where nobody asks for them", async (t) => {
  const url = await startServer(t, streamOf("data: 1\n\n".repeat(5_000), DONE));
  let copies = 0;
  const handle = createStreamAction(url, {
    onChunk() {
      if (handle.chunks.length > 1) return;
      handle.chunks.slice = function slice(...bounds) {
        copies += 1;
        return Array.prototype.slice.apply(this, bounds);
      };
    },
  });
  let updates = 0;
  handle.subscribe(() => {
    updates += handle.getSnapshot().data === 1 ? 1 : 0;
  });
  await handle.execute();
  assert.ok(updates > 0);
  assert.equal(copies, 0);
  // The copy that is asked for is made once.
  assert.equal(handle.getSnapshot().chunks.length, 5_000);
  assert.equal(handle.getSnapshot().chunks.length, 5_000);
  assert.equal(copies, 1);
});

test("two subscriptions of one function are two", async (t) => {
  const url = await startServer(t, streamOf(DONE));
  const handle = createStreamAction(url);
  let told = 0;
  const listener = () => {
    told += 1;
  };
  const unsubscribe = handle.subscribe(listener);
  handle.subscribe(listener);
  unsubscribe();
  await handle.execute();
  assert.equal(told, 2);
});
