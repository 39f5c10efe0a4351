// Identities of movement: reshapes, transposes, slices and concatenations that cancel, merge or do nothing.
import type { BinaryOp, UnaryOp } from "../graph/build.ts";
import type { Node } from "../graph/node.ts";
import { sameDims } from "../rewrite/match.ts";
import { type Rule, because, identities, rule } from "../rewrite/rule.ts";
import { splatOf } from "../rewrite/splat.ts";
import { type Dim, type Facts, add, constant, subtract } from "../types/dim.ts";
import { isOne } from "./broadcast.ts";

const perm = (node: Node): readonly number[] => node.attrs.perm as readonly number[];
const dims = (node: Node): readonly Dim[] => node.type.dims;
const same = (a: Node, b: Node, facts: Facts): boolean => sameDims(dims(a), dims(b), facts);

// 1. reshape of reshape   2. reshape to the same shape   3. transpose of transpose   4. transpose that moves only sizes of 1
// 5. expand to the same shape   6. expand of expand
const shapes: readonly Rule[] = [
  rule("reshape of reshape", ["root", "x"], { find: (o, { root, x }) => o.as(root, o.reshape(o.reshape(x))), put: (o, { root, x }) => o.reshape(x, dims(root)) }),
  rule("reshape to the same shape", ["root", "x"], {
    find: (o, { root, x }) => o.as(root, o.reshape(x)),
    when: ({ root, x }, { facts }) => same(root, x, facts) || because("the shape changes", root),
    put: (_, { x }) => x,
  }),
  rule("transpose of transpose", ["root", "inner", "x"], {
    find: (o, { root, inner, x }) => o.as(root, o.transpose(o.as(inner, o.transpose(x)))),
    put: (o, { root, inner, x }) => o.transpose(x, perm(root).map((p) => perm(inner)[p] as number)),
  }),
  rule("transpose of sizes of 1", ["root", "x"], {
    find: (o, { root, x }) => o.as(root, o.transpose(x)),
    when: ({ root, x }, { facts }) => {
      const moved = perm(root).filter((p) => !isOne(dims(x)[p] as Dim, facts));
      return moved.every((p, i) => i === 0 || p > (moved[i - 1] as number)) || because("axes change places", root);
    },
    put: (o, { root, x }) => o.reshape(x, dims(root)),
  }),
  rule("expand to the same shape", ["root", "x"], {
    find: (o, { root, x }) => o.as(root, o.expand(x)),
    when: ({ root, x }, { facts }) => same(root, x, facts) || because("the shape changes", root),
    put: (_, { x }) => x,
  }),
  rule("expand of expand", ["root", "x"], { find: (o, { root, x }) => o.as(root, o.expand(o.expand(x))), put: (o, { root, x }) => o.expand(x, dims(root)) }),
];

const REDUCTIONS = ["reduceSum", "reduceMean", "reduceMax", "reduceMin", "reduceProd", "reduceL2"] as const;
const axesOf = (node: Node): readonly number[] => node.attrs.axes as readonly number[];
const reducedDims = (x: Node, axes: readonly number[], keep: boolean): Dim[] => dims(x).flatMap((d, i) => (axes.includes(i) ? (keep ? [constant(1)] : []) : [d]));

// 7. a reduced axis put back as a size of 1   8. a kept axis taken away
const reductions: readonly Rule[] = REDUCTIONS.flatMap((op) =>
  [true, false].map((keep) => rule(keep ? `${op} with its axis put back` : `${op} with its axis taken away`, ["root", "inner", "x"], {
    find: (o, { root, inner, x }) => o.as(root, o.reshape(o.as(inner, o.sole(o.reduce(op, x, undefined, !keep))))),
    when: ({ root, inner, x }, { facts }) => sameDims(dims(root), reducedDims(x, axesOf(inner), keep), facts) || because("the shape is another", root),
    put: (o, { inner, x }) => o.reduce(op, x, axesOf(inner), keep),
  })));

const UNARY: readonly UnaryOp[] = ["neg", "exp", "log", "sqrt", "abs", "tanh", "erf", "sigmoid", "sin", "cos", "floor", "ceil", "round", "sign", "not", "relu"];
const SCALED: readonly BinaryOp[] = ["add", "sub", "mul", "div", "pow", "min", "max"];

/** Whether a reshape only puts sizes of 1 in. */
function onlyAddsOnes(root: Node, x: Node, facts: Facts): boolean {
  const large = (n: Node): Dim[] => dims(n).filter((d) => !isOne(d, facts));
  return dims(root).length > dims(x).length && sameDims(large(root), large(x), facts);
}

// 9. sizes of 1 put in behind a function: put in before it   10. the same behind an operation with a number   11. and behind a cast
const sinking: readonly Rule[] = [
  ...UNARY.map((op) => rule(`sizes of 1 before ${op}`, ["root", "x"], {
    find: (o, { root, x }) => o.as(root, o.reshape(o.sole(o.unary(op, x)))),
    when: ({ root, x }, { facts }) => onlyAddsOnes(root, x, facts) || because("the shape changes more", root),
    put: (o, { root, x }) => o.unary(op, o.reshape(x, dims(root))),
  })),
  ...SCALED.map((op) => rule(`sizes of 1 before ${op}`, ["root", "x", "a"], {
    find: (o, { root, x, a }) => o.as(root, o.reshape(o.sole(o.binary(op, x, o.test("a number of rank 0", (n) => dims(n).length === 0, a))))),
    when: ({ root, x }, { facts }) => onlyAddsOnes(root, x, facts) || because("the shape changes more", root),
    put: (o, { root, x, a }) => o.binary(op, o.reshape(x, dims(root)), a),
  })),
  rule("sizes of 1 before a cast", ["root", "x"], {
    find: (o, { root, x }) => o.as(root, o.reshape(o.sole(o.cast(x)))),
    when: ({ root, x }, { facts }) => onlyAddsOnes(root, x, facts) || because("the shape changes more", root),
    put: (o, { root, x }) => o.cast(o.reshape(x, dims(root)), root.type.dtype),
  }),
];

interface Cut {
  readonly axis: number;
  readonly from: Dim;
  readonly to: Dim;
  readonly step: number;
}
const cut = (node: Node): Cut => node.attrs as unknown as Cut;
const ZERO = constant(0);

/** a <= b, as far as it is known. */
function isAtMost(a: Dim, b: Dim, facts: Facts): boolean {
  const gap = facts.number(subtract(b, a));
  return gap !== undefined && gap >= 0;
}

// 12. slice of everything   13. slice of slice   14. slice within one part of a concatenation
const slices: readonly Rule[] = [
  rule("slice of everything", ["root", "x"], {
    find: (o, { root, x }) => o.as(root, o.slice(x)),
    when: ({ root, x }, { facts }) => {
      const { axis, from, to, step } = cut(root);
      return (step === 1 && facts.equal(from, ZERO) && facts.equal(to, dims(x)[axis] as Dim)) || because("something is cut off", root);
    },
    put: (_, { x }) => x,
  }),
  rule("slice of slice", ["root", "inner", "x"], {
    find: (o, { root, inner, x }) => o.as(root, o.slice(o.as(inner, o.slice(x)))),
    when: ({ root, inner }) => {
      const [outer, first] = [cut(root), cut(inner)];
      return (outer.axis === first.axis && first.step === 1) || because("the inner slice takes steps or another axis", inner);
    },
    put: (o, { root, inner, x }) => {
      const [outer, first] = [cut(root), cut(inner)];
      return o.slice(x, outer.axis, add(first.from, outer.from), add(first.from, outer.to), outer.step);
    },
  }),
  rule("slice of a concatenation", ["root", "all"], {
    find: (o, { root, all }) => o.as(root, o.slice(o.as(all, o.op("concat")))),
    when: ({ root, all }, { facts }) => {
      if (cut(root).axis !== all.attrs.axis) return because("it is cut along another axis", root);
      return partOf(root, all, facts) !== undefined || because("it takes from several parts", root);
    },
    put: (o, { root, all }) => {
      const { axis, step } = cut(root);
      const { part, from, to } = partOf(root, all, o.arena.facts) as Part;
      return o.slice(part, axis, from, to, step);
    },
  }),
];

interface Part {
  readonly part: Node;
  readonly from: Dim;
  readonly to: Dim;
}

function partOf(root: Node, all: Node, facts: Facts): Part | undefined {
  const { axis, from, to } = cut(root);
  let start = ZERO;
  for (const part of all.inputs) {
    const end = add(start, dims(part)[axis] as Dim);
    if (isAtMost(start, from, facts) && isAtMost(to, end, facts)) return { part, from: subtract(from, start), to: subtract(to, start) };
    start = end;
  }
  return undefined;
}

/** A longer list of parts is not copied into the next one: in a chain of concatenations that would be done once for each of them. */
const MOST_PARTS = 64;

const partsMerged = (all: Node, facts: Facts): Node[] | undefined => {
  const axis = all.attrs.axis as number;
  const every = all.inputs.flatMap((p) => (p.op === "concat" && p.attrs.axis === axis && p.inputs.length <= MOST_PARTS ? p.inputs : [p]));
  const some = every.filter((p) => facts.number(dims(p)[axis] as Dim) !== 0);
  // Of nothing but nothing, one part says the type.
  const flat = some.length > 0 ? some : every.slice(0, 1);
  return flat.length === all.inputs.length && flat.every((p, i) => p === all.inputs[i]) ? undefined : flat;
};

/** Whether two slices of one tensor stand side by side in it. */
function isContinued(a: Node, b: Node, axis: number, facts: Facts): boolean {
  if (a.op !== "slice" || b.op !== "slice" || a.inputs[0] !== b.inputs[0]) return false;
  const [first, then] = [cut(a), cut(b)];
  return first.axis === axis && then.axis === axis && first.step === 1 && then.step === 1 && facts.equal(first.to, then.from);
}

// 15. concatenation of one part, or with concatenations or nothing as parts   16. neighbouring slices joined again
const concatenations: readonly Rule[] = [
  rule("concatenation of concatenations", ["all"], {
    find: (o, { all }) => o.as(all, o.op("concat")),
    when: ({ all }, { facts }) => all.inputs.length === 1 || (partsMerged(all, facts)?.length ?? 0) > 0 || because("no part is a concatenation", all),
    put: (o, { all }) => {
      const parts = partsMerged(all, o.arena.facts) ?? all.inputs;
      return parts.length === 1 ? (parts[0] as Node) : o.concat(parts, all.attrs.axis as number);
    },
  }),
  rule("neighbouring slices", ["all"], {
    find: (o, { all }) => o.as(all, o.op("concat")),
    when: ({ all }, { facts }) => all.inputs.some((p, i) => i > 0 && isContinued(all.inputs[i - 1] as Node, p, all.attrs.axis as number, facts)) || because("no two parts are neighbours", all),
    put: (o, { all }) => {
      const axis = all.attrs.axis as number;
      const joined: Node[] = [];
      for (const part of all.inputs) {
        const before = joined[joined.length - 1];
        if (before && isContinued(before, part, axis, o.arena.facts)) joined[joined.length - 1] = o.slice(part.inputs[0] as Node, axis, cut(before).from, cut(part).to);
        else joined.push(part);
      }
      return joined.length === 1 ? (joined[0] as Node) : o.concat(joined, axis);
    },
  }),
];

// 17. rows gathered in their own order   18. movement of the same number everywhere   19. a size as a list of one
const others: readonly Rule[] = [
  rule("a size as a list", ["root", "size"], {
    find: (o, { root, size }) => o.as(root, o.reshape(o.as(size, o.op("sizeOf", [])))),
    when: ({ root, size }) => (dims(root).length === 1 && dims(size).length === 0) || because("not a list", root),
    put: (o, { size }) => o.make("sizeOf", [], { ...size.attrs, listed: true }),
  }),
  rule("gather of all rows", ["root", "x", "all"], {
    find: (o, { root, x, all }) => o.as(root, o.gather(x, o.as(all, o.op("iota", [])))),
    when: ({ root, x, all }, { facts }) => facts.equal(dims(x)[root.attrs.axis as number] as Dim, all.attrs.size as Dim) || because("not all rows are taken", all),
    put: (_, { x }) => x,
  }),
  rule("movement of a number", ["root"], {
    find: (o, { root }) => o.as(root, o.any(...["reshape", "transpose", "expand", "slice"].map((op) => o.op(op, [o.splat()])))),
    when: ({ root }) => FILLED.has(root.type.dtype) || because(`no fill is made of ${root.type.dtype}`, root),
    put: (o, { root }) => o.fill(root.type.dtype, dims(root), splatOf(root) as number),
  }),
];
const FILLED: ReadonlySet<string> = new Set(["f32", "f64", "i64", "i32", "bool"]);

export const movement: readonly Rule[] = identities([...others, ...shapes, ...reductions, ...sinking, ...slices, ...concatenations]);
