/** Nothing that an action says becomes a part of the page. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { useChromium } from "../../browser/support/chromium.js";
import { openAction, runToEnd, shownChunks, shownRows, shownText } from "./console_page.js";

const openPage = useChromium();

/** Elements that the page itself does not have below its frame; markup of a stream would bring them. */
const FOREIGN = "main :is(script, img, iframe, svg, b, object, embed, link, style)";

async function assertHarmless(page) {
  assert.equal(await page.evaluate(() => window.pwned), undefined);
  assert.equal(await page.locator(FOREIGN).count(), 0);
  assert.equal(page.frames().length, 1);
}

test("a hostile stream is shown as the text that it is", async (t) => {
  const page = await openAction(openPage, t, "hostile");
  assert.match(await page.locator("#doc").innerText(), /^<b onclick=.*<\/script>$/);
  await runToEnd(page, "Failed: 7 chunks");
  const text = await shownText(page);
  for (const part of [`<img src=x onerror="window.pwned='img'">`, "</script><script>", "<svg onload=", "<iframe srcdoc="]) {
    assert.ok(text.includes(part), part);
  }
  assert.equal((await shownChunks(page))[0].text, `<img src=x onerror="window.pwned='img'">`);
  assert.match((await shownRows(page, "Raw frames"))[1], /^data: \{"text":"<\/script><script>/);
  const alert = await page.getByRole("alert").innerText();
  assert.match(alert, /^X<img src=x onerror=/);
  assert.match(alert, /<\/script><script>window/);
  assert.match(await page.locator("#fields .problem").innerText(), /^<svg onload=.*: <img src=x/);
  await assertHarmless(page);
});

test("a hostile schema makes a form like any other", async (t) => {
  const page = await openAction(openPage, t, "hostile-schema");
  await page.getByText("Schemas", { exact: true }).click();
  await page.getByRole("tab", { name: "JavaScript" }).click();
  await runToEnd(page);
  assert.equal(await shownText(page), `<img src=x onerror="window.pwned='img'">`);
  await assertHarmless(page);
});

test("the browser itself refuses markup and foreign code", async (t) => {
  const page = await openAction(openPage, t, "story", { expected: /Content Security Policy|Trusted|Refused/ });
  const refusals = await page.evaluate(async () => {
    const refused = (attempt) => {
      try {
        attempt();
        return false;
      } catch {
        return true;
      }
    };
    const violations = [];
    document.addEventListener("securitypolicyviolation", (event) => violations.push(event.effectiveDirective));
    const markup = refused(() => (document.body.innerHTML = "<b>bold</b>"));
    const image = document.createElement("img");
    const failed = new Promise((resolve) => image.addEventListener("error", resolve));
    image.src = "https://other.example/x.png";
    await failed;
    const call = await fetch("https://other.example/").then(
      () => false,
      () => true,
    );
    document.body.setAttribute("style", "color: red");
    // In a task of its own: what a test evaluates may use eval.
    const code = await new Promise((resolve) => {
      setTimeout(() => resolve(refused(() => new Function("return 1")())));
    });
    await new Promise((resolve) => setTimeout(resolve));
    return { markup, code, call, violations: [...new Set(violations)].sort() };
  });
  assert.deepEqual(refusals, {
    markup: true,
    code: true,
    call: true,
    violations: ["connect-src", "img-src", "require-trusted-types-for", "style-src-attr"],
  });
});
