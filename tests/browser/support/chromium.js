/**
 * A real Chromium for a file of tests, and a page for each of them.
 *
 * `CHROMIUM` is the program and `BACKEND` the server's address; what starts the tests sets both.
 */

import assert from "node:assert/strict";
import { after, before } from "node:test";
import { chromium } from "playwright-core";

const ARGUMENTS = [
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Turns a hang into a failure. */
const BOUND_MS = 30_000;

/** What the page's console may not say. */
const FAULTS = new Set(["error", "warning"]);

export const backend = requireVariable("BACKEND");

/** Starts a browser for the tests of a file; the returned function opens a page for one of them. */
export function useChromium() {
  let browser;
  before(async () => {
    const executablePath = requireVariable("CHROMIUM");
    browser = await chromium.launch({ executablePath, args: ARGUMENTS });
  });
  after(() => browser?.close());

  /**
   * @param {import("node:test").TestContext} t
   * @param {string} [url]
   * @param {{ expected?: RegExp }} [options] `expected`: what the console may say all the same.
   */
  return async function openPage(t, url = backend, { expected } = {}) {
    const context = await browser.newContext();
    context.setDefaultTimeout(BOUND_MS);
    const faults = [];
    const page = await context.newPage();
    page.on("pageerror", (error) => faults.push(String(error)));
    page.on("console", (message) => {
      const text = message.text();
      if (FAULTS.has(message.type()) && !expected?.test(text)) faults.push(text);
    });
    t.after(async () => {
      await context.close();
      assert.deepEqual(faults, []);
    });
    await page.goto(url);
    return page;
  };
}

/** Resolves when the server has seen the client of that call leave. */
export async function waitUntilLeft(name) {
  const response = await fetch(`${backend}/api/_actions/left`, {
    method: "POST",
    headers: { accept: "text/event-stream", "content-type": "application/json" },
    body: JSON.stringify({ name }),
    signal: AbortSignal.timeout(BOUND_MS),
  });
  assert.match(await response.text(), /^data: true\n/);
}

function requireVariable(name) {
  const value = process.env[name];
  assert.ok(value, `${name} is not set: run these tests by pytest`);
  return value;
}
