// T: types and shapes. B: what must be known at compile time.
import { define, error } from "./define.ts";
import { respelt } from "./fix.ts";

/** Reasons come from ops, which write them as the middle of a sentence. */
const sentence = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
const near = (names: readonly string[]): string => (names.length ? `Did you mean ${names.join(", ")}?` : "Look at its declaration.");

/** What a fold leaves is a size of its own, `N.folded`: told where one side counts by it and the other does not. */
function byFold(one: string, other: string): string | undefined {
  const names = (text: string): string[] => text.match(/\w+\.folded\w*/g) ?? [];
  const [left] = [...names(one).filter((n) => !other.includes(n)), ...names(other).filter((n) => !one.includes(n))];
  return left && `\`${left}\` is what another fold leaves of ${left.slice(0, left.indexOf("."))}: place this one where its tokens have come back or have not left yet, or read values that count as many.`;
}

export const shapes = define({
  T301: error("These shapes do not fit", {
    says: (h: { why: string; found: string; wanted: string; axis?: { readonly name: string; readonly near: readonly string[] } | undefined }) => `${sentence(h.why)}.\n  found  ${h.found}\n  wanted ${h.wanted}`,
    next: (h) => byFold(h.found, h.wanted) ?? "Rename axes with `as [...]`, or change the sizes so that they meet.",
    fixes: (h) => (h.axis ? respelt(h.axis.name, h.axis.near) : []),
  }),
  T302: error("This argument is of another kind", {
    says: (h: { param: string; found: string; wanted: string }) => `${h.param} is\n  found  ${h.found}\n  wanted ${h.wanted}`,
    next: (h) => `Pass a value of type ${h.wanted}.`,
  }),
  T303: error("An argument is missing", {
    says: (h: { param: string; of: string; wanted: string }) => `${h.of} wants ${h.param}: ${h.wanted}.`,
    next: (h) => `Write \`${h.param}: …\`.`,
  }),
  T304: error("There are more arguments than parameters", {
    says: (h: { of: string; count: number }) => `${h.of} takes ${h.count}.`,
    next: () => "Leave out the surplus one; tensors stand before `;`, compile-time arguments after it.",
  }),
  T305: error("There is no such parameter", {
    says: (h: { name: string; of: string; near: readonly string[] }) => `${h.of} has no parameter ${h.name}.`,
    next: (h) => near(h.near),
    fixes: (h) => respelt(h.name, h.near),
  }),
  T306: error("These axes stand in another order", {
    says: (h: { param: string; found: string; wanted: string; axis: string }) => `${h.param} has its own axis ${h.axis} at another place.\n  found  ${h.found}\n  wanted ${h.wanted}`,
    next: () => "Put them in order with `permute(x; (…))`, or rename them with `as [...]` if the names mean other things here.",
  }),
  T307: error("One axis would have two sizes", {
    says: (h: { axis: string; first: string; second: string; because: string }) => `${h.axis} is ${h.first} (${h.because}), and here it is ${h.second}.`,
    next: (h) => byFold(h.first, h.second) ?? "Both must come from the same axis, or one of them needs a name of its own.",
  }),
  T308: error("A `where` clause does not hold", {
    says: (h: { clause: string; left: string; right: string; of: string }) => `${h.of} wants ${h.clause}; here the sides are ${h.left} and ${h.right}.`,
    next: () => "Change the arguments so that it holds.",
  }),
  T309: error("The result is not what was declared", {
    says: (h: { of: string; found: string; wanted: string }) => `${h.of} gives\n  found  ${h.found}\n  wanted ${h.wanted}`,
    next: () => "Mend the body, or the declared type.",
  }),
  T310: error("This cannot be called", {
    says: (h: { found: string }) => `This is ${h.found}.`,
    next: () => "Functions, layers, folds, rewrites and tokenizers can be called.",
  }),
  T311: error("These element types differ", {
    says: (h: { what: string; found: string; wanted: string }) => `${h.what}\n  found  ${h.found}\n  wanted ${h.wanted}`,
    next: (h) => `Nothing is converted silently: write \`cast(x; to: ${h.wanted.replace(/\[.*/, "")})\`.`,
  }),
  T312: error("There is no such type", {
    says: (h: { name: string; near: readonly string[] }) => `I know no type ${h.name}.`,
    next: (h) => near(h.near),
    fixes: (h) => respelt(h.name, h.near),
  }),
  T313: error("This operator does not work on these", {
    says: (h: { op: string; left: string; right: string }) => `\`${h.op}\` stands between ${h.left} and ${h.right}.`,
    next: () => "Both sides must be numbers, tensors of one element type, or equal kinds of values.",
  }),
  T314: error("The names do not match the values", {
    says: (h: { names: number; found: string }) => `${h.names} names stand on the left; on the right is ${h.found}.`,
    next: () => "Write as many names as the right side has values.",
  }),
  T315: error("This index is out of range", {
    says: (h: { index: string; length: string }) => `The index is ${h.index}, the length ${h.length}.`,
    next: () => "Indices start at 0; -1 is the last.",
  }),
  T316: error("This configuration does not fit", {
    says: (h: { field: string; found: string; wanted: string; file: string }) => `${h.file}: ${h.field} is ${h.found}, wanted ${h.wanted}.`,
    next: () => "Check that the model's files belong to this layer.",
  }),
  T317: error("This has no named axes to work on", {
    says: (h: { found: string }) => `Found ${h.found}; a tensor with an axis of that name was wanted.`,
    next: () => "Slices by name, `as [...]` and reductions work on tensors.",
  }),
  T318: error("A check does not say yes or no", {
    says: (h: { found: string }) => `This claim is ${h.found}.`,
    next: () => "End each claim in a comparison, such as `a ~= b` or `n == 4`.",
  }),
  T319: error("This size is not a whole number", {
    says: (h: { size: string }) => `${h.size} has a remainder.`,
    next: () => "Use `floor(…)` or `ceil(…)`, or choose sizes that divide.",
  }),
  T320: error("This goes round in circles", {
    says: (h: { name: string }) => `${h.name} needs itself before it is made.`,
    next: () => "Functions and layers cannot be recursive; unroll with `repeat`.",
  }),
  T321: error("This is nested too deeply", {
    says: (h: { limit: number }) => `The limit is ${h.limit}.`,
    next: () => "Give parts of it names with `let`.",
  }),
  T322: error("This divides by zero", {
    says: (h: { left: string }) => `${h.left} is divided by 0.`,
    next: () => "Check the sizes that are given here.",
  }),
  T323: error("This condition comes too early", {
    says: (h: { clause: string; size: string }) => `\`${h.clause}\` depends on ${h.size}, a count that the data decide: it is known only after what the condition is for has begun.`,
    next: () => "Choose a fixed number (`top(…; count: …)`), or let what follows take any count.",
  }),
  T324: error("This file is written for one record at a time", {
    says: (h: { file: string; node: string; why: string }) => `${h.file} takes a batch of 1, and in a pipeline a batch may hold any number of records. I let it count more, and ${h.node === "" ? "a node" : `the node \`${h.node}\``} stands in the way: ${h.why}.`,
    next: () => "Export the model with a dynamic batch axis (`dynamic_axes` or `dynamic_shapes` of torch.onnx.export).",
  }),
  B321: error("This must be known at compile time", {
    says: (h: { what: string; found: string }) => `${h.what} is ${h.found}, which only a run knows.`,
    next: () => "Compile-time arguments are numbers, words, lists and records; tensors stand before `;`.",
  }),
  B322: error("This condition is only known at run time", {
    says: (h: { found: string }) => `\`if\` chooses at compile time; this condition is ${h.found}.`,
    next: () => "Choose between tensors with `select(condition, a, b)`.",
  }),
  B324: error("This grows too large", {
    says: (h: { what: string; limit: string }) => `${h.what}; at most ${h.limit} are taken.`,
    next: () => "Compile-time code is unrolled: let a tensor operation do what is repeated so often, or make it smaller.",
  }),
  B325: error("A value cannot be left open here", {
    says: (_: Record<never, never>) => "Only arguments of folds and rewrites in `compress` may be open.",
    next: () => "Write a value.",
  }),
  B323: error("`:=` sets a carried value, and this is none", {
    says: (h: { name: string }) => `${h.name} is not declared with \`carry\` in this fold.`,
    next: () => "Bind new names with `let`.",
  }),
});
