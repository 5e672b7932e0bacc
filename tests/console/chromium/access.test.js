/** The console without a mouse, without eyes, and on a small screen. */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { useChromium } from "../../browser/support/chromium.js";
import { callAction, openAction, runToEnd, waitForStatus } from "./console_page.js";

const openPage = useChromium();

/** The focused control, as it is announced. */
function focused(page) {
  return page.evaluate(() => {
    const node = document.activeElement;
    return node.getAttribute("aria-label") ?? node.labels?.[0]?.innerText ?? node.innerText;
  });
}

/** Press Tab until that control has the focus; where it cannot be reached, this fails. */
async function tabTo(page, name) {
  const passed = [];
  for (let count = 0; count < 60; count += 1) {
    await page.keyboard.press("Tab");
    const now = await focused(page);
    if (now.startsWith(name)) return;
    passed.push(now);
  }
  assert.fail(`Tab does not lead to ${name}, but to ${passed.join(", ")}`);
}

test("everything is done by keyboard alone", async (t) => {
  const page = await openAction(openPage, t, "story");
  await page.keyboard.press("Tab");
  assert.equal(await focused(page), "Skip to the action");
  await tabTo(page, "wait-at-gate");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 2, name: "wait-at-gate" }).waitFor();
  const gate = randomUUID();
  await tabTo(page, "gate");
  await page.keyboard.type(gate);
  await page.keyboard.press("Control+Enter");
  await waitForStatus(page, "Streaming");
  await tabTo(page, "Stop");
  await page.keyboard.press("Space");
  await waitForStatus(page, "Stopped");
  assert.equal(await focused(page), "Stop");
  await tabTo(page, "curl");
  await page.keyboard.press("ArrowRight");
  assert.match(await page.locator("#snippet").innerText(), /use_stream_action/);
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("ArrowLeft");
  assert.match(await page.locator("#snippet").innerText(), /createStreamAction/);
  await tabTo(page, "Text");
  await page.keyboard.press("End");
  assert.equal(await page.getByRole("tab", { selected: true, name: "Raw frames" }).count(), 1);
  // The panel takes the focus, so that the arrows scroll it.
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.id), "frames");
  await page.keyboard.press("Control+Enter");
  await waitForStatus(page, "Streaming");
  await page.keyboard.press("Escape");
  await waitForStatus(page, "Stopped");
  await callAction("wait-until-left", { gate });
});

test("the skip link leads past the list", async (t) => {
  const page = await openAction(openPage, t, "story");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "main");
  assert.equal(await page.getByRole("heading", { level: 2 }).textContent(), "POST story");
});

test("every control has a name, and what happens is announced", async (t) => {
  const page = await openAction(openPage, t, "order");
  const nameless = await page.evaluate(() =>
    [...document.querySelectorAll("input, textarea, select, button, [role=tabpanel], nav, canvas")]
      .filter((node) => {
        const labelled = node.getAttribute("aria-labelledby");
        const name =
          node.getAttribute("aria-label") ??
          (labelled ? document.getElementById(labelled).textContent : null) ??
          node.labels?.[0]?.textContent ??
          node.textContent;
        return name.trim() === "";
      })
      .map((node) => node.outerHTML),
  );
  assert.deepEqual(nameless, []);
  await runToEnd(page, "Failed");
  assert.equal(await page.locator("[role=status]").count(), 1);
  assert.equal(await page.getByRole("alert").count(), 1);
});

test("texts stand out from what is behind them, in light and in dark", async (t) => {
  const page = await openAction(openPage, t, "story");
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    const faint = await page.evaluate(() => {
      const colour = (name) => {
        const probe = document.createElement("i");
        probe.style.color = `var(${name})`;
        document.body.append(probe);
        const parts = getComputedStyle(probe).color.match(/\d+(\.\d+)?/g).slice(0, 3).map(Number);
        probe.remove();
        return parts;
      };
      // WCAG 2.2, "relative luminance" and "contrast ratio".
      const luminance = (parts) => {
        const [red, green, blue] = parts
          .map((part) => part / 255)
          .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
      };
      const contrast = (front, back) => {
        const [low, high] = [luminance(colour(front)), luminance(colour(back))].sort((a, b) => a - b);
        return (high + 0.05) / (low + 0.05);
      };
      const pairs = ["--text", "--muted", "--accent", "--bad"].flatMap((front) =>
        ["--page", "--card", "--sunken"].map((back) => [front, back]),
      );
      return [...pairs, ["--on-accent", "--accent"]].filter(([front, back]) => contrast(front, back) < 4.5);
    });
    assert.deepEqual(faint, [], colorScheme);
  }
});

test("a phone shows all of it without scrolling sideways", async (t) => {
  const page = await openAction(openPage, t, "order");
  for (const width of [360, 768, 1280]) {
    await page.setViewportSize({ width, height: 780 });
    await runToEnd(page, "Failed");
    assert.equal(await page.evaluate(() => document.scrollingElement.scrollWidth), width);
    await page.evaluate(() => scrollTo(0, 0));
  }
});

test("on a phone, Run leads to the output", async (t) => {
  const page = await openAction(openPage, t, "story");
  await page.setViewportSize({ width: 360, height: 640 });
  await runToEnd(page);
  const { y } = await page.getByRole("heading", { name: "Output" }).boundingBox();
  assert.ok(y >= 0 && y < 320, `the output begins at ${y}`);
});
