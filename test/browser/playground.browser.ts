/** The playground in a browser: built as it is published, the real compiler and runtime in it, nothing from elsewhere. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import test from "ava";
import type { Page } from "playwright-core";
import { ROOT } from "../support/program.ts";
import { open, picture } from "./chromium.ts";
import { site } from "./site.ts";

test.before("it is built", (t) => {
  const built = spawnSync("npm", ["run", "playground"], { cwd: ROOT, encoding: "utf8" });
  t.is(built.status, 0, built.stderr);
});

const groups = (page: Page): Promise<string | null> => page.locator("canvas").getAttribute("data-groups");

/** Puts another r in the place of the one that is there, as somebody at the keys does. */
async function replace(page: Page, r: string, by: string): Promise<void> {
  await page.locator(".kiri-number", { hasText: new RegExp(`^${r}$`) }).last().dblclick();
  await page.keyboard.type(by);
}

test.serial("an error is told where it stands, and mended it is gone; another r makes another picture", async (t) => {
  await using served = await site(join(ROOT, "build/playground"));
  const seen = await open(served.address);
  const { page } = seen;
  try {
    await page.getByText("No errors, checked in").waitFor({ timeout: 120_000 });
    await page.locator("canvas[data-groups]:not([data-groups=''])").waitFor({ timeout: 120_000 });
    t.regex((await page.locator(".results").textContent()) ?? "", /label33/);
    t.regex((await page.locator(".counts").textContent()) ?? "", /^49 → 33 tokens/);
    t.deepEqual(await page.locator(".pane h2").allTextContents(), ["digits, plain", "digits as lite"]);
    t.true((await page.locator(".kiri-declaration").count()) >= 3);
    const before = await groups(page);
    await picture(page, "playground");

    await replace(page, "4", "8");
    await page.waitForFunction(`document.querySelector("canvas").dataset.groups !== ${JSON.stringify(before)}`, undefined, { timeout: 60_000 });
    t.regex((await page.locator(".counts").textContent()) ?? "", /^49 → 17 tokens/);

    await replace(page, "8", "eight");
    await page.locator(".problems .error").first().waitFor();
    t.regex((await page.locator(".problems").textContent()) ?? "", /N2\d\d .*eight/);
    t.true((await page.locator(".cm-lintRange-error").count()) >= 1);
    await picture(page, "playground-error");

    await page.keyboard.press("Control+z");
    await page.getByText("No errors, checked in").waitFor();
    await replace(page, "8", "2");
    await page.getByText("49 → 41 tokens").waitFor({ timeout: 60_000 });
    t.is(await page.locator(".problems li").count(), 0);
    t.deepEqual(seen.wrong, []);
  } finally {
    await seen.close();
  }
});

test.serial("completion and hover say what the language server says", async (t) => {
  await using served = await site(join(ROOT, "build/playground"));
  const seen = await open(served.address);
  const { page } = seen;
  try {
    await page.getByText("No errors, checked in").waitFor({ timeout: 120_000 });
    // The site behind `after`, written anew.
    await page.locator(".kiri-modifier", { hasText: /^after$/ }).dblclick();
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Control+Shift+ArrowRight");
    await page.keyboard.type(" ml");
    const list = page.locator(".cm-tooltip-autocomplete");
    await list.getByText("mlp_input").waitFor({ timeout: 60_000 });
    await picture(page, "playground-completion");
    await page.waitForTimeout(200);
    await page.keyboard.press("Enter");
    t.regex((await page.locator(".cm-line", { hasText: "fold tokens" }).textContent()) ?? "", /after mlp_input with/);
    await page.keyboard.press("Control+z");
    // What a placement does to the tokens of this model, with the paper's link.
    await page.locator(".cm-line", { hasText: "use folds.tome" }).hover({ position: { x: 130, y: 8 } });
    await page.locator(".hover a", { hasText: "arXiv" }).first().waitFor({ timeout: 60_000 });
    t.regex((await page.locator(".hover").textContent()) ?? "", /Token Merging/);
    await picture(page, "playground-hover");
    t.deepEqual(seen.wrong, []);
  } finally {
    await seen.close();
  }
});
