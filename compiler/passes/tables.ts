// Rows of tables looked up at places that are known: one row everywhere, or rows in their own order; what is added of weights is added once.
import { values } from "../graph/build.ts";
import { type Literal, type Node, nodesOf } from "../graph/node.ts";
import { type Rule, because, identities, rule } from "../rewrite/rule.ts";
import { rewrite } from "../rewrite/run.ts";
import { splatOf } from "../rewrite/splat.ts";
import { type Dim, type Facts, add, constant, subtract } from "../types/dim.ts";
import { algebra } from "./algebra.ts";
import { isOne } from "./broadcast.ts";
import { isOfInputs, isStored } from "./constant.ts";
import { movement } from "./movement.ts";
import { pass } from "./pass.ts";

interface Range {
  readonly from: Dim;
  readonly to: Dim;
}

// 1. the same row everywhere
const single: Rule = rule("one row of a table", ["root", "table", "places"], {
  find: (o, { root, table, places }) => o.as(root, o.gather(table, o.splat(places))),
  when: ({ root, table, places }, { facts }) => {
    const [rows, at] = [facts.number(table.type.dims[root.attrs.axis as number] as Dim), splatOf(places)];
    if (!isStored(table)) return because("the table depends on the run", table);
    return (rows !== undefined && at !== undefined && at >= 0 && at < rows) || because("the table may have no such row", places);
  },
  put: (o, { root, table, places }) => {
    const axis = root.attrs.axis as number;
    const [at, { dims }] = [splatOf(places) as number, root.type];
    const before = table.type.dims.slice(0, axis);
    const ones = places.type.dims.map(() => constant(1));
    return o.expand(o.reshape(o.slice(table, axis, at, at + 1), [...before, ...ones, ...table.type.dims.slice(axis + 1)]), dims);
  },
});

// 2. rows in their own order
const counted: Rule = rule("rows of a table in order", ["root", "table", "places"], {
  find: (o, { root, table, places }) => o.as(root, o.gather(table, places)),
  when: ({ root, table, places }, { facts }) => {
    const range = rangeOf(places, facts);
    const rows = table.type.dims[root.attrs.axis as number] as Dim;
    if (!isStored(table)) return because("the table depends on the run", table);
    return (range !== undefined && reaches(places, rows, facts)) || because("the places are not numbers in order", places);
  },
  put: (o, { root, table, places }) => {
    const { from, to } = rangeOf(places, o.arena.facts) as Range;
    return o.reshape(o.slice(table, root.attrs.axis as number, from, to), root.type.dims);
  },
});

/** The places, where they are whole numbers one after the other and only one axis is longer than 1. */
function rangeOf(places: Node, facts: Facts): Range | undefined {
  if (places.op === "reshape" && places.type.dims.filter((d) => !isOne(d, facts)).length <= 1) return rangeOf(places.inputs[0] as Node, facts);
  if (places.op === "slice") {
    const all = rangeOf(places.inputs[0] as Node, facts);
    const isLong = places.inputs[0]?.type.dims.every((d, axis) => axis === places.attrs.axis || isOne(d, facts));
    return all && isLong && places.attrs.step === 1 ? { from: add(all.from, places.attrs.from as Dim), to: add(all.from, places.attrs.to as Dim) } : undefined;
  }
  if (places.op === "iota") return { from: constant(0), to: places.attrs.size as Dim };
  if (places.op !== "const" || places.type.dims.filter((d) => !isOne(d, facts)).length > 1) return undefined;
  const list = values(places.attrs.value as Literal);
  const [first] = list;
  return first !== undefined && first >= 0 && list.every((v, i) => v === first + i) ? { from: constant(first), to: constant(first + list.length) } : undefined;
}

/** Whether every place is a row: what is cut out of more numbers than the table has rows may be none. */
function reaches(places: Node, rows: Dim, facts: Facts): boolean {
  let whole = places;
  while (whole.op === "reshape" || whole.op === "slice") whole = whole.inputs[0] as Node;
  const end = rangeOf(whole, facts)?.to;
  const left = end && facts.number(subtract(rows, end));
  return left !== undefined && left >= 0;
}

// 3. x + weights + weights: the weights first
const weightsFirst: Rule = rule("weights first", ["x", "a", "b"], {
  find: (o, { x, a, b }) => o.add(o.sole(o.add(x, a)), b),
  when: ({ x, a, b }) => {
    if (isStored(x) || !isStored(a) || !isStored(b)) return because("only one of the three depends on the run", x);
    return (a.type.dims.length === b.type.dims.length && a.type.dtype === "f32") || because("they are not told apart by their axes", a);
  },
  put: (o, { x, a, b }) => o.add(x, o.add(a, b)),
});

// 4. what is added to the first rows of a table is added to all of them
const sooner: Rule = rule("sum with a table before it is cut", ["root", "cut", "table", "row"], {
  find: (o, { root, cut, table, row }) => o.as(root, o.add(o.as(cut, o.slice(table)), row)),
  when: ({ root, cut, table, row }, { facts }) => {
    const axis = cut.attrs.axis as number;
    if (!isStored(table) || !isStored(row)) return because("it depends on the run", row);
    if (facts.number(cut.type.dims[axis] as Dim) !== undefined) return because("the rows are known: the sum is, too", cut);
    return (row.type.dims.length === cut.type.dims.length && row.type.dims.every((d, i) => isOne(d, facts) || (i !== axis && facts.equal(d, root.type.dims[i] as Dim)))) || because("it differs from row to row", row);
  },
  put: (o, { cut, table, row }) => o.slice(o.add(table, row), cut.attrs.axis as number, cut.attrs.from as Dim, cut.attrs.to as Dim, cut.attrs.step as number),
});

// 5. sizes of 1 in front of a cut: put in before it
const cutLater: Rule = rule("sizes of 1 before a cut", ["root", "cut", "table"], {
  find: (o, { root, cut, table }) => o.as(root, o.reshape(o.as(cut, o.slice(table)))),
  when: ({ root, cut, table }, { facts }) => {
    const more = root.type.dims.length - cut.type.dims.length;
    if (!isStored(table)) return because("it depends on the run", table);
    return (more > 0 && root.type.dims.slice(0, more).every((d) => isOne(d, facts)) && cut.type.dims.every((d, i) => facts.equal(d, root.type.dims[i + more] as Dim))) || because("the shape changes more", root);
  },
  put: (o, { root, cut, table }) => {
    const more = root.type.dims.length - cut.type.dims.length;
    const whole = o.reshape(table, [...root.type.dims.slice(0, more), ...table.type.dims]);
    return o.slice(whole, more + (cut.attrs.axis as number), cut.attrs.from as Dim, cut.attrs.to as Dim, cut.attrs.step as number);
  },
});

// 6. the same number wherever it is read
const anywhere: readonly Rule[] = (["gather", "gatherElements"] as const).map((op) => rule(`${op} of one number`, ["root", "all", "places"], {
  find: (o, { root, all, places }) => o.as(root, o.op(op, [o.splat(all), places])),
  // Else nothing might be left to read a size from.
  when: ({ places }) => isOfInputs(places) || because("an operator of the file finds how many there are", places),
  put: (o, { root, all }) => o.fill(root.type.dtype, root.type.dims, splatOf(all) as number),
}));

// 7. what is added to every row that is looked up is added to the table: before another sum, or behind it
const looked: readonly Rule[] = (["before", "behind", "beside"] as const).map((where) => rule(`row added to a table ${where} a sum`, ["x", "row", "found", "table", "places"], {
  find: (o, { x, row, found, table, places }) => {
    const rows = o.as(found, o.sole(o.gather(table, places)));
    if (where === "before") return o.add(o.sole(o.add(x, row)), rows);
    return where === "behind" ? o.add(o.sole(o.add(x, rows)), row) : o.add(o.sole(o.add(rows, row)), x);
  },
  when: ({ x, row, found, table, places }, { facts }) => {
    if (found.attrs.axis !== 0 || table.type.dims.length !== 2 || table.type.dtype !== "f32") return because("no table of rows", table);
    if (!isStored(table) || !isStored(row) || isStored(x) || isStored(places)) return because("only the table and the row are known", row);
    const [most, [last]] = [facts.number(table.type.dims[0] as Dim), row.type.dims.slice(-1)];
    if (most === undefined || most > FEW_ROWS) return because("the table is that of the words", table);
    return (row.type.dims.length === found.type.dims.length && row.type.dims.slice(0, -1).every((d) => isOne(d, facts)) && facts.equal(last as Dim, table.type.dims[1] as Dim)) || because("it differs from row to row", row);
  },
  put: (o, { x, row, table, places }) => o.add(x, o.gather(o.add(table, o.reshape(row, [1, table.type.dims[1] as Dim])), places, 0)),
}));
/** Tables of places and kinds have so many rows; one of words may be read by others too, and would be stored twice. */
const FEW_ROWS = 8192;

const rules: readonly Rule[] = [...identities([single, counted, ...anywhere, weightsFirst, sooner, cutLater, ...looked]), ...algebra, ...movement];

export default pass("tables", {
  needs: "tensor", leaves: "tensor", exact: true,
  // Most graphs read no table; theirs need not be gone through.
  run: (graph, _, record) => (nodesOf(graph).some((n) => n.op === "gather" && isStored(n.inputs[0] as Node)) ? rewrite(graph, rules, { pass: "tables", record }) : graph),
});
