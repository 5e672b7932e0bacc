/** `useStreamAction` for React, in components that are mounted, updated and unmounted. */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";

import { useChromium, waitUntilLeft } from "../support/chromium.js";

const openPage = useChromium();

/** Defines what the tests' components share, as `window.kit`. */
async function openReactPage(t) {
  const page = await openPage(t);
  await page.evaluate(async () => {
    const react = await import("react");
    const { createRoot } = await import("react-dom/client");
    const { flushSync } = await import("react-dom");
    const { useStreamAction } = await import("streamactions/react.js");
    const root = createRoot(document.querySelector("main"));
    const render = (component, props = {}) =>
      flushSync(() =>
        root.render(react.createElement(react.StrictMode, null, react.createElement(component, props))),
      );
    window.kit = { ...react, useStreamAction, root, render };
  });
  return page;
}

test("a component streams, shows its errors and starts again", async (t) => {
  const page = await openReactPage(t);
  await page.evaluate(() => {
    const { createElement: h, memo, useState, useStreamAction, render } = window.kit;
    // Renders only where it is given another array, as every compiled component does.
    const Words = memo(({ chunks }) => h("output", null, chunks.map(({ text }, i) => h("span", { key: i }, text))));
    window.told = [];
    render(() => {
      const [prompt, setPrompt] = useState("");
      const { execute, chunks, data, status, error, complete } = useStreamAction("/api/_actions/ai-chat", {
        // A new closure at every render: the latest is called.
        onDone: (all) => window.told.push([prompt, all.length]),
        onError: ({ code }) => window.told.push([prompt, code]),
      });
      return h(
        "form",
        { "data-status": status, "data-complete": complete, onSubmit: (event) => {
          event.preventDefault();
          void execute({ prompt });
        } },
        h("input", { value: prompt, onChange: (event) => setPrompt(event.target.value) }),
        h(Words, { chunks }),
        h("p", { id: "latest" }, data?.text),
        h("p", { id: "error" }, error?.message),
      );
    });
  });
  assert.equal(await page.locator("form").getAttribute("data-status"), "idle");
  await page.locator("input").fill("one two three");
  await page.locator("input").press("Enter");
  await page.locator("form[data-status=done][data-complete=true]").waitFor({ state: "attached" });
  assert.deepEqual(await page.locator("output span").allTextContents(), ["one", "two", "three"]);
  assert.equal(await page.locator("#latest").textContent(), "three");

  await page.locator("input").fill("");
  await page.locator("input").press("Enter");
  await page.locator("form[data-status=error]").waitFor({ state: "attached" });
  assert.equal(await page.locator("#error").textContent(), "Input validation failed");
  assert.equal(await page.locator("output span").count(), 0);

  await page.locator("input").fill("again");
  await page.locator("input").press("Enter");
  await page.locator("form[data-status=done]").waitFor({ state: "attached" });
  assert.equal(await page.locator("#error").textContent(), "");
  assert.deepEqual(await page.evaluate(() => window.told), [
    ["one two three", 3], ["", "VALIDATION_ERROR"], ["again", 1],
  ]);
});

test("unmounting aborts the stream", async (t) => {
  const page = await openReactPage(t);
  const name = randomUUID();
  await page.evaluate(async (name) => {
    const { useStreamAction, render, root } = window.kit;
    let execute;
    await new Promise((resolve) => {
      render(() => {
        ({ execute } = useStreamAction("/api/_actions/endless", { onChunk: resolve }));
        return null;
      });
      void execute({ name });
    });
    root.unmount();
  }, name);
  await waitUntilLeft(name);
});

test("another URL aborts the stream and starts afresh; the same one keeps its functions", async (t) => {
  const page = await openReactPage(t);
  const name = randomUUID();
  const outcome = await page.evaluate(async (name) => {
    const { useStreamAction, render } = window.kit;
    let stream;
    const Component = ({ url, onChunk }) => {
      stream = useStreamAction(url, { onChunk });
      return null;
    };
    const first = await new Promise((resolve) => {
      render(Component, { url: "/api/_actions/endless", onChunk: resolve });
      const { execute } = stream;
      render(Component, { url: "/api/_actions/endless", onChunk: resolve });
      const isSame = stream.execute === execute;
      void execute({ name }).then(() => resolve({ isSame }));
      window.isSame = isSame;
    });
    render(Component, { url: "/api/_actions/ai-chat" });
    const afresh = stream.status;
    await stream.execute({ prompt: "next" });
    render(Component, { url: "/api/_actions/ai-chat" });
    return { first, isSame: window.isSame, afresh, chunks: stream.chunks, status: stream.status };
  }, name);
  assert.deepEqual(outcome, {
    first: { text: "more" },
    isSame: true,
    afresh: "idle",
    chunks: [{ text: "next" }],
    status: "done",
  });
  await waitUntilLeft(name);
});

test("10,000 chunks a second render at most once per animation frame", async (t) => {
  const page = await openReactPage(t);
  const outcome = await page.evaluate(async () => {
    const { createElement: h, useEffect, useStreamAction, render } = window.kit;
    let frames = 0;
    const countFrame = () => {
      frames += 1;
      requestAnimationFrame(countFrame);
    };
    await new Promise((resolve) => requestAnimationFrame(() => resolve(countFrame())));
    const commits = [];
    const arrays = new Set();
    let execute;
    render(() => {
      const stream = useStreamAction("/api/_actions/numbers");
      ({ execute } = stream);
      const { chunks, status } = stream;
      useEffect(() => {
        commits.push({ frame: frames, length: chunks.length, status });
        arrays.add(chunks);
      }, [chunks, status]);
      return h("output", null, chunks.length);
    });
    const mounted = commits.length;
    await execute({ count: 20_000, per_tick: 100, tick_s: 0.01 });
    await new Promise(requestAnimationFrame);
    return { commits: commits.slice(mounted), arrays: arrays.size, frames, text: document.querySelector("output").textContent };
  });
  const { commits } = outcome;
  t.diagnostic(`${commits.length} commits, ${outcome.frames} frames`);
  assert.equal(outcome.text, "20000");
  assert.equal(commits[0].status, "streaming");
  assert.equal(commits.at(-1).status, "done");
  assert.ok(commits.length > 3, "no render while chunks came");
  const inFrames = commits.slice(1, -1).map(({ frame }) => frame);
  assert.equal(new Set(inFrames).size, inFrames.length);
  const lengths = commits.map(({ length }) => length);
  assert.deepEqual(lengths, [...lengths].sort((a, b) => a - b));
  // Every update is another array, so that a memoised child renders.
  assert.ok(outcome.arrays >= commits.length);
});
