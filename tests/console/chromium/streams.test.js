/** What the console shows of a stream: while it comes, when it ends, and how it ended. */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { useChromium } from "../../browser/support/chromium.js";
import {
  callAction,
  field,
  openAction,
  prefix,
  run,
  runToEnd,
  shownChunks,
  shownRows,
  shownText,
  waitForStatus,
} from "./console_page.js";

const openPage = useChromium();

test("a chunk is shown while the stream is still open", async (t) => {
  const page = await openAction(openPage, t, "wait-at-gate");
  const gate = randomUUID();
  await field(page, "gate").fill(gate);
  await run(page);
  await page.getByRole("tabpanel", { name: "Text" }).getByText("before").waitFor();
  await waitForStatus(page, "Streaming");
  await callAction("open-gate", { gate });
  await waitForStatus(page, "Done: 2 chunks");
  assert.equal(await shownText(page), "before behind");
  assert.deepEqual(await shownChunks(page), [{ text: "before " }, { text: "behind" }]);
  assert.deepEqual(await shownRows(page, "Raw frames"), [
    'data: {"text":"before "}',
    'data: {"text":"behind"}',
    "event: done\ndata: {}",
  ]);
});

test("what was measured is shown, as numbers and as a chart", async (t) => {
  const page = await openAction(openPage, t, "story");
  await runToEnd(page);
  const measures = await page.locator(".measures dd").allTextContents();
  assert.match(measures[0], /^[\d.]+ m?s$/);
  assert.equal(measures[1], "87");
  assert.match(measures[2], /^[\d.]+$/);
  assert.match(measures[3], /^[\d.]+ m?s$/);
  assert.match(measures[4], /^[\d.]+ m?s$/);
  assert.equal(measures[5], "2.1 kB");
  const chart = page.getByRole("img", { name: /^Timeline of arrivals: 87 chunks in .* the first after / });
  const colours = await chart.evaluate((canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return new Set(new Uint32Array(data.buffer)).size;
  });
  assert.ok(colours > 20, "the chart is empty");
});

test("Stop ends the call, and the server sees its client leave", async (t) => {
  const page = await openAction(openPage, t, "wait-at-gate");
  const gate = randomUUID();
  await field(page, "gate").fill(gate);
  const stop = page.getByRole("button", { name: "Stop" });
  assert.equal(await stop.getAttribute("aria-disabled"), "true");
  await run(page);
  await waitForStatus(page, "Streaming");
  assert.equal(await stop.getAttribute("aria-disabled"), "false");
  await stop.click();
  await waitForStatus(page, "Stopped: 1 chunk");
  await callAction("wait-until-left", { gate });
  assert.equal(await stop.getAttribute("aria-disabled"), "true");
  assert.equal(await page.getByRole("alert").innerText(), "");
});

test("a new call stops the one before, as does another action", async (t) => {
  const page = await openAction(openPage, t, "wait-at-gate");
  const [first, second] = [randomUUID(), randomUUID()];
  await field(page, "gate").fill(first);
  await run(page);
  await waitForStatus(page, "Streaming");
  await field(page, "gate").fill(second);
  await run(page);
  await callAction("wait-until-left", { gate: first });
  await waitForStatus(page, "Streaming");
  await page.getByRole("link", { name: "echo" }).click();
  await callAction("wait-until-left", { gate: second });
  await waitForStatus(page, "Not run yet");
  assert.equal(await page.title(), "echo · console");
});

test("a stream that fails keeps what came before, and says why without details", async (t) => {
  const page = await openAction(openPage, t, "fails");
  await runToEnd(page, "Failed: 1 chunk");
  const alert = await page.getByRole("alert").innerText();
  assert.match(alert, /^STREAM_ERROR\s*500\s+Stream handler error$/);
  assert.equal((await shownText(page)).trim(), "so far");
  assert.doesNotMatch(await page.locator("body").innerText(), /inner detail/);
});

test("a fast stream is counted in full and its end is shown", async (t) => {
  const page = await openAction(openPage, t, "burst");
  await field(page, "count").fill("20000");
  await runToEnd(page, "Done: 20,000 chunks");
  const chunks = await shownChunks(page);
  assert.equal(chunks.length, 1000);
  assert.deepEqual(chunks.at(-1), { number: 20_000 });
  assert.equal((await shownRows(page, "Raw frames")).length, 1000);
  assert.match(await page.getByRole("tabpanel", { name: "Raw frames" }).innerText(), /^The last 1,000 of 20,001/);
  assert.ok((await shownText(page)).length < 110_000);
});

test("progress is shown as a bar", async (t) => {
  const page = await openAction(openPage, t, "progress");
  assert.equal(await page.getByRole("progressbar").count(), 0);
  await runToEnd(page);
  assert.equal(await page.getByRole("progressbar").evaluate((bar) => bar.value), 100);
  // Chunks that are no text are shown as what they are.
  assert.equal(await page.getByRole("tab", { selected: true, name: "Chunks" }).count(), 1);
});

test("every dialect is read", async (t) => {
  const page = await openAction(openPage, t, "other-dialect");
  await runToEnd(page, "Done: 1 chunk");
  assert.equal(await shownText(page), "bonjour");
  assert.deepEqual(await shownRows(page, "Raw frames"), ['data: {"text":"bonjour"}', 'data: {"__actions_done":true}']);
});

test("a server that cannot be reached is an error", async (t) => {
  const page = await openAction(openPage, t, "echo", { expected: /ERR_FAILED/ });
  await page.route(`${prefix}echo`, (route) => route.abort());
  await runToEnd(page, "Failed");
  assert.match(await page.getByRole("alert").innerText(), /^CONNECTION_ERROR/);
});

test("an answer that is no stream is shown", async (t) => {
  const page = await openAction(openPage, t, "echo", { expected: /status of 502/ });
  await page.route(`${prefix}echo`, (route) =>
    route.fulfill({ status: 502, contentType: "text/html", body: "<b>Bad Gateway</b>" }),
  );
  await runToEnd(page, "Failed");
  assert.match(await page.getByRole("alert").innerText(), /^HTTP_ERROR\s*502/);
  assert.deepEqual(await shownRows(page, "Raw frames"), ["<b>Bad Gateway</b>"]);
});
