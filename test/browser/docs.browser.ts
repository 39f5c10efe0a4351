/** The documentation as a site: guides, the library's reference, codes, benches, and the playground beside them. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import test from "ava";
import { ROOT } from "../support/program.ts";
import { open, picture } from "./chromium.ts";
import { site } from "./site.ts";

test.before("it is built", (t) => {
  const built = spawnSync("npm", ["run", "docs"], { cwd: ROOT, encoding: "utf8" });
  t.is(built.status, 0, built.stderr);
});

test.serial("pages have their text, programs their colours, and the playground is a link away", async (t) => {
  await using served = await site(join(ROOT, "build/docs"));
  const seen = await open(`${served.address}reference/folds/tome.html`);
  const { page } = seen;
  try {
    t.is(await page.locator("h1").first().textContent().then((text) => text?.replace(/[\s\u200b]+$/, "")), "folds.tome");
    t.regex((await page.locator("main").textContent()) ?? "", /The r most redundant tokens are averaged into their most similar neighbour/);
    t.true((await page.locator(".language-kiri span[style]").count()) > 10);
    await picture(page, "docs-reference");
    await page.goto(`${served.address}errors/F302.html`);
    t.regex((await page.locator("main").textContent()) ?? "", /These tokens cannot be folded here/);
    await page.goto(`${served.address}bench.html`);
    t.regex((await page.locator("main").textContent()) ?? "", /npm run bench/);
    await page.goto(served.address);
    await page.getByRole("link", { name: "Playground" }).first().click();
    await page.getByText("kirigami playground").waitFor();
    t.deepEqual(seen.wrong, []);
  } finally {
    await seen.close();
  }
});
