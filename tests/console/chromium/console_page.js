/** The console as a person finds things in it: by labels, roles and what is written. */

import assert from "node:assert/strict";
import { backend } from "../../browser/support/chromium.js";

export const prefix = `${backend}/api/_actions/`;

/** Turns a hang into a failure. */
const BOUND_MS = 30_000;

/** Open an action's page. */
export async function openAction(openPage, t, name, options) {
  const page = await openPage(t, `${prefix}#/${name}`, options);
  await page.getByRole("heading", { level: 2, name }).waitFor();
  return page;
}

export async function run(page) {
  await page.getByRole("button", { name: "Run" }).click();
}

/** Wait until the status says so: "Done", "Failed", "Stopped", "Streaming". */
export async function waitForStatus(page, text) {
  await page.getByRole("status").filter({ hasText: text }).waitFor();
}

export async function runToEnd(page, outcome = "Done") {
  await run(page);
  await waitForStatus(page, outcome);
}

/** What the text view shows. */
export async function shownText(page) {
  await page.getByRole("tab", { name: "Text" }).click();
  return page.getByRole("tabpanel", { name: "Text" }).innerText();
}

/** The rows of the view "Chunks" or "Raw frames", as their texts. */
export async function shownRows(page, view) {
  await page.getByRole("tab", { name: view }).click();
  return page.getByRole("tabpanel", { name: view }).locator("li code").allTextContents();
}

export async function shownChunks(page) {
  return (await shownRows(page, "Chunks")).map((row) => JSON.parse(row));
}

/** A field's control, by its name in the schema. */
export function field(page, name) {
  return page.locator("#fields").getByLabel(name, { exact: false }).first();
}

/** What is said to be wrong with a control, to whoever sees it and to whoever does not. */
export async function problemOf(control) {
  if ((await control.getAttribute("aria-invalid")) !== "true") return null;
  return control.evaluate((node) =>
    node
      .getAttribute("aria-describedby")
      .split(" ")
      .map((id) => document.getElementById(id))
      .filter((described) => described.className === "problem" && !described.hidden)
      .map((described) => described.innerText)
      .join("\n"),
  );
}

/** Call an action beside the page. */
export async function callAction(name, input) {
  const response = await fetch(prefix + name, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(input),
    signal: AbortSignal.timeout(BOUND_MS),
  });
  const text = await response.text();
  assert.match(text, /event: done\n/);
  return text;
}

/** The actions that are called at this page, as their URLs, from now on. */
export function watchCalls(page) {
  const calls = [];
  page.on("request", (request) => {
    const { pathname } = new URL(request.url());
    const isPage = pathname.includes("/console/") || pathname.endsWith(".js") || pathname.endsWith("/");
    if (!isPage) calls.push(pathname.slice(new URL(prefix).pathname.length));
  });
  return calls;
}
