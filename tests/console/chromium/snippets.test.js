/** "Copy as": what is copied makes the same call. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";
import { backend, useChromium } from "../../browser/support/chromium.js";
import { field, openAction, prefix } from "./console_page.js";

const openPage = useChromium();
const runProgram = promisify(execFile);

const NASTY = `it's "quoted" $HOME \`id\` \\n \n\u2028 caf\u00e9 \ud83d\ude00 </script>`;

async function snippet(page, language) {
  await page.getByRole("tab", { name: language, exact: true }).click();
  return page.locator("#snippet").textContent();
}

/** What a shell makes of a command: the program and its arguments. */
async function shellWords(command) {
  const script = `curl() { printf '%s\\0' "$@"; }\n${command}`;
  const { stdout } = await runProgram("sh", ["-c", script]);
  return stdout.split("\0").slice(0, -1);
}

async function openEcho(t) {
  const page = await openAction(openPage, t, "echo");
  await field(page, "JSON").fill(JSON.stringify({ text: NASTY, rest: [true, false, null, 1.5, {}] }));
  return page;
}

test("curl", async (t) => {
  const page = await openEcho(t);
  await page.getByText("Request headers").click();
  await page.getByLabel("One a line").fill("Authorization: Bearer it's");
  assert.deepEqual(await shellWords(await snippet(page, "curl")), [
    "-N",
    `${prefix}echo`,
    "-H",
    "Accept: text/event-stream",
    "-H",
    "Content-Type: application/json",
    "-H",
    "Authorization: Bearer it's",
    "--data-raw",
    JSON.stringify({ text: NASTY, rest: [true, false, null, 1.5, {}] }),
  ]);
});

test("curl, for an action of GET", async (t) => {
  const page = await openAction(openPage, t, "search");
  assert.deepEqual(await shellWords(await snippet(page, "curl")), [
    "-N",
    `${prefix}search?words=a+b%26c%3D%27d%27&limit=3`,
    "-H",
    "Accept: text/event-stream",
  ]);
});

test("Python", async (t) => {
  const page = await openEcho(t);
  const { stdout } = await runProgram(process.env.PYTHON, ["-c", await snippet(page, "Python")]);
  const { stdout: expected } = await runProgram(process.env.PYTHON, [
    "-c",
    "import json, sys; print(json.loads(sys.argv[1]))",
    JSON.stringify({ text: NASTY, rest: [true, false, null, 1.5, {}] }),
  ]);
  assert.equal(stdout, expected);
});

test("Python, for an action of GET and with headers", async (t) => {
  const page = await openAction(openPage, t, "search");
  const { stdout } = await runProgram(process.env.PYTHON, ["-c", await snippet(page, "Python")]);
  assert.equal(stdout, `{'words': "a b&c='d'", 'limit': 3}\n`);
  await page.getByRole("link", { name: "whoami" }).click();
  await page.getByText("Request headers").click();
  await page.getByLabel("One a line").fill("Authorization: Bearer it's");
  const second = await runProgram(process.env.PYTHON, ["-c", await snippet(page, "Python")]);
  assert.equal(second.stdout, `{'text': "Bearer it's"}\n`);
});

test("JavaScript", async (t) => {
  const page = await openEcho(t);
  const code = await snippet(page, "JavaScript");
  // Another page of the same origin, without the console's policy.
  const other = `${backend}/other`;
  const script = code.replaceAll("</script", "<\\/script");
  const html = `<!doctype html><link rel="icon" href="data:,"><script type="module">${script}</script>`;
  await page.route(other, (route) => route.fulfill({ contentType: "text/html; charset=utf-8", body: html }));
  const logged = page.waitForEvent("console");
  await page.goto(other);
  const message = await logged;
  assert.deepEqual(await message.args()[0].jsonValue(), { text: NASTY, rest: [true, false, null, 1.5, {}] });
});

test("it is copied", async (t) => {
  const page = await openEcho(t);
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.getByRole("button", { name: "Copy", exact: true }).click();
  await page.getByRole("button", { name: "Copied" }).waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), await snippet(page, "curl"));
});

test("where the clipboard is refused, it is selected", async (t) => {
  const page = await openEcho(t);
  await page.evaluate(() => (navigator.clipboard.writeText = () => Promise.reject(new Error("refused"))));
  await page.getByRole("button", { name: "Copy", exact: true }).click();
  await page.getByRole("button", { name: "Selected: press Ctrl+C" }).waitFor();
  const selected = await page.evaluate(() => getSelection().toString());
  assert.match(selected, /^curl -N /);
});
