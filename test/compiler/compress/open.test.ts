// Values that are left open: which there are, what each may be, and graphs with values in their places against programs that say them.
import test from "ava";
import { compile, programProblems } from "../../../compiler/compile.ts";
import { type Opening, openingsOf } from "../../../compiler/compress/open.ts";
import { openProgram } from "../../../compiler/program.ts";
import { printGraph } from "../../../compiler/graph/text.ts";
import { NodeHost } from "../../../hosts/node-host.ts";
import { attempted, compiled, ROOT, told } from "../../support/program.ts";

const program = (fold: string, uses = "use folds.tome (tome)"): string => `
use model.vit
use image
${uses}
model classifier = vit.Classifier from "models/tiny-vit-mnist"
compress classifier as lite { fold tokens protect 1 ${fold} }
pipeline digits(picture: image) -> { label: Int } { { label: argmax(classifier(image.prepare(picture; classifier.processor)); over: Classes) } }
`;

const EACH = "in each blocks[*] after attended with";

function openings(fold: string, uses?: string): readonly Opening[] {
  const host = new NodeHost({ root: ROOT });
  const { value, problems } = openProgram(host, "pipelines/open.kiri", program(fold, uses));
  const [compression] = value?.compressions ?? [];
  if (!value || !compression) throw new Error(told(problems).join());
  const found = openingsOf(value, compression);
  if (found.problems.length > 0) throw new Error(told(found.problems).join());
  return found.openings;
}

const levels = (fold: string, uses?: string): Record<string, unknown> => Object.fromEntries(openings(fold, uses).map((o) => [o.name, o.levels]));

test("what a value may be: said, or by its parameter", (t) => {
  t.deepEqual(levels(`${EACH} tome(r: ? in 2..6)`), { r: [2, 3, 4, 5] });
  t.deepEqual(levels(`${EACH} tome(r: ? in 2..9 step 3)`), { r: [2, 5, 8] });
  t.deepEqual(levels(`${EACH} tome(r: ? in [8, 2, 4, 2])`), { r: [2, 4, 8] });
  t.deepEqual(levels(`${EACH} tome(r: ?, proportional: ?, metric: ? in [keys, mlp_input])`), { r: undefined, proportional: ["false", "true"], metric: ["keys", "mlp_input"] });
  t.deepEqual(levels(`${EACH} tome(?)`), { r: undefined });
  const flow = levels(`${EACH} vflowopt(keep: ?, grid: (7, 7), t: ?, m: ? in 2.0..3.0 step 0.25)`, "use folds.vflowopt (vflowopt)");
  t.is((flow.keep as number[]).length, 21);
  t.deepEqual([(flow.keep as number[])[0], (flow.keep as number[])[20]], [0, 1]);
  // From a quarter of what is usual to four times that, by equal ratios.
  t.deepEqual([0, 10, 20].map((i) => (flow.t as number[])[i]), [9.815, 39.26, 157.04]);
  t.deepEqual(flow.m, [2, 2.25, 2.5, 2.75, 3]);
});

test("names: of the parameter, numbered in lists and tuples, and told apart", (t) => {
  t.deepEqual(openings(`${EACH} tome(r: [? in 0..3; 3][index % 3])`).map((o) => o.name), ["r[0]", "r[1]", "r[2]"]);
  t.deepEqual(openings("across blocks[4..] with expedite(from: (7, 7), to: (?, ?))", "use folds.expedite (expedite)").map((o) => [o.name, o.type]), [["to[0]", "Int"], ["to[1]", "Int"]]);
  t.deepEqual(openings(`in each blocks[0..3] after attended with tome(r: ?)\n  fold tokens protect 1 in each blocks[3..] after attended with tome(r: ?)`).map((o) => o.name), ["tome.r (1)", "tome.r (2)"]);
});

const graph = (fold: string, values?: Record<string, number | string>): string => printGraph(compiled(program(fold), { variant: "lite", ...(values ? { values } : {}) }).fused);

test("a graph with values in open places is that of the program that says them", (t) => {
  t.is(graph(`${EACH} tome(r: ?, metric: ? in [keys, mlp_input], residual: ?)`, { r: 3, metric: "mlp_input", residual: "true" }), graph(`${EACH} tome(r: 3, metric: mlp_input, residual: true)`));
});

test("in each layer `index` is its place among those that were chosen: a list says how much each folds", (t) => {
  const each = graph(`in each blocks[2..5] after attended with tome(r: [? in 0..9; 3][index])`, { "r[0]": 7, "r[1]": 2, "r[2]": 5 });
  t.is(each, graph(`in each blocks[2..5] after attended with tome(r: [7, 2, 5][index])`));
  const [first, ...rest] = [7, 2, 5].map((r, i) => `in each blocks[${i + 2}] after attended with tome(r: ${r})`);
  t.is(each, graph([first, ...rest.map((line) => `fold tokens protect 1 ${line}`)].join("\n  ")));
});

test("a list of one value many times", (t) => {
  t.is(graph(`${EACH} tome(r: [3; 6][index])`), graph(`${EACH} tome(r: 3)`));
});

test("open values are checked and never compiled: G630 names all of them", (t) => {
  const text = program(`${EACH} tome(r: ?, residual: ?)`);
  const host = new NodeHost({ root: ROOT });
  const { value } = openProgram(host, "pipelines/open.kiri", text);
  t.deepEqual(value ? told(programProblems(value, "cpu")) : undefined, []);
  t.regex(told(attempted(text, { variant: "lite" }).problems).join(), /^G630 `lite` leaves r, residual open/);
  t.regex(told(attempted(text, { variant: "lite", values: { r: 2 } }).problems).join(), /^G630 `lite` leaves residual open/);
  t.truthy(compile(host, { file: "pipelines/open.kiri", target: "cpu", text }).value, "the plain model is closed");
  // The first values need not go together: of six tokens kept in cells of four, more would leave than there are.
  const flow = openProgram(host, "pipelines/open.kiri", program("in each blocks[2..3] after attended with vflowopt(keep: ? in 0.1..0.9, grid: (7, 7), m: ? in [1.75, 3.5])", "use folds.vflowopt (vflowopt)")).value;
  t.deepEqual(flow ? told(programProblems(flow, "cpu")) : undefined, []);
  // A wrong program with open values is as wrong as one without.
  const wrong = openProgram(host, "pipelines/open.kiri", program(`${EACH} tome(r: ?, metric: nowhere)`)).value;
  t.regex(wrong ? told(programProblems(wrong, "cpu")).join() : "", /^F305 /);
});

test("domains that are none are refused with what is wrong", (t) => {
  const problem = (value: string, name = "r"): string => told(attempted(program(`${EACH} tome(${name === "r" ? "" : "r: 2, "}${name}: ${value})`), { variant: "lite" }).problems).join();
  t.regex(problem("? in 5..5"), /^G634 r: there is no value in it/);
  t.regex(problem("? in 0.5..4.0"), /^G634 r: a whole number is wanted/);
  t.regex(problem("? in [1, keys]"), /^G634 r: its values must be numbers/);
  t.regex(problem("? in 3"), /^G634 r: a domain is a range/);
  t.regex(problem("? in 2.."), /^G634 r: a range needs two numbers/);
  t.regex(problem("? in 0..5000"), /^G634 r: 1001 values are too many/);
  t.regex(problem("?", "metric"), /^G634 metric: say what it may be/);
  t.regex(problem("[?; 0][index]"), /^G634 r: how many there are/);
  t.regex(told(attempted(program(`${EACH} tome(r: 2)`).replace("protect 1", "protect ?"), { variant: "lite" }).problems).join(), /^B325 /);
});
