// The abstract syntax of `.kiri`: readonly data, `kind` + `span`, nothing semantic.
import type { Span } from "./source.ts";

interface Base {
  readonly span: Span;
}

export interface Ident extends Base {
  readonly name: string; // may end in primes: N'
}

/** `/// …` lines that stand directly before a declaration or item, without the slashes. */
export type Doc = string | undefined;

// ── module ───────────────────────────────────────────────────────────────────
export interface Module extends Base {
  readonly kind: "module";
  readonly path: string;
  readonly doc: Doc;
  readonly uses: readonly Use[];
  readonly declarations: readonly Declaration[];
}

/** `use model.vit`, `use core (dot, softmax)`, `use folds.tome as merging`. */
export interface Use extends Base {
  readonly kind: "use";
  readonly path: readonly Ident[];
  /** `undefined`: the module is bound under the last segment (or `alias`). */
  readonly names: readonly Ident[] | undefined;
  readonly alias: Ident | undefined;
}

export type Declaration =
  | FnDecl | RecordDecl | LetDecl | SitesDecl | LayerDecl | FoldDecl | RewriteDecl | TokenizerDecl | DecodeDecl
  | ModelDecl | CompressDecl | DataDecl | PipelineDecl | CheckDecl;

interface Named extends Base {
  readonly name: Ident;
  readonly doc: Doc;
}

/** `fn name(tensors; statics) -> Type where … { … }`; `extern fn` has no body. */
export interface FnDecl extends Named {
  readonly kind: "fn";
  readonly extern: boolean;
  readonly signature: Signature;
  readonly body: Block | undefined;
}

export interface Signature extends Base {
  /** Before `;` (or all, where no `;` is written). */
  readonly params: readonly Param[];
  /** After `;`. */
  readonly statics: readonly Param[];
  /** `-> c: f32[B, K, C]` names the result. */
  readonly resultName: Ident | undefined;
  readonly result: TypeExpr | undefined;
  readonly where: readonly Expr[];
}

/** `x: f32[B, N]`, `rounds = 5`, `rounds: Int = 5`, `over: Axis`. */
export interface Param extends Base {
  readonly name: Ident;
  readonly type: TypeExpr | undefined;
  readonly default: Expr | undefined;
}

/** `record Grid { h: Int, w: Int  let area = h * w  fn at(i: Int) -> Int { … } }` */
export interface RecordDecl extends Named {
  readonly kind: "record";
  readonly fields: readonly Param[];
  readonly lets: readonly Let[];
  readonly methods: readonly FnDecl[];
}

/** A compile-time constant of the module: `let eps = 1e-6`. */
export interface LetDecl extends Named {
  readonly kind: "const";
  readonly type: TypeExpr | undefined;
  readonly value: Expr;
}

/** `sites TransformerBlock { input, queries, probs = attention.probs }`; `sites by_hand for m { blocks[3].keys = "tensor" as [B * H, N, D] }` names places of an imported file by its tensors. */
export interface SitesDecl extends Named {
  readonly kind: "sites";
  /** The imported model of `for model`. */
  readonly model: Ident | undefined;
  readonly sites: readonly { readonly name: Ident; readonly path: readonly Ident[] | undefined }[];
  /** `axes`: what the tensor's axes are called, where they are named. */
  readonly places: readonly { readonly at: Selector; readonly tensor: Ident; readonly axes: AsAxes["axes"] | undefined; readonly span: Span }[];
}

/** `layer Block(width: Int) offers TransformerBlock { use … param … (x: …) -> … { … } }` */
export interface LayerDecl extends Named {
  readonly kind: "layer";
  readonly params: readonly Param[];
  readonly offers: Path | undefined;
  /** `offers TransformerBlock { probs = attention.probs }`: where a site has another name or lies in a sub-layer. */
  readonly offered: readonly { readonly name: Ident; readonly path: readonly Ident[] }[];
  readonly where: readonly Expr[];
  readonly members: readonly LayerMember[];
  /** The unnamed function. */
  readonly forward: { readonly signature: Signature; readonly body: Block } | undefined;
  /** Further named functions (`fn embed(…)`), callable as `layer.embed(x)`. */
  readonly methods: readonly FnDecl[];
}

export type LayerMember = SubLayer | WeightParam | Let;

/** `use norm1 = LayerNorm(width) named "layernorm_before"`, `use blocks[depth] = Block(…) named "encoder.layer" when cond`. */
export interface SubLayer extends Base {
  readonly kind: "sub-layer";
  readonly name: Ident;
  /** `blocks[depth]`: a list of `depth` layers, weights named `<named>.<i>`; inside the arguments `index` is the position. */
  readonly count: Expr | undefined;
  readonly layer: Call;
  readonly named: string | undefined;
  readonly when: Expr | undefined;
  readonly doc: Doc;
}

/** `param weight: f32[O = to, I = from] named "w" when bias` */
export interface WeightParam extends Base {
  readonly kind: "param";
  readonly name: Ident;
  readonly type: TensorType;
  readonly named: string | undefined;
  readonly when: Expr | undefined;
  /** `param bias: f32[O] = 0`: used where the checkpoint has none. */
  readonly default: Expr | undefined;
  readonly doc: Doc;
}

/** `fold tome(r: Int, metric = keys) : N -> K where K = … { … }` */
export interface FoldDecl extends Named {
  readonly kind: "fold";
  readonly params: readonly Param[];
  readonly from: Ident;
  readonly to: Ident;
  readonly where: readonly Expr[];
  readonly members: readonly FoldMember[];
}

export type FoldMember = Carry | Hook | Down | Up | Companion | FnDecl | Let;

/** `carry size: f32[B, N] = 1 down by sum` */
export interface Carry extends Base {
  readonly kind: "carry";
  readonly name: Ident;
  readonly type: TensorType;
  readonly init: Expr;
  readonly by: Ident;
  readonly doc: Doc;
}

/** `at scores(s: f32[B, H, N', N]) { s + log(size) }`; in a rewrite `at linear(x: …, w: …) -> … { … }` */
export interface Hook extends Base {
  readonly kind: "hook";
  readonly site: Ident;
  readonly signature: Signature;
  readonly when: Expr | undefined;
  readonly body: Block;
  readonly doc: Doc;
}

/** `down(x: f32[B, N, C]) reads keys: f32[B, H, N, D] -> c: f32[B, K, C] { … }` */
export interface Down extends Base {
  readonly kind: "down";
  readonly signature: Signature;
  /** Sites of the same block that this fold reads; a compile-time parameter may choose the site: `reads keys = metric: …`. */
  readonly reads: readonly { readonly name: Ident; readonly site: Ident | undefined; readonly type: TensorType }[];
  readonly body: Block;
  readonly doc: Doc;
}

/** `up(y: f32[B, K, C]) -> f32[B, N, C] { … }` */
export interface Up extends Base {
  readonly kind: "up";
  readonly signature: Signature;
  readonly body: Block;
  readonly doc: Doc;
}

/** `down mask by any`: how a companion that carries N is folded. */
export interface Companion extends Base {
  readonly kind: "companion";
  readonly name: Ident;
  readonly by: Ident;
}

/** `rewrite int8(per_channel = true) { at linear(x: …, w: …) -> … { … } }` */
export interface RewriteDecl extends Named {
  readonly kind: "rewrite";
  readonly params: readonly Param[];
  readonly where: readonly Expr[];
  readonly members: readonly (Hook | FnDecl | Let)[];
}

/** `tokenizer Fsq(levels: [Int]) { encode(z: …) -> … { … } decode(ids: …) -> … { … } }`, or `tokenizer words = text from "models/minilm"` */
export interface TokenizerDecl extends Named {
  readonly kind: "tokenizer";
  readonly params: readonly Param[];
  /** A host tokenizer: the word before `from` (`text`). */
  readonly host: Ident | undefined;
  readonly from: Expr | undefined;
  readonly methods: readonly FnDecl[];
  readonly lets: readonly Let[];
}

/** How a generator is stepped: named functions over tensors (`draft`, `verify`, `accept`, …). */
export interface DecodeDecl extends Named {
  readonly kind: "decode";
  readonly params: readonly Param[];
  readonly where: readonly Expr[];
  readonly members: readonly (FnDecl | Let | Carry)[];
}

/** `model m = vit.Classifier(head: 3) from "dir"`, `model m = import "x.onnx"`, `model m = vit.Encoder(…) from random(seed: 1)` */
export interface ModelDecl extends Named {
  readonly kind: "model";
  readonly layer: Expr | undefined; // undefined for `import`
  readonly from: Expr | undefined;
  readonly imported: Expr | undefined;
}

/** `compress classifier as lite { … }` */
export interface CompressDecl extends Base {
  readonly kind: "compress";
  readonly target: Ident;
  readonly as: Ident | undefined;
  readonly doc: Doc;
  readonly items: readonly CompressItem[];
}

export type CompressItem = PlaceFold | PlaceRewrite | Require | Expect | Precision;

/** `fold tokens protect 1 in each blocks[2..] after attended with tome(r: 4) up after norm` */
export interface PlaceFold extends Base {
  readonly kind: "place-fold";
  readonly axis: Ident; // `tokens`
  readonly protect: Expr | undefined;
  readonly mode: "across" | "each" | "at";
  readonly region: Selector;
  /** `after attended` (each), or for `across … after site`. */
  readonly after: Ident | undefined;
  readonly with: Call;
  /** `up after norm`, `up none`; undefined: where the types need it. */
  readonly up: { readonly kind: "none" } | { readonly kind: "after"; readonly site: Selector } | undefined;
}

/** `rewrite blocks with int8()` */
export interface PlaceRewrite extends Base {
  readonly kind: "place-rewrite";
  readonly region: Selector;
  readonly with: Call;
}

/** `require drop of accuracy(label) <= 0.005 on held_out`, `require speedup >= 1.1 on cpu`, `report accuracy(label) on held_out` */
export interface Require extends Base {
  readonly kind: "require" | "report";
  readonly drop: boolean;
  readonly measure: Expr;
  readonly comparison: "<=" | ">=" | "<" | ">" | undefined; // undefined for report
  readonly bound: Expr | undefined;
  readonly on: Ident | undefined;
}

/** `expect fused attention * 6` */
export interface Expect extends Base {
  readonly kind: "expect";
  readonly what: Ident;
  readonly count: Expr | undefined;
}

/** `precision: f16` */
interface Precision extends Base {
  readonly kind: "precision";
  readonly of: Ident;
}

/** `blocks[4..10].attention.probs`, `blocks[*]`, `blocks[-1]`, `blocks[0.. step 3]` */
export interface Selector extends Base {
  readonly kind: "selector";
  readonly segments: readonly { readonly name: Ident; readonly index: SelectorIndex | undefined }[];
}
export type SelectorIndex =
  | { readonly kind: "all" }
  | { readonly kind: "at"; readonly value: Expr }
  | { readonly kind: "range"; readonly from: Expr | undefined; readonly to: Expr | undefined; readonly step: Expr | undefined };

/** `data held_out: (picture: image, label: Int) = "data/digits/index.json"` */
export interface DataDecl extends Named {
  readonly kind: "data";
  readonly fields: readonly Param[];
  readonly from: Expr;
}

export interface PipelineDecl extends Named {
  readonly kind: "pipeline";
  readonly signature: Signature;
  readonly body: Block;
}

/** `check "name" { let … ; claim }`: every expression statement (and the result) is a claim. */
export interface CheckDecl extends Base {
  readonly kind: "check";
  readonly title: string;
  readonly doc: Doc;
  readonly body: Block;
}

export interface Path extends Base {
  readonly kind: "path";
  readonly segments: readonly Ident[];
}

// ── types ────────────────────────────────────────────────────────────────────
export type TypeExpr = TensorType | NamedType | ListType | RecordType | TupleType;

/** `f32[B, N, C]`; without brackets (`f32`) a run-time scalar per batch row or, in `fn`s, a tensor with no axes. */
export interface TensorType extends Base {
  readonly kind: "tensor-type";
  readonly dtype: string;
  readonly axes: readonly AxisExpr[];
}
/** An axis in a type or in `as […]`. */
export type AxisExpr =
  | (Base & { readonly kind: "axis"; readonly name: Ident; readonly size: Expr | undefined }) // N, or C = width
  | (Base & { readonly kind: "sized"; readonly size: Expr })                                  // 3, N - r, grid.area
  | (Base & { readonly kind: "rest" })                                                        // ...
  | (Base & { readonly kind: "some"; readonly name: Ident; readonly bound: Expr });           // some K <= N
export interface NamedType extends Base { readonly kind: "named-type"; readonly path: readonly Ident[] }
interface ListType extends Base { readonly kind: "list-type"; readonly element: TypeExpr }
interface RecordType extends Base { readonly kind: "record-type"; readonly fields: readonly Param[] }
interface TupleType extends Base { readonly kind: "tuple-type"; readonly elements: readonly TypeExpr[] }

// ── statements ───────────────────────────────────────────────────────────────
export interface Block extends Base {
  readonly kind: "block";
  readonly statements: readonly Statement[];
  /** The last expression; in a `check` it is the last claim. */
  readonly result: Expr | undefined;
}
export type Statement = Let | Assign | ExprStatement;
export interface Let extends Base {
  readonly kind: "let";
  /** One name, or several: `let (distance, i) = …`. */
  readonly names: readonly Ident[];
  readonly destructures: boolean;
  readonly type: TypeExpr | undefined;
  readonly value: Expr;
  readonly doc: Doc;
}
export interface Assign extends Base { readonly kind: "assign"; readonly name: Ident; readonly value: Expr } // size := total
interface ExprStatement extends Base { readonly kind: "expression"; readonly value: Expr }

// ── expressions ──────────────────────────────────────────────────────────────
export type Expr =
  | NumberLiteral | StringLiteral | BoolLiteral | Name | Member | Call | Index | Unary | Binary
  | If | Repeat | ListLiteral | Comprehension | TupleLiteral | RecordLiteral | AsAxes | AsName | Into | Open;

interface NumberLiteral extends Base { readonly kind: "number"; readonly value: number; readonly isInteger: boolean }
interface StringLiteral extends Base { readonly kind: "string"; readonly value: string }
interface BoolLiteral extends Base { readonly kind: "bool"; readonly value: boolean }
export interface Name extends Base { readonly kind: "name"; readonly name: string }
export interface Member extends Base { readonly kind: "member"; readonly object: Expr; readonly name: Ident }
export interface Call extends Base {
  readonly kind: "call";
  readonly callee: Expr;
  readonly args: readonly Argument[];
}
/** `isStatic`: stands after `;`. */
export interface Argument extends Base { readonly name: Ident | undefined; readonly value: Expr; readonly isStatic: boolean }
/** `list[0]`, `list[1..3]`, `x[N: 1..]`, `x[N: 0]` */
export interface Index extends Base { readonly kind: "index"; readonly object: Expr; readonly items: readonly IndexItem[] }
export interface IndexItem extends Base { readonly axis: Ident | undefined; readonly value: Expr | Range }
export interface Range extends Base { readonly kind: "range"; readonly from: Expr | undefined; readonly to: Expr | undefined; readonly step: Expr | undefined }
export interface Unary extends Base { readonly kind: "unary"; readonly op: "-" | "not"; readonly operand: Expr }
export type BinaryOp = "+" | "-" | "*" | "/" | "%" | "^" | "==" | "!=" | "<" | "<=" | ">" | ">=" | "~=" | "and" | "or";
export interface Binary extends Base { readonly kind: "binary"; readonly op: BinaryOp; readonly left: Expr; readonly right: Expr }
export interface If extends Base { readonly kind: "if"; readonly condition: Expr; readonly then: Block; readonly otherwise: Block }
/** `repeat rounds from c = init { … }` (compile-time count, unrolled); `repeat i in 0..n from c = init { … }` */
export interface Repeat extends Base {
  readonly kind: "repeat";
  readonly index: Ident | undefined;
  readonly range: Range | undefined;
  readonly count: Expr | undefined;
  readonly name: Ident;
  readonly from: Expr;
  readonly body: Block;
}
/** `?`, `? in 2..16`, `? in [0.1, 0.2]`: a value that `kiri tune` searches. `[?; 12]` is a list of twelve. */
export interface Open extends Base { readonly kind: "open"; readonly domain: Expr | Range | undefined; readonly count: Expr | undefined }
interface ListLiteral extends Base { readonly kind: "list"; readonly elements: readonly Expr[] }
/** `[f(l) for l in levels]`, `[f(i) for i in 0..n]` */
export interface Comprehension extends Base { readonly kind: "comprehension"; readonly element: Expr; readonly name: Ident; readonly source: Expr | Range }
interface TupleLiteral extends Base { readonly kind: "tuple"; readonly elements: readonly Expr[] }
/** `{ label: a, confidence: b }`, `Merge { kept: k }` */
export interface RecordLiteral extends Base { readonly kind: "record-literal"; readonly type: Expr | undefined; readonly fields: readonly { readonly name: Ident; readonly value: Expr }[] }
/** `k as [B, H, N', D]` */
export interface AsAxes extends Base { readonly kind: "as-axes"; readonly value: Expr; readonly axes: readonly AxisExpr[] }
/** `near as J` in an argument: a size that names the axis it makes. */
interface AsName extends Base { readonly kind: "as-name"; readonly value: Expr; readonly name: Ident }
/** `C into (H, D)`, `(H, D) into C` in an argument. */
interface Into extends Base { readonly kind: "into"; readonly from: Expr; readonly to: Expr }
