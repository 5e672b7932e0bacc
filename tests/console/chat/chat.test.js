/** The chat page: tokens as they come, a stop that stops, a refusal that loses nothing. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { backend, useChromium } from "../../browser/support/chromium.js";

const openPage = useChromium();

const box = (page) => page.getByLabel("Your message");
const answers = (page) => page.locator(".answer");

async function ask(page, prompt) {
  await box(page).fill(prompt);
  await box(page).press("Enter");
}

/** Wait until the newest answer has so many characters, or is over with fewer. */
async function waitForText(page, characters) {
  await page.waitForFunction((least) => {
    const answer = [...document.querySelectorAll(".answer")].at(-1);
    return answer !== undefined && (answer.textContent.length >= least || answer.ariaBusy === null);
  }, characters);
}

/**
 * Stop the next answer when its first token is shown, within the page: the model does not wait for
 * a test to have noticed.
 */
async function stopAtFirstToken(page, how) {
  await page.evaluate((how) => {
    const log = document.getElementById("log");
    const count = log.querySelectorAll(".answer").length;
    const observer = new MutationObserver(() => {
      const answer = log.querySelectorAll(".answer")[count];
      if (!answer?.querySelector(".text").textContent) return;
      observer.disconnect();
      if (how === "click") document.getElementById("stop").click();
      else document.dispatchEvent(new KeyboardEvent("keydown", { key: how }));
    });
    observer.observe(log, { childList: true, subtree: true });
  }, how);
}

/** Wait until the answer at that place is over. */
async function waitForAnswer(page, index) {
  await answers(page).nth(index).and(page.locator(":not([aria-busy])")).waitFor();
}

async function waitForEnd(page) {
  await page.getByRole("button", { name: "Send" }).waitFor();
}

async function takePicture(page, name) {
  await page.screenshot({ path: join(process.env.ARTEFACTS, `${name}.png`) });
}

test("tokens appear one after the other until the answer is complete", async (t) => {
  const page = await openPage(t);
  await page.evaluate(() => {
    window.lengths = [];
    new MutationObserver(() => {
      const length = document.querySelector(".answer .text")?.textContent.length ?? 0;
      if (length !== window.lengths.at(-1)) window.lengths.push(length);
    }).observe(document.getElementById("log"), { childList: true, subtree: true, characterData: true });
  });
  await ask(page, "Tell me a story about a lighthouse.");
  await waitForAnswer(page, 0);
  const lengths = await page.evaluate(() => window.lengths);
  assert.ok(lengths.length > 3, `the text grew in ${lengths.length} steps`);
  assert.deepEqual(lengths, [...lengths].sort((a, b) => a - b));
  assert.match(await answers(page).locator(".note").innerText(), /^\d+ tokens · first after \d+ ms · \d+ a second$/);
  assert.equal(await answers(page).getAttribute("aria-busy"), null);
  assert.equal(await page.locator(".question").innerText(), "Tell me a story about a lighthouse.");
});

test("Stop stops; the next question is answered", async (t) => {
  const page = await openPage(t);
  await stopAtFirstToken(page, "click");
  await page.getByRole("button", { name: "Tell me a story about a lighthouse." }).click();
  await waitForAnswer(page, 0);
  const stopped = await answers(page).first().locator(".text").innerText();
  assert.match(await answers(page).first().locator(".note").innerText(), /^Stopped · \d+ tokens?/);
  assert.ok(await box(page).evaluate((node) => node === document.activeElement));
  await stopAtFirstToken(page, "Escape");
  await ask(page, "Tell me a very long story about the sea.");
  await waitForAnswer(page, 1);
  assert.match(await answers(page).nth(1).locator(".note").innerText(), /^Stopped · \d+ tokens?/);
  assert.equal(await answers(page).first().locator(".text").innerText(), stopped);
});

test("a prompt that is too long is refused, and is not lost", async (t) => {
  const page = await openPage(t);
  const prompt = "a word or two ".repeat(160).trim();
  await ask(page, prompt);
  await page.getByRole("alert").filter({ hasText: "String should have at most 2000 characters" }).waitFor();
  assert.equal(await box(page).inputValue(), prompt);
  assert.equal(await box(page).getAttribute("aria-invalid"), "true");
  assert.equal(await page.locator("#count").innerText(), "2,239 of 2,000 characters");
  assert.equal(await answers(page).count(), 0);
  await box(page).fill("Say hello.");
  assert.equal(await page.getByRole("alert").innerText(), "");
  await box(page).press("Enter");
  await waitForAnswer(page, 0);
  assert.ok((await answers(page).locator(".text").textContent()).length > 0);
});

test("a prompt that the model has no room for is an error with words", async (t) => {
  const page = await openPage(t);
  await ask(page, "\u{1f9ff}".repeat(2000));
  await answers(page).filter({ hasText: "PROMPT_TOO_LONG" }).waitFor();
  assert.match(await answers(page).locator(".note").innerText(), /shorten it \(PROMPT_TOO_LONG\)$/);
  await waitForEnd(page);
});

test("what the model says is text", async (t) => {
  const page = await openPage(t);
  const hostile = `<img src=x onerror="window.pwned=1"></p><script>window.pwned=2</script>`;
  await page.route(`${backend}/api/_actions/ai-chat`, (route) =>
    route.fulfill({
      contentType: "text/event-stream",
      body: `data: ${JSON.stringify({ text: hostile })}\n\nevent: done\ndata: {}\n\n`,
    }),
  );
  await ask(page, hostile);
  await answers(page).getByText("onerror").waitFor();
  await waitForEnd(page);
  assert.equal(await answers(page).locator(".text").textContent(), hostile);
  assert.equal(await page.locator(".question").textContent(), hostile);
  assert.equal(await page.evaluate(() => window.pwned), undefined);
  assert.equal(await page.locator("main :is(img, script)").count(), 0);
});

test("an answer that is cut is not passed off as complete", async (t) => {
  const page = await openPage(t);
  await page.route(`${backend}/api/_actions/ai-chat`, (route) =>
    route.fulfill({ contentType: "text/event-stream", body: 'data: {"text":"Half an "}\n\n' }),
  );
  await ask(page, "Say hello.");
  await answers(page).filter({ hasText: "STREAM_INCOMPLETE" }).waitFor();
  assert.equal(await answers(page).locator(".text").textContent(), "Half an ");
});

const PICTURES = [
  { name: "chat-light", width: 1120, height: 720, colorScheme: "light" },
  { name: "chat-dark", width: 1120, height: 720, colorScheme: "dark" },
  { name: "chat-phone", width: 360, height: 720, colorScheme: "light" },
];

for (const { name, width, height, colorScheme } of PICTURES) {
  test(`picture: ${name}`, async (t) => {
    const page = await openPage(t);
    await page.setViewportSize({ width, height });
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await takePicture(page, `${name}-welcome`);
    await page.getByRole("button", { name: "Tell me a story about a lighthouse." }).click();
    await waitForText(page, 500);
    await takePicture(page, name);
    assert.equal(await page.evaluate(() => document.scrollingElement.scrollWidth), width);
    await waitForEnd(page);
  });
}
