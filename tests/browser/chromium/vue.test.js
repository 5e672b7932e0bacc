/** `useStreamAction` for Vue, in components that are mounted, updated and unmounted. */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";

import { useChromium, waitUntilLeft } from "../support/chromium.js";

const openPage = useChromium();

test("a component streams, shows its errors and starts again", async (t) => {
  const page = await openPage(t);
  await page.evaluate(async () => {
    const { createApp, ref } = await import("vue");
    const { useStreamAction } = await import("streamactions/vue.js");
    window.told = [];
    createApp({
      setup() {
        const prompt = ref("");
        const stream = useStreamAction("/api/_actions/ai-chat", {
          onChunk: (chunk) => window.told.push(chunk.text),
          onDone: (chunks) => window.told.push(`done ${chunks.length}`),
          onError: (error) => window.told.push(error.code),
        });
        return { prompt, ...stream };
      },
      template: `
        <form @submit.prevent="execute({ prompt })">
          <input v-model="prompt">
        </form>
        <output :data-status="status" :data-complete="complete">
          <span v-for="(chunk, i) in chunks" :key="i">{{ chunk.text }}</span>
        </output>
        <p id="latest">{{ data?.text }}</p>
        <p id="error">{{ error?.message }} {{ error?.fieldErrors?.prompt?.length }}</p>
      `,
    }).mount("main");
  });
  assert.equal(await page.locator("output").getAttribute("data-status"), "idle");
  await page.locator("input").fill("one two three");
  await page.locator("input").press("Enter");
  await page.locator("output[data-status=done][data-complete=true]").waitFor({ state: "attached" });
  assert.deepEqual(await page.locator("output span").allTextContents(), ["one", "two", "three"]);
  assert.equal(await page.locator("#latest").textContent(), "three");

  await page.locator("input").fill("");
  await page.locator("input").press("Enter");
  await page.locator("output[data-status=error]").waitFor({ state: "attached" });
  assert.equal(await page.locator("#error").textContent(), "Input validation failed 1");
  assert.equal(await page.locator("output span").count(), 0);
  assert.equal(await page.locator("#latest").textContent(), "");

  await page.locator("input").fill("again");
  await page.locator("input").press("Enter");
  await page.locator("output[data-status=done]").waitFor({ state: "attached" });
  assert.equal((await page.locator("#error").textContent()).trim(), "");
  assert.deepEqual(await page.evaluate(() => window.told), [
    "one", "two", "three", "done 3", "VALIDATION_ERROR", "again", "done 1",
  ]);
});

test("unmounting aborts the stream", async (t) => {
  const page = await openPage(t);
  const name = randomUUID();
  await page.evaluate(async (name) => {
    const { createApp } = await import("vue");
    const { useStreamAction } = await import("streamactions/vue.js");
    await new Promise((resolve) => {
      const app = createApp({
        setup() {
          const { execute } = useStreamAction("/api/_actions/endless", { onChunk: resolve });
          void execute({ name });
          return () => null;
        },
      });
      app.mount("main");
      window.app = app;
    });
    window.app.unmount();
  }, name);
  await waitUntilLeft(name);
});

test("refs are current at any time, effects run at most once a frame", async (t) => {
  const page = await openPage(t);
  const outcome = await page.evaluate(async () => {
    const { effectScope, watch } = await import("vue");
    const { useStreamAction } = await import("streamactions/vue.js");
    let frames = 0;
    const countFrame = () => {
      frames += 1;
      requestAnimationFrame(countFrame);
    };
    await new Promise((resolve) => requestAnimationFrame(() => resolve(countFrame())));
    const scope = effectScope();
    const seen = { chunks: [], data: 0, status: [], behind: 0 };
    const { execute, chunks, data, status, complete } = scope.run(() => {
      const stream = useStreamAction("/api/_actions/numbers", {
        onChunk(chunk) {
          const isCurrent = stream.chunks.value.at(-1) === chunk && stream.data.value === chunk;
          if (!isCurrent) seen.behind += 1;
        },
      });
      watch(stream.chunks, (now) => seen.chunks.push({ frame: frames, length: now.length }), { flush: "sync" });
      watch(stream.data, () => (seen.data += 1), { flush: "sync" });
      watch(stream.status, (now) => seen.status.push(now), { flush: "sync" });
      return stream;
    });
    await execute({ count: 20_000, per_tick: 100, tick_s: 0.01 });
    return {
      seen,
      frames,
      chunks: chunks.value.length,
      inOrder: chunks.value.every(({ i }, at) => i === at),
      data: data.value.i,
      status: status.value,
      complete: complete.value,
    };
  });
  const { seen } = outcome;
  t.diagnostic(`${seen.chunks.length} effects, ${outcome.frames} frames`);
  assert.equal(outcome.chunks, 20_000);
  assert.equal(outcome.inOrder, true);
  assert.equal(outcome.data, 19_999);
  assert.equal(outcome.status, "done");
  assert.equal(outcome.complete, true);
  assert.equal(seen.behind, 0);
  // `status` changed twice, so its effect ran twice, however many frames there were.
  assert.deepEqual(seen.status, ["streaming", "done"]);
  assert.ok(seen.chunks.length > 2 && seen.data > 2, "no effect while chunks came");
  // The last is that of the end, which does not wait for a frame.
  const inFrames = seen.chunks.slice(0, -1).map(({ frame }) => frame);
  assert.equal(new Set(inFrames).size, inFrames.length);
});

test("what is returned is a set of read-only refs, as that of nuxt-actions", async (t) => {
  const page = await openPage(t, undefined, { expected: /Set operation on key "value" failed/ });
  const outcome = await page.evaluate(async () => {
    const { effectScope, isReadonly, isRef, unref } = await import("vue");
    const { useStreamAction } = await import("streamactions/vue.js");
    const stream = effectScope().run(() => useStreamAction("/api/_actions/ai-chat"));
    const { execute, stop, ...refs } = stream;
    refs.status.value = "done";
    return {
      functions: [typeof execute, typeof stop],
      refs: Object.entries(refs).map(([name, ref]) => [name, isRef(ref) && isReadonly(ref), unref(ref)]),
    };
  });
  assert.deepEqual(outcome, {
    functions: ["function", "function"],
    refs: [
      ["chunks", true, []],
      ["data", true, null],
      ["status", true, "idle"],
      ["error", true, null],
      ["complete", true, false],
    ],
  });
});

test("outside a component it works too, and is the caller's to stop", async (t) => {
  const page = await openPage(t);
  const chunks = await page.evaluate(async () => {
    const { useStreamAction } = await import("streamactions/vue.js");
    const { execute, chunks } = useStreamAction("/api/_actions/ai-chat");
    await execute({ prompt: "alone" });
    return chunks.value;
  });
  assert.deepEqual(chunks, [{ text: "alone" }]);
});
