// G: what a `compress` block requires, and what is asked of the compiler.
import { define, error, warning } from "./define.ts";
import { respelt } from "./fix.ts";

const near = (names: readonly string[]): string => (names.length ? `Did you mean ${names.join(", ")}?` : "Look at the file's declarations.");

export const gates = define({
  G601: error("Which pipeline is meant?", {
    says: (h: { wanted: string; has: readonly string[]; file: string }) =>
      h.wanted ? `${h.file} has no pipeline ${h.wanted}; it has ${h.has.length ? h.has.join(", ") : "none"}.` : `${h.file} has ${h.has.length === 0 ? "no pipeline" : `several: ${h.has.join(", ")}`}.`,
    next: (h) => (h.has.length ? "Name one with `--pipeline`." : "Declare one: `pipeline name(picture: image) -> { … } { … }`."),
  }),
  G602: error("There is no such variant", {
    says: (h: { wanted: string; near: readonly string[]; file: string }) => `${h.file} has no \`compress … as ${h.wanted}\`.`,
    next: (h) => near(h.near),
  }),
  G603: error("This requirement is not met", {
    says: (h: { what: string; measured: string; wanted: string; on: string }) => `${h.what} is ${h.measured} on ${h.on}; ${h.wanted} is required.`,
    next: () => "Compress less, or require less; `kiri bench` shows all variants side by side.",
  }),
  G604: error("This did not fuse as expected", {
    says: (h: { what: string; found: number; wanted: number }) => `${h.found} of ${h.wanted} ${h.what} fused.`,
    next: (h) => `\`kiri explain --fusions\` tells what stood in the way of ${h.what}.`,
  }),
  G605: error("This measure cannot be taken", {
    says: (h: { measure: string; why: string; elsewhere?: { readonly on: string; readonly target: string } }) => `${h.measure}: ${h.why}.`,
    next: (h) => h.elsewhere ? `Compile with \`--target ${h.elsewhere.on}\`, or write \`on ${h.elsewhere.target}\`.` : "A measure is a function of a pipeline's output and of the data's field of the same name, or `speedup`.",
  }),
  G606: error("This data cannot be used", {
    says: (h: { path: string; why: string }) => `${h.path}: ${h.why}.`,
    next: () => "Data is a JSON list of records, JSON Lines with one a line (`.jsonl`), or a safetensors file with one tensor a field.",
  }),
  G607: error("There is no such data", {
    says: (h: { name: string; near: readonly string[] }) => `No \`data ${h.name}\` is declared here.`,
    next: (h) => near(h.near),
    fixes: (h) => respelt(h.name, h.near),
  }),
  G608: warning("Nothing was measured", {
    says: (h: { count: number }) => `${h.count} requirements were left unmeasured, as asked.`,
    next: () => "Compile without `--no-gates` before you ship.",
  }),
  G609: error("A check does not hold", {
    says: (h: { title: string; claim: string; detail: string }) => `"${h.title}": ${h.claim} is false${h.detail}.`,
    next: () => "Mend the code, or the claim.",
  }),
  G611: warning("This declaration is not run", {
    says: (h: { name: string }) => `This version parses \`decode ${h.name}\` and does not run it: artefacts are the same with it and without.`,
    next: () => "Write the loop in the program that runs the artefact, one run a step.",
  }),
  G630: error("A value of this variant is open", {
    says: (h: { variant: string; open: readonly string[]; file: string }) => `\`${h.variant}\` leaves ${h.open.join(", ")} open.`,
    next: (h) => `Let \`kiri tune ${h.file}\` find values, or write some.`,
  }),
  G631: error("There is nothing to tune", {
    says: (h: { file: string; open: readonly string[] }) => h.open.length > 1 ? `Several variants of ${h.file} leave values open: ${h.open.join(", ")}.` : `No \`compress\` of ${h.file} that is meant here leaves a value open.`,
    next: (h) => h.open.length > 1 ? "Name one with `--variant`." : "Write `?` for a value that is to be searched: `with tome(r: ?)`.",
  }),
  G632: error("This budget cannot be read", {
    says: (h: { budget: string; why: string }) => `${h.budget ? `\`${h.budget}\`: ` : ""}${h.why}.`,
    next: (h: { budget: string; why: string; has: readonly string[] }) => `Write it as \`accuracy_drop <= 0.01 and accuracy >= 0.9\`${h.has.length > 0 ? `; measured here: ${h.has.join(", ")}` : ""}.`,
  }),
  G633: error("No variant keeps the budget", {
    says: (h: { budget: string; best: string; trials: number }) => `${h.trials} variants were tried, and none keeps ${h.budget}; the nearest is ${h.best}.`,
    next: () => "Allow more, open other values, or try more of them (`--trials`).",
  }),
  G634: error("These values cannot be searched", {
    says: (h: { name: string; why: string }) => `${h.name}: ${h.why}.`,
    next: () => "`? in 2..16` are the whole numbers from 2 to 15, `? in 0.1..0.9` broken ones with both ends, `? in [4, 8]` those of a list.",
  }),
  G610: warning("This variant has no control", {
    says: (h: { variant: string; why: string }) => `What keeps as many tokens as ${h.variant} without looking cannot stand in its place: ${h.why}`,
    next: () => "The control folds f32[B, N, C]; write one for other shapes as a variant of its own, or leave it out with `--no-control`.",
  }),
  G640: warning("Half precision saves size here, not time", {
    says: (h: { target: string }) => `ONNX Runtime has few operators for f16 on ${h.target === "cpu" ? "a CPU" : h.target}: weights are stored in f16, half as large, and widened as the model is loaded; results stay in f32.`,
    next: () => "`--target cuda` computes in f16 too, and so does `--target portable`, which other runtimes load (WebGPU in a browser).",
  }),
  G641: error("This precision is not one", {
    says: (h: { why: string; has: readonly string[] }) => `What is computed in is f32, unless a variant asks for ${h.has.map((p) => `\`precision: ${p}\``).join(" or ")}: here ${h.why}.`,
    next: (h) => `Write \`precision: ${h.has[0] ?? ""}\` once, or leave it out.`,
  }),
  G620: error("An import asks for what there is not", {
    says: (h: { query: string; why: string }) => `The import ends in \`?${h.query}\`: ${h.why}.`,
    next: () => "An import takes `pipeline=NAME`, `compress=NAME` or `plain`, and `target=cpu`, `cuda` or `portable`, joined by `&`.",
  }),
});
