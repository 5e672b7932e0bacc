/** The form that is made from a schema, and what the server says about what was typed. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { useChromium } from "../../browser/support/chromium.js";
import {
  field,
  openAction,
  problemOf,
  run,
  runToEnd,
  shownChunks,
  shownText,
  waitForStatus,
  watchCalls,
} from "./console_page.js";

const openPage = useChromium();

test("an author's example is filled in", async (t) => {
  const page = await openAction(openPage, t, "story");
  assert.equal(await field(page, "prompt").inputValue(), "Tell me a story about a lighthouse.");
});

test("the server's messages stand beside the fields they are about", async (t) => {
  const page = await openAction(openPage, t, "order");
  await field(page, "name").fill("x");
  await field(page, "count").fill("many");
  await field(page, "price").fill("-1");
  await page.getByRole("button", { name: "Add to tags" }).click();
  await field(page, "tags.0").fill("good");
  await field(page, "street").fill("ab");
  await field(page, "extra").fill('["a"]');
  await runToEnd(page, "Failed");
  assert.match(await page.getByRole("alert").innerText(), /^VALIDATION_ERROR\s*422\s+Input validation failed$/);
  const problems = {};
  for (const name of ["name", "note", "count", "price", "tags.0", "tags.1", "street", "zip_code", "extra"]) {
    problems[name] = await problemOf(field(page, name));
  }
  assert.match(problems.extra, /^dict\[str,any\]: Input should be an object\n.*list\[int\]\.0: Input should be a valid integer/);
  delete problems.extra;
  assert.deepEqual(problems, {
    name: "String should have at least 2 characters",
    note: null,
    count: "Input should be a valid integer, unable to parse string as an integer",
    price: "Input should be greater than 0",
    "tags.0": null,
    "tags.1": "String should have at least 2 characters",
    street: "String should have at least 3 characters",
    zip_code: "String should match pattern '^[0-9]{5}$'",
  });
  assert.ok(await field(page, "name").evaluate((node) => node === document.activeElement));
});

test("what was put right runs, with every kind of field", async (t) => {
  const page = await openAction(openPage, t, "order");
  await runToEnd(page, "Failed");
  await field(page, "name").fill("Ada");
  await field(page, "count").fill("3");
  await field(page, "express").check();
  await field(page, "colour").selectOption("blue");
  await field(page, "tags.0").fill("one");
  await page.getByRole("button", { name: "Add to tags" }).click();
  await page.keyboard.type("two");
  await page.getByRole("button", { name: "Add to tags" }).click();
  await page.getByRole("button", { name: "Remove tags.0" }).click();
  await field(page, "tags.1").fill("three");
  await field(page, "street").fill("Main Street");
  await field(page, "zip_code").fill("01234");
  await field(page, "extra").fill('{"deep": [1, {"a": null}]}');
  await runToEnd(page);
  assert.equal(await problemOf(field(page, "name")), null);
  assert.deepEqual(await shownChunks(page), [
    {
      name: "Ada",
      note: null,
      count: 3,
      price: 2.5,
      express: true,
      colour: "blue",
      tags: ["two", "three"],
      address: { street: "Main Street", zip_code: "01234" },
      extra: { deep: [1, { a: null }] },
    },
  ]);
});

test("what is no JSON is said at once, and nothing is sent", async (t) => {
  const page = await openAction(openPage, t, "order");
  const calls = watchCalls(page);
  await field(page, "extra").fill("{oops");
  await run(page);
  assert.match(await problemOf(field(page, "extra")), /^Not valid JSON: /);
  assert.deepEqual(calls, []);
  await field(page, "extra").fill("");
  await runToEnd(page, "Failed");
  assert.deepEqual(calls, ["order"]);
});

test("fields become JSON and JSON becomes fields", async (t) => {
  const page = await openAction(openPage, t, "order");
  await field(page, "name").fill("Ada");
  await page.getByRole("button", { name: "Edit as JSON" }).click();
  const json = field(page, "JSON");
  const input = JSON.parse(await json.inputValue());
  assert.deepEqual(input, {
    name: "Ada",
    price: 2.5,
    express: false,
    colour: "green",
    tags: [""],
    address: { street: "", zip_code: "" },
  });
  await json.fill(JSON.stringify({ ...input, count: 7, tags: ["x", "yy"], address: { street: "Elm Street" } }));
  await runToEnd(page, "Failed");
  assert.equal(
    await problemOf(json),
    "tags.0: String should have at least 2 characters\naddress.zip_code: Field required",
  );
  await page.getByRole("button", { name: "Edit as form" }).click();
  assert.equal(await field(page, "count").inputValue(), "7");
  assert.equal(await field(page, "tags.1").inputValue(), "yy");
  assert.equal(await field(page, "street").inputValue(), "Elm Street");
});

test("an action without a schema takes any JSON", async (t) => {
  const page = await openAction(openPage, t, "echo");
  assert.equal(await page.getByRole("button", { name: "Edit as" }).count(), 0);
  await field(page, "JSON").fill('{"text": "caf\u00e9 \ud83d\ude00 \\u0000"}');
  await runToEnd(page);
  assert.deepEqual(await shownChunks(page), [{ text: "caf\u00e9 \ud83d\ude00 \0" }]);
});

test("an action of GET gets a query", async (t) => {
  const page = await openAction(openPage, t, "search");
  await field(page, "words").fill("x&y=z #1");
  await runToEnd(page);
  assert.deepEqual(await shownChunks(page), [{ words: "x&y=z #1", limit: 3 }]);
});

test("request headers are sent, and a line that is none is refused", async (t) => {
  const page = await openAction(openPage, t, "whoami");
  const calls = watchCalls(page);
  await page.getByText("Request headers").click();
  const headers = page.getByLabel("One a line");
  await headers.fill("no header");
  await run(page);
  assert.match(await problemOf(headers), /no header/);
  assert.deepEqual(calls, []);
  await headers.fill("\nAuthorization: Bearer a:b\n\n");
  await runToEnd(page);
  assert.equal(await shownText(page), "Bearer a:b");
});

test("a schema is shown, metadata is not", async (t) => {
  const page = await openAction(openPage, t, "story");
  await page.getByText("Schemas", { exact: true }).click();
  assert.equal(JSON.parse(await page.locator("#input-schema").innerText()).properties.prompt.maxLength, 2000);
  assert.equal(JSON.parse(await page.locator("#output-schema").innerText()).title, "Token");
  await page.getByRole("link", { name: "fails" }).click();
  await waitForStatus(page, "Not run yet");
  assert.equal(await page.locator("#output-schema").innerText(), "Any JSON");
  assert.doesNotMatch(await page.content(), /metadata stays here/);
});

test("the list can be filtered", async (t) => {
  const page = await openAction(openPage, t, "story");
  await page.getByLabel("Filter the actions").fill("HOST");
  const shown = page.getByRole("navigation").getByRole("link");
  assert.deepEqual(await shown.allInnerTexts(), ["hostile", "hostile-schema"]);
});
