import assert from "node:assert/strict";

/** Opens a page of the app at `APP` and waits until it answers. */
export async function openApp(openPage, t, path) {
  assert.ok(process.env.APP, "APP is not set: run these tests by pytest");
  const page = await openPage(t, process.env.APP + path);
  await page.locator("main[data-mounted=true]").waitFor();
  return page;
}
