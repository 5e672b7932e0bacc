/**
 * The components of a Nuxt app, in Chromium.
 *
 * One file for both backends: whether the actions behind `APP` are the app's own, on Node, or
 * those of `backend.py`, no assertion differs.
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import { useChromium } from "../browser/support/chromium.js";
import { openApp } from "./open_app.js";

const openPage = useChromium();

const text = (page, selector) => page.locator(selector).textContent();

async function ask(page, prompt) {
  await page.locator("input").fill(prompt);
  await page.locator("#send").click();
}

async function waitForStatus(page, status) {
  await page.locator("#status", { hasText: new RegExp(`^${status}$`) }).waitFor();
}

test("the chat streams an answer word by word", async (t) => {
  const page = await openApp(openPage, t, "/chat?action=aiChat");
  assert.equal(await text(page, "#status"), "idle");
  assert.equal(await page.locator("#answer").count(), 0);
  await ask(page, "héllo 😀");
  await waitForStatus(page, "done");
  assert.equal(await text(page, "#answer"), "You said: héllo 😀 ");
  assert.equal(await page.locator("#answer span").count(), 4);
  assert.equal(await text(page, "#latest"), "😀 ");
  assert.equal(await text(page, "#told"), "You ;said: ;héllo ;😀 ;done 4");
  assert.equal(await page.locator("#cursor").count(), 0);
  assert.equal(await page.locator("#stop").count(), 0);
  assert.equal(await page.locator("#error").count(), 0);
  assert.equal(await page.locator("input").isDisabled(), false);
});

test("chunks appear while the stream goes on, and stop ends it without an error", async (t) => {
  const page = await openApp(openPage, t, "/chat?action=endless");
  await ask(page, "go");
  await page.locator("#answer span").nth(3).waitFor();
  assert.equal(await text(page, "#status"), "streaming");
  assert.equal(await page.locator("#cursor").count(), 1);
  assert.equal(await page.locator("input").isDisabled(), true);
  assert.equal(await text(page, "#send"), "Streaming...");
  await page.locator("#stop").click();
  await waitForStatus(page, "done");
  const chunks = await page.locator("#answer span").count();
  assert.equal(await page.locator("#error").count(), 0);
  assert.doesNotMatch(await text(page, "#told"), /done|ERROR/);
  // A second stream on the same page starts from nothing.
  await ask(page, "go");
  await page.locator("#answer span").nth(1).waitFor();
  await page.locator("#stop").click();
  await waitForStatus(page, "done");
  assert.ok(chunks > 3);
});

for (const [prompt, message] of [["", "Prompt is required"], ["x".repeat(201), "Prompt is too long"]]) {
  test(`a refused field: ${message}`, async (t) => {
    const page = await openApp(openPage, t, "/chat?action=aiChat");
    await ask(page, prompt);
    await waitForStatus(page, "error");
    assert.equal(await text(page, "#error"), "Input validation failed");
    assert.equal(await page.locator("#error").getAttribute("data-code"), "VALIDATION_ERROR");
    assert.equal(await page.locator("#error").getAttribute("data-status-code"), "422");
    assert.deepEqual(await page.locator("li").allTextContents(), [`prompt: ${message}`]);
    assert.equal(await text(page, "#told"), "VALIDATION_ERROR");
    // The next stream forgets the error.
    await ask(page, "hi");
    await waitForStatus(page, "done");
    assert.equal(await page.locator("#error").count(), 0);
    assert.equal(await text(page, "#answer"), "You said: hi ");
  });
}

test("a middleware's error is the only thing that comes", async (t) => {
  const page = await openApp(openPage, t, "/chat?action=limited");
  await ask(page, "hi");
  await waitForStatus(page, "error");
  assert.equal(await text(page, "#error"), "Too many requests");
  assert.equal(await page.locator("#error").getAttribute("data-code"), "RATE_LIMITED");
  assert.equal(await page.locator("#error").getAttribute("data-status-code"), "429");
  assert.equal(await page.locator("#answer").count(), 0);
  assert.equal(await text(page, "#told"), "RATE_LIMITED");
});

for (const [kind, code, statusCode, message] of [
  ["typed", "QUOTA_EXCEEDED", "402", "The quota is used up"],
  ["untyped", "STREAM_ERROR", "500", "Stream handler error"],
]) {
  test(`a handler's ${kind} error comes after what it had sent`, async (t) => {
    const page = await openApp(openPage, t, "/chat?action=failMidway");
    await ask(page, kind);
    await waitForStatus(page, "error");
    assert.equal(await text(page, "#answer"), "Half ");
    assert.equal(await text(page, "#error"), message);
    assert.equal(await page.locator("#error").getAttribute("data-code"), code);
    assert.equal(await page.locator("#error").getAttribute("data-status-code"), statusCode);
    assert.equal(await text(page, "#told"), `Half ;${code}`);
  });
}

test("the progress bar grows to its end", async (t) => {
  const page = await openApp(openPage, t, "/progress");
  assert.equal(await page.locator("#bar").count(), 0);
  await page.locator("#process").click();
  await page.locator("#all-done").waitFor();
  assert.equal(await text(page, "#status"), "done");
  assert.equal(await text(page, "#bar span"), "100% -- c.pdf");
  assert.equal(await page.locator("#bar div").getAttribute("style"), "width: 100%;");
  assert.equal(await text(page, "#steps"), "33;67;100 of 3");
});

test("the progress bar shows a refused list", async (t) => {
  const page = await openApp(openPage, t, "/progress");
  await page.locator("#process-none").click();
  await waitForStatus(page, "error");
  assert.equal(await text(page, "#error"), "No files");
  assert.equal(await page.locator("#all-done").count(), 0);
});

test("a query keeps its stream until it is told to forget", async (t) => {
  const page = await openApp(openPage, t, "/summary");
  const answer = "Q4 & more 1 Q4 & more 2 Q4 & more 3 ";
  assert.equal(await text(page, "#from-cache"), "false");
  await page.locator("#load").click();
  await waitForStatus(page, "done");
  assert.equal(await text(page, "#answer"), answer);

  await leaveAndReturn(page);
  assert.equal(await text(page, "#from-cache"), "true");
  assert.equal(await text(page, "#status"), "done");
  assert.equal(await text(page, "#answer"), answer);

  await page.locator("#forget").click();
  await leaveAndReturn(page);
  assert.equal(await text(page, "#from-cache"), "false");
  assert.equal(await text(page, "#answer"), "");
});

async function leaveAndReturn(page) {
  await page.locator("#home").click();
  await page.locator("#answer").waitFor({ state: "detached" });
  await page.locator("#to-summary").click();
  await page.locator("#answer").waitFor({ state: "attached" });
}
