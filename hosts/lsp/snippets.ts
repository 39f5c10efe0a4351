// What an editor writes when somebody begins a declaration: the server offers it, and the extension for Visual Studio Code has it as a file.

interface Snippet {
  /** The word that one types. */
  readonly word: string;
  readonly says: string;
  /** Lines, with places to fill in: `$0` is the last one. */
  readonly body: readonly string[];
}

const hole = (place: number, name: string): string => `\${${place}:${name}}`;

export const SNIPPETS: readonly Snippet[] = [
  { word: "use", says: "a module of the library or the project", body: [`use ${hole(1, "folds.tome")} (${hole(2, "tome")})`] },
  { word: "fn", says: "a function over tensors", body: [`fn ${hole(1, "name")}(${hole(2, "x")}: f32[B, N, C]) -> f32[B, N, C] { $0 }`] },
  {
    word: "layer", says: "a function with weights and parts",
    body: [`layer ${hole(1, "Name")}(width: Int) {`, `  use ${hole(2, "enter")} = ${hole(3, "Linear")}(width, width)`, "", "  (x: f32[B, N, C]) -> f32[B, N, C] where C = width {", `    ${hole(2, "enter")}(x)$0`, "  }", "}"],
  },
  {
    word: "fold", says: "tokens become fewer, and come back",
    body: [`fold ${hole(1, "name")}() : N -> K where K = ceil(N / 2) {`, "  down(x: f32[B, N, C]) -> kept: f32[B, K, C] { x[N: 0.. step 2] }", "  up(y: f32[B, K, C]) -> f32[B, N, C] { gather(y, iota(down.x.N as N) / 2; over: K) }$0", "}"],
  },
  { word: "model", says: "a layer with its weights", body: [`model ${hole(1, "classifier")} = ${hole(2, "vit.Classifier")} from "${hole(3, "models/")}"`] },
  { word: "data", says: "records for gates", body: [`data ${hole(1, "held_out")}: (${hole(2, "picture")}: image, ${hole(3, "label")}: Int) = "${hole(4, "data/index.json")}"`] },
  {
    word: "compress", says: "a variant of a model: its folds, and what they may cost",
    body: [`compress ${hole(1, "classifier")} as ${hole(2, "lite")} {`, `  fold tokens protect 1 in each ${hole(3, "blocks[*]")} after attended with ${hole(4, "tome")}(r: 4)`, "  $0", "}"],
  },
  { word: "pipeline", says: "the entry point: one compiled artefact", body: [`pipeline ${hole(1, "name")}(${hole(2, "picture")}: image) -> { ${hole(3, "label")}: Int } {`, `  { ${hole(3, "label")}: $0 }`, "}"] },
  { word: "record", says: "compile-time values with names", body: [`record ${hole(1, "Plan")} {`, `  ${hole(2, "first")}: Int$0`, "}"] },
  { word: "check", says: "a claim that kiri test runs", body: [`check "${hole(1, "what holds")}" {`, "  $0", "}"] },
];
