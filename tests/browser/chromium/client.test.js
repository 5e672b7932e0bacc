/** The client without a framework, in a real browser against the real server. */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";

import { useChromium, waitUntilLeft } from "../support/chromium.js";

const openPage = useChromium();

/** Runs one stream in the page; what it told and how it ended. */
function execute(page, url, input, options = {}) {
  return page.evaluate(
    async ({ url, input, options }) => {
      const { createStreamAction } = await import("streamactions/client.js");
      const told = [];
      const handle = createStreamAction(url, {
        ...options,
        onChunk: (chunk) => told.push(["chunk", chunk]),
        onDone: (chunks) => told.push(["done", chunks.length]),
        onError: (error) => told.push(["error", error.code]),
      });
      await handle.execute(input);
      const { chunks, data, status, error, complete } = handle;
      return { told, chunks, data, status, error, complete };
    },
    { url, input, options },
  );
}

for (const prefix of ["/api/_actions", "/nuxt/api/_actions"]) {
  test(`a stream from ${prefix}`, async (t) => {
    const outcome = await execute(await openPage(t), `${prefix}/ai-chat`, { prompt: "héllo wörld 😀" });
    const chunks = [{ text: "héllo" }, { text: "wörld" }, { text: "😀" }];
    assert.deepEqual(outcome.told, [...chunks.map((chunk) => ["chunk", chunk]), ["done", 3]]);
    assert.deepEqual(outcome.chunks, chunks);
    assert.deepEqual(outcome.data, { text: "😀" });
    assert.equal(outcome.status, "done");
    assert.equal(outcome.complete, true);
  });

  test(`a refused input from ${prefix}`, async (t) => {
    const outcome = await execute(await openPage(t), `${prefix}/ai-chat`, { prompt: "" });
    assert.equal(outcome.status, "error");
    assert.equal(outcome.error.code, "VALIDATION_ERROR");
    assert.equal(outcome.error.statusCode, 422);
    assert.deepEqual(Object.keys(outcome.error.fieldErrors), ["prompt"]);
    assert.deepEqual(outcome.told, [["error", "VALIDATION_ERROR"]]);
  });

  test(`an error inside a stream from ${prefix}`, async (t) => {
    const outcome = await execute(await openPage(t), `${prefix}/fail`, { prompt: "hi" });
    assert.deepEqual(outcome.error, { code: "RATE_LIMITED", message: "Too many requests", statusCode: 429 });
    assert.deepEqual(outcome.told, [["chunk", { text: "hi" }], ["error", "RATE_LIMITED"]]);
  });
}

test("an error with its real status, where the caller asks for JSON", async (t) => {
  const page = await openPage(t, undefined, { expected: /422/ });
  const options = { headers: { accept: "application/json" } };
  const outcome = await execute(page, "/api/_actions/ai-chat", { prompt: "" }, options);
  assert.equal(outcome.error.code, "VALIDATION_ERROR");
  assert.deepEqual(Object.keys(outcome.error.fieldErrors), ["prompt"]);
});

test("a page instead of an action", async (t) => {
  const outcome = await execute(await openPage(t), "/", undefined, { method: "GET" });
  assert.equal(outcome.error.code, "NOT_AN_EVENT_STREAM");
});

test("stop cancels the handler on the server", async (t) => {
  const page = await openPage(t);
  const name = randomUUID();
  const outcome = await page.evaluate(async (name) => {
    const { createStreamAction } = await import("streamactions/client.js");
    const handle = createStreamAction("/api/_actions/endless", {
      onChunk: () => handle.chunks.length === 3 && handle.stop(),
    });
    await handle.execute({ name });
    return { status: handle.status, complete: handle.complete, chunks: handle.chunks.length };
  }, name);
  assert.deepEqual(outcome, { status: "done", complete: false, chunks: 3 });
  await waitUntilLeft(name);
});

test("a timeout cancels the handler on the server", async (t) => {
  const name = randomUUID();
  const outcome = await execute(await openPage(t), "/api/_actions/endless", { name }, { timeout: 200 });
  assert.equal(outcome.error.code, "TIMEOUT_ERROR");
  await waitUntilLeft(name);
});

/** Counts animation frames, and notes in which of them the handle told of news. */
function executeCountingFrames(page, input) {
  return page.evaluate(async (input) => {
    const { createStreamAction } = await import("streamactions/client.js");
    let frames = 0;
    let lastFrameMs = performance.now();
    let longestGapMs = 0;
    const countFrame = () => {
      frames += 1;
      const nowMs = performance.now();
      longestGapMs = Math.max(longestGapMs, nowMs - lastFrameMs);
      lastFrameMs = nowMs;
      requestAnimationFrame(countFrame);
    };
    // Runs first in each frame, as it asks for the next one before anything else does.
    await new Promise((resolve) => requestAnimationFrame(() => resolve(countFrame())));
    const handle = createStreamAction("/api/_actions/numbers");
    const updates = [];
    handle.subscribe(() => {
      const { status, data } = handle.getSnapshot();
      updates.push({ frame: frames, status, i: data?.i });
    });
    await handle.execute(input);
    return {
      inOrder: handle.chunks.every(({ i }, at) => i === at),
      chunks: handle.chunks.length,
      complete: handle.complete,
      updates,
      frames,
      longestGapMs,
    };
  }, input);
}

for (const [name, input] of [
  ["10,000 chunks a second", { count: 20_000, per_tick: 100, tick_s: 0.01 }],
  ["300,000 chunks at once", { count: 300_000, per_tick: 300_000, tick_s: 0 }],
]) {
  test(`${name} give at most one update per animation frame`, async (t) => {
    const outcome = await executeCountingFrames(await openPage(t), input);
    const { updates, frames, longestGapMs } = outcome;
    t.diagnostic(`${updates.length} updates, ${frames} frames, longest gap ${longestGapMs.toFixed(1)} ms`);
    assert.equal(outcome.chunks, input.count);
    assert.equal(outcome.inOrder, true);
    assert.equal(outcome.complete, true);
    // The start and the end are told at once, without waiting for a frame.
    const [first, ...between] = updates;
    const last = between.pop();
    assert.equal(first.status, "streaming");
    assert.equal(last.status, "done");
    const inFrames = between.map(({ frame }) => frame);
    assert.ok(between.length > 1, "no update while chunks came");
    assert.equal(new Set(inFrames).size, inFrames.length, `two updates in one frame: ${inFrames}`);
  });
}

// The driver keeps every page visible, so the page itself plays the two facts of a hidden one.
for (const hideBefore of [true, false]) {
  test(`a page hidden ${hideBefore ? "before" : "while"} it streams is told without frames`, async (t) => {
    const page = await openPage(t);
    const name = randomUUID();
    const updates = await page.evaluate(
      async ({ name, hideBefore }) => {
        const { createStreamAction } = await import("streamactions/client.js");
        const hide = () => {
          Object.defineProperty(document, "visibilityState", { value: "hidden" });
          window.requestAnimationFrame = () => 0;
          document.dispatchEvent(new Event("visibilitychange"));
        };
        let updates = 0;
        if (hideBefore) hide();
        const handle = createStreamAction("/api/_actions/endless", {
          onChunk() {
            // A frame is awaited now; it never comes.
            if (document.visibilityState === "visible") hide();
          },
        });
        handle.subscribe(() => {
          if (handle.data === null || handle.status !== "streaming") return;
          updates += 1;
          if (updates === 3) handle.stop();
        });
        await handle.execute({ name });
        return updates;
      },
      { name, hideBefore },
    );
    assert.equal(updates, 3);
    await waitUntilLeft(name);
  });
}
