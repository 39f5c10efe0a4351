/** What folding did to one picture: groups that are the fold's own, and a drawing that is a picture. */
import { join } from "node:path";
import test from "ava";
import sharp from "sharp";
import { foldPanels } from "../../hosts/evaluation/show-folds.ts";
import { drawPanels } from "../../hosts/picture.ts";
import { ROOT } from "../support/program.ts";
import { temporaryFolder } from "../support/safetensors-file.ts";

test("scenes: every patch belongs to one of the groups, and plain, truth and variants are drawn", async (t) => {
  const { rows, problems } = await foldPanels({ root: ROOT, file: "pipelines/scenes.kiri", variants: ["expedite_8", "uniform_8"], captions: new Map([["expedite_8", "mIoU 0.531"]]) });
  t.deepEqual(problems, []);
  t.deepEqual(rows.map((row) => row.map((p) => p.kind)), [["picture", "classes", "classes"], ["groups", "classes", "groups", "classes"]]);
  t.deepEqual(rows[1]?.map((p) => p.title), ["expedite_8: 256 → 64 tokens", "expedite_8, mIoU 0.531", "uniform_8: 256 → 64 tokens", "uniform_8"]);
  const uniform = rows[1]?.[2];
  if (uniform?.kind !== "groups") return t.fail("the third panel holds no groups");
  t.deepEqual(uniform.grid, { h: 16, w: 16, lead: 1 });
  // The even grid keeps one of each 2×2 patches, so each row of a group is at most three patches wide and every group is used.
  t.is(new Set(Array.from(uniform.groups)).size, 64);
  const [plain, truth] = [rows[0]?.[2], rows[0]?.[1]];
  if (plain?.kind !== "classes" || truth?.kind !== "classes") return t.fail("classes are missing");
  const right = Array.from(plain.classes).filter((c, i) => c === truth.classes[i]).length;
  t.true(right / 4096 > 0.9, `${right} of 4096 pixels are right`);

  const file = join(temporaryFolder(), "out/folds.png");
  await drawPanels(rows, file);
  const drawn = await sharp(file).stats();
  t.true(drawn.channels.slice(0, 3).every((c) => c.stdev > 20), "the drawing is not blank");
});

test("a program without pictures has nothing to draw", async (t) => {
  t.deepEqual(await foldPanels({ root: ROOT, file: "pipelines/embed.kiri" }), { rows: [], problems: [] });
});
