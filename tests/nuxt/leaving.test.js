/** What only the backend of `backend.py` promises: a reader that leaves ends the work, through Nitro too. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { backend, useChromium } from "../browser/support/chromium.js";
import { openApp } from "./open_app.js";

const openPage = useChromium();

/** Resolves when one more handler of `endless` was cancelled. */
async function waitUntilLeft() {
  const response = await fetch(`${backend}/api/_actions/left`, {
    method: "POST",
    headers: { accept: "text/event-stream", "content-type": "application/json" },
    body: "{}",
    signal: AbortSignal.timeout(30_000),
  });
  assert.match(await response.text(), /^data: true\n/);
}

for (const [how, leave] of [
  ["stops", (page) => page.locator("#stop").click()],
  ["goes to another page of the app", (page) => page.locator("#home").click()],
  ["closes the page", (page) => page.close()],
]) {
  test(`a reader who ${how} cancels the handler`, async (t) => {
    const page = await openApp(openPage, t, "/chat?action=endless");
    await page.locator("input").fill("go");
    await page.locator("#send").click();
    await page.locator("#answer span").nth(2).waitFor();
    await leave(page);
    await waitUntilLeft();
  });
}
