// Graphs as text: printed the same for the same graph, one node a line, and read back.
import { type Dim, isDim, parseDim } from "../types/dim.ts";
import { type DType, type TensorType, isDType, printType } from "../types/tensor.ts";
import { literal, values } from "./build.ts";
import { Arena, type Attr, type Attrs, type Graph, type GraphInput, type GraphOutput, type Guard, type Infer, type Level, type Literal, type Node, type WeightRef, topological } from "./node.ts";
import { Scanner } from "./scanner.ts";

interface PrintOptions {
  /** Adds the instance path of each node as a comment. */
  readonly paths?: boolean;
}

/** The whole graph. Nodes are numbered in the order in which the outputs need them. */
export function printGraph(graph: Graph, options: PrintOptions = {}): string {
  const { arena } = graph;
  const order = topological([...graph.inputs, ...graph.outputs].map((io) => io.node));
  const names = new Map(order.map((node, i) => [node, `%${i}`]));
  const port = (word: string, io: GraphInput | GraphOutput): string => `${word} ${JSON.stringify(io.name)} ${printAttr(io.axes)} = ${names.get(io.node)}`;
  const lines = [
    `graph ${graph.level}`,
    ...[...arena.facts.values].map(([name, value]) => `know ${name} = ${value.key}`),
    ...order.map((node) => printNode(node, names) + comment(graph, node, options)),
    ...graph.inputs.map((io) => port("input", io)),
    ...graph.outputs.map((io) => port("output", io)),
    ...graph.guards.map((g) => `guard ${g.left.key} ${g.comparison} ${g.right.key} says ${JSON.stringify(g.says)} at ${JSON.stringify(g.span.file)} ${g.span.start} ${g.span.end}`),
  ];
  return `${lines.join("\n")}\n`;
}

/** Reads what `printGraph` prints into a new arena. Origins are not part of the text. */
export function parseGraph(text: string, infer: Infer): Graph {
  const arena = new Arena(infer);
  const nodes = new Map<string, Node>();
  const inputs: GraphInput[] = [];
  const outputs: GraphOutput[] = [];
  const guards: Guard[] = [];
  let level: Level | undefined;
  for (const line of text.split("\n")) {
    const at = new Scanner(line);
    if (at.isDone()) continue;
    if (at.peek("%")) readNode(at, arena, nodes);
    else {
      const word = at.word();
      if (word === "graph") level = at.oneOf<Level>(["tensor", "fused", "onnx"]);
      else if (word === "know") arena.facts.know(at.until(" = "), parseDim(at.rest()));
      else if (word === "input") inputs.push(readPort(at, nodes));
      else if (word === "output") outputs.push(readPort(at, nodes));
      else if (word === "guard") guards.push(readGuard(at));
      else throw at.error("a node, an input, an output or a guard");
    }
    at.end();
  }
  if (!level) throw new Error("a graph starts with its level: `graph tensor`");
  return { level, arena, inputs, outputs, guards };
}

/** Ops whose result type is what their attributes say; the text does not repeat it. */
const TYPED = new Set(["input", "const", "weight", "fill", "random"]);

function printNode(node: Node, names: ReadonlyMap<Node, string>): string {
  const types = node.types.length === 1 ? printType(node.type) : `(${node.types.map(printType).join(", ")})`;
  const attrs = Object.keys(node.attrs).sort().filter((name) => !(TYPED.has(node.op) && (name === "dtype" || name === "dims")));
  const shown = attrs.map((name) => ` ${name}=${printAttr(node.attrs[name] as Attr)}`).join("");
  return `${names.get(node)} : ${types} = ${node.op}(${node.inputs.map((i) => names.get(i)).join(", ")})${shown}`;
}

function comment({ arena }: Graph, node: Node, { paths }: PrintOptions): string {
  const all = new Set(arena.originsOf(node).map((o) => [o.path, o.by].filter(Boolean).join(" by ")).filter(Boolean));
  return paths && all.size > 0 ? `  # ${[...all].join(", ")}` : "";
}

function readNode(at: Scanner, arena: Arena, nodes: Map<string, Node>): void {
  const name = at.pattern(/%\d+/y, "a node, such as %3");
  at.expect(":");
  const types = at.peek("(") ? at.list("(", ")", () => readType(at)) : [readType(at)];
  at.expect("=");
  const op = at.word();
  const inputs = at.list("(", ")", () => readRef(at, nodes));
  const attrs: Record<string, Attr> = TYPED.has(op) && types[0] ? { dtype: types[0].dtype, dims: types[0].dims } : {};
  while (!at.isDone()) {
    const attr = at.word();
    at.expect("=");
    attrs[attr] = readAttr(at);
  }
  const node = arena.make(op, inputs, attrs as Attrs);
  const [found, wanted] = [node.types, types].map((list) => list.map(printType).join(", "));
  if (found !== wanted) throw new Error(`${name}: the text says ${wanted}, and ${op} gives ${found}`);
  nodes.set(name, node);
}

function readRef(at: Scanner, nodes: ReadonlyMap<string, Node>): Node {
  const name = at.pattern(/%\d+/y, "a node, such as %3");
  const node = nodes.get(name);
  if (!node) throw at.error(`a node that stands above, not ${name}`);
  return node;
}

function readType(at: Scanner): TensorType {
  return { dtype: readDType(at), dims: at.list("[", "]", () => readDim(at)) };
}
function readDType(at: Scanner): DType {
  const word = at.word();
  if (!isDType(word)) throw at.error("an element type");
  return word;
}
const readDim = (at: Scanner): Dim => parseDim(at.balanced());

function readPort(at: Scanner, nodes: ReadonlyMap<string, Node>): GraphInput {
  const name = at.quoted();
  const axes = at.list("[", "]", () => at.quoted());
  at.expect("=");
  return { name, axes, node: readRef(at, nodes) };
}

const COMPARISONS = ["==", "<=", ">=", "!=", "<", ">"] as const;

function readGuard(at: Scanner): Guard {
  const clause = at.until(" says ");
  const comparison = COMPARISONS.find((c) => clause.includes(` ${c} `));
  if (!comparison) throw at.error("a comparison of sizes");
  const [left, right] = clause.split(` ${comparison} `).map(parseDim) as [Dim, Dim];
  const says = at.quoted();
  at.expect("at");
  return { left, comparison, right, says, span: { file: at.quoted(), start: at.number(), end: at.number() } };
}

// Attributes. Sizes stand in <…> so that `5` the number and `<5>` the size stay apart.

function printAttr(value: Attr): string {
  if (typeof value === "number") return printNumber(value);
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "boolean") return String(value);
  if (isDim(value)) return `<${value.key}>`;
  if (Array.isArray(value)) return `[${value.map((v: Attr) => printAttr(v)).join(", ")}]`;
  return (value as Literal | WeightRef).kind === "literal" ? printLiteral(value as Literal) : printRef(value as WeightRef);
}

function readAttr(at: Scanner): Attr {
  if (at.peek('"')) return at.quoted();
  if (at.peek("<")) return readSize(at);
  if (at.peek("[")) return at.list("[", "]", () => readAttr(at)) as readonly number[];
  if (at.peek("@")) return readRefAttr(at);
  if (at.tries("true")) return true;
  if (at.tries("false")) return false;
  const dtype = at.pattern(/(?:f64|f32|f16|bf16|i64|i32|i16|i8|u16|u8|i4|u4|bool)(?=[(#])/y);
  return dtype ? readLiteral(at, dtype as DType) : at.number();
}

function readSize(at: Scanner): Dim {
  at.expect("<");
  const dim = parseDim(at.until(">"));
  return dim;
}

function printNumber(value: number): string {
  if (Object.is(value, -0)) return "-0";
  return Number.isFinite(value) ? String(value) : Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
}

/** At most this many elements are printed as numbers. */
const SHORT = 16;

function printLiteral(value: Literal): string {
  return printed(value) ?? `${value.dtype}#${base64(value.bytes)}`;
}

/** Short literals as numbers, where reading them back gives the same bytes. */
function printed(value: Literal): string | undefined {
  if (value.dtype === "f16" || value.dtype === "bf16" || value.dtype === "i4" || value.dtype === "u4" || value.bytes.length > SHORT * 8) return undefined;
  const list = values(value);
  if (list.length > SHORT) return undefined;
  const same = literal(value.dtype, list.map((v) => (Number.isInteger(v) || value.dtype.startsWith("f") ? v : 0))).bytes;
  if (!same.every((b, i) => b === value.bytes[i])) return undefined;
  return `${value.dtype}(${list.map((v) => printNumber(value.dtype === "f32" ? shortest(v) : v)).join(", ")})`;
}

/** The shortest decimal that is the same number in 32 bits. */
function shortest(value: number): number {
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Object.is(Math.fround(short), value)) return short;
  }
  return value;
}

function readLiteral(at: Scanner, dtype: DType): Literal {
  if (at.tries("#")) return { kind: "literal", dtype, bytes: fromBase64(at.pattern(/[A-Za-z0-9+/=]*/y, "base64")) };
  return literal(dtype, at.list("(", ")", () => at.number()));
}

const printRef = (ref: WeightRef): string =>
  `@(${JSON.stringify(ref.name)}, ${JSON.stringify(ref.file)}, ${ref.offset}, ${ref.length}, ${ref.dtype}[${ref.shape.join(", ")}])`;

function readRefAttr(at: Scanner): WeightRef {
  const next = <T>(read: () => T): T => {
    at.expect(",");
    return read();
  };
  at.expect("@");
  at.expect("(");
  const name = at.quoted();
  const file = next(() => at.quoted());
  const [offset, length] = [next(() => at.number()), next(() => at.number())];
  const dtype = next(() => readDType(at));
  const shape = at.list("[", "]", () => at.number());
  at.expect(")");
  return { kind: "weight-ref", name, file, offset, length, dtype, shape };
}

function base64(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 4096) text += String.fromCharCode(...bytes.subarray(at, at + 4096));
  return btoa(text);
}
const fromBase64 = (text: string): Uint8Array => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
