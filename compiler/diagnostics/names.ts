// N: names, modules and imports.
import { define, error, warning } from "./define.ts";
import { respelt } from "./fix.ts";

const near = (names: readonly string[]): string => (names.length ? `Did you mean ${names.join(", ")}?` : "Check the spelling, or bring it in with `use`.");

export const names = define({
  N201: error("This module is nowhere to be found", {
    says: (h: { path: string; near: readonly string[] }) => `I looked for ${h.path} beside this file, at the project's root and in the standard library.`,
    next: (h) => (h.near.length ? near(h.near) : "Check the spelling: `use folds.tome` means `folds/tome.kiri`."),
    fixes: (h) => respelt(h.path, h.near),
  }),
  N202: error("These modules use each other in a circle", {
    says: (h: { circle: readonly string[] }) => `The circle is ${h.circle.join(" → ")}.`,
    next: () => "Move what both need into a module of its own.",
  }),
  N203: error("One name stands for two things", {
    says: (h: { name: string }) => `${h.name} is declared twice in this file.`,
    next: (h) => `Rename one of them; an import can be renamed with \`use … as\` — ${h.name} must mean one thing.`,
  }),
  N204: warning("This import is never used", {
    says: (h: { name: string }) => `Nothing in this file mentions ${h.name}.`,
    next: () => "Delete it.",
    fixes: () => [{ kind: "delete" }],
  }),
  N205: error("This name means nothing here", {
    says: (h: { name: string; near: readonly string[] }) => `I know no ${h.name} at this place.`,
    next: (h) => near(h.near),
    fixes: (h) => respelt(h.name, h.near),
  }),
  N206: error("There is no such member", {
    says: (h: { member: string; of: string; near: readonly string[] }) => `${h.of} has no ${h.member}.`,
    next: (h) => near(h.near),
    fixes: (h) => respelt(h.member, h.near),
  }),
  N207: error("This file cannot be read", {
    says: (h: { path: string; why: string }) => `${h.path}: ${h.why}`,
    next: () => "Check that the file exists inside the project and is readable.",
  }),
  N208: error("This path leaves the project", {
    says: (h: { path: string; root: string }) => `${JSON.stringify(h.path)} points outside of ${h.root}, directly or through a link.`,
    next: () => "Copy the file into the project, or run kirigami from a directory that holds both.",
  }),
  N209: error("This module does not have that", {
    says: (h: { name: string; module: string; near: readonly string[] }) => `${h.module} declares no ${h.name}.`,
    next: (h) => near(h.near),
    fixes: (h) => respelt(h.name, h.near),
  }),
  N210: error("This local name is already taken", {
    says: (h: { name: string }) => `${h.name} is bound earlier in this block.`,
    next: () => "Give the second one a name of its own.",
  }),
  N211: warning("This name is never used", {
    says: (h: { name: string }) => `Nothing reads ${h.name}.`,
    next: () => "Delete it.",
  }),
  N212: error("An output has the name of an input", {
    says: (h: { name: string }) => `${h.name} goes in and comes out; in the graph a name is one tensor.`,
    next: () => "Give the output a name of its own.",
  }),
  N213: error("This model file has no such tensor", {
    says: (h: { tensor: string; model: string; near: readonly string[] }) => `The file of ${h.model} has no tensor ${JSON.stringify(h.tensor)}.`,
    next: (h) => (h.near.length ? `Did you mean ${h.near.map((n) => JSON.stringify(n)).join(", ")}?` : "A viewer of ONNX files shows the names of tensors: those between nodes, not those of the nodes."),
  }),
  N214: error("This is no place of an imported model", {
    says: (h: { place: string }) => `${h.place} is neither a name of the model (\`mask\`) nor a name of one of its blocks (\`blocks[3].keys\`).`,
    next: () => "Name each block by its number: `blocks[0].keys = \"…\"`.",
  }),
  N215: error("This model is not imported", {
    says: (h: { model: string; near: readonly string[] }) => `There is no \`model ${h.model} = import "…"\` in this file, whose places could be named.`,
    next: (h) => near(h.near),
  }),
  N216: error("These are not the axes of this tensor", {
    says: (h: { tensor: string; type: string; rank: number }) => `${JSON.stringify(h.tensor)} is ${h.type}, which has ${h.rank} axes to be named.`,
    next: () => "Name each by a word, several that one axis holds by their product, outermost first: `as [B * H, N, D]`.",
  }),
});
