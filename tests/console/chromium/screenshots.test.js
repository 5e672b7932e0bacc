/** Pictures of the console, for people to look at; what they show is asserted elsewhere. */

import { join } from "node:path";
import { test } from "node:test";
import { useChromium } from "../../browser/support/chromium.js";
import { openAction, runToEnd } from "./console_page.js";

const openPage = useChromium();

const PICTURES = [
  { name: "console-light", width: 1360, height: 880, colorScheme: "light", action: "story" },
  { name: "console-dark", width: 1360, height: 880, colorScheme: "dark", action: "story" },
  { name: "console-phone", width: 360, height: 780, colorScheme: "light", action: "story", fullPage: true },
  { name: "console-phone-dark", width: 360, height: 780, colorScheme: "dark", action: "story", fullPage: true },
  { name: "console-errors", width: 1360, height: 880, colorScheme: "light", action: "order", outcome: "Failed", fullPage: true },
];

for (const { name, width, height, colorScheme, action, outcome, fullPage } of PICTURES) {
  test(name, async (t) => {
    const page = await openAction(openPage, t, action);
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await page.setViewportSize({ width, height });
    await runToEnd(page, outcome);
    await page.evaluate(() => scrollTo(0, 0));
    await page.mouse.move(0, 0);
    await page.screenshot({ path: join(process.env.ARTEFACTS, `${name}.png`), fullPage });
  });
}
