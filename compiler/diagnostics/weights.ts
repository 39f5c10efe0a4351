// W: weight files, model folders, and the constants that are computed from them.
import { define, error, warning } from "./define.ts";

const near = (names: readonly string[]): string => names.map((n) => `\`${n}\``).join(", ");
const shape = (sizes: readonly number[]): string => `[${sizes.join(", ")}]`;
const plural = (count: number, one: string): string => `${count} ${one}${count === 1 ? "" : "s"}`;

export const weights = define({
  W401: error("This model folder cannot be opened", {
    says: (h: { directory: string; why: string }) => `I cannot open ${h.directory}: ${h.why}.`,
    next: () => "Point `from` at a folder that holds config.json and model.safetensors.",
  }),
  W402: error("This is not a whole safetensors file", {
    says: (h: { file: string; why: string }) => `I cannot use ${h.file}: ${h.why}.`,
    next: () => "Fetch the file again; it is cut short, damaged, or of another format.",
  }),
  W403: error("A tensor does not lie where the header says", {
    says: (h: { file: string; tensor: string; why: string }) => `I cannot use \`${h.tensor}\` of ${h.file}: ${h.why}.`,
    next: () => "Fetch the file again, or save it anew with the safetensors library.",
  }),
  W404: error("This element type is unknown", {
    says: (h: { file: string; tensor: string; dtype: string }) => `\`${h.tensor}\` of ${h.file} is stored as ${JSON.stringify(h.dtype)}, which I do not know.`,
    next: () => "Save the tensor as F32, F16 or BF16.",
  }),
  W405: error("The shards of this model do not agree", {
    says: (h: { file: string; why: string }) => `${h.file} does not match its shards: ${h.why}.`,
    next: () => "Fetch the index and all its shards again, from one revision.",
  }),
  W406: error("This file is not valid JSON", {
    says: (h: { file: string; why: string }) => `I cannot read ${h.file}: ${h.why}.`,
    next: () => "Mend the file, or fetch it again.",
  }),
  W407: error("This model has no weights that I can read", {
    says: (h: { directory: string; found: readonly string[] }) =>
      `I find neither model.safetensors nor model.safetensors.index.json in ${h.directory}${h.found.length ? `; there is ${h.found.join(", ")}` : ""}.`,
    next: (h) => (h.found.length ? "Save the model with `safe_serialization=True`, and use that folder." : "Copy the weights into this folder."),
  }),
  W408: error("The model lacks a weight", {
    says: (h: { name: string; shape: readonly number[]; directory: string; near: readonly string[] }) => `${h.directory} holds no \`${h.name}\` of shape ${shape(h.shape)}.`,
    next: (h) => (h.near.length ? `Say how the file calls it, with \`named "…"\` after the weight or its layer; the nearest there ${h.near.length === 1 ? "is" : "are"} ${near(h.near)}.` : "Check that these weights belong to this layer."),
  }),
  W409: warning("Some weights are not used", {
    says: (h: { directory: string; count: number; names: readonly string[] }) =>
      `The layer takes all it wants from ${h.directory} and leaves ${plural(h.count, "weight")}: ${near(h.names)}${h.count > h.names.length ? ", …" : ""}.`,
    next: () => "Check that the layer is the one these weights were trained for.",
  }),
  W410: error("A weight has another shape than its layer", {
    says: (h: { name: string; found: readonly number[]; wanted: readonly number[] }) => `\`${h.name}\` does not fit.\n  found  ${shape(h.found)}\n  wanted ${shape(h.wanted)}`,
    next: () => "Check the sizes in config.json, or the layer that reads it.",
  }),
  W411: error("A weight is not a number", {
    says: (h: { name: string; file: string; index: readonly number[]; value: string; shape: readonly number[] }) =>
      `\`${h.name}\` of ${h.file} holds ${h.value} at ${shape(h.index)} of ${shape(h.shape)}; every result that it reaches is lost.`,
    next: () => "Fetch the file again; if it was saved so, training has diverged and an earlier checkpoint is needed.",
  }),
  W412: error("This constant cannot be computed", {
    says: (h: { type: string; op: string; why: string }) => `I compute ${h.type} (${h.op}) once, while compiling, and that fails: ${h.why}.`,
    next: () => "Simplify what is computed from the weights alone, or let it depend on an input.",
  }),
  W413: error("A file of this model lies elsewhere", {
    says: (h: { directory: string; name: string }) => `${JSON.stringify(h.name)} leads out of ${h.directory} or out of the project, directly or through a link.`,
    next: () => "Copy the file itself into the model's folder.",
  }),
  W414: error("A weight is stored in a type that I cannot compute with", {
    says: (h: { name: string; file: string; dtype: string }) => `\`${h.name}\` of ${h.file} is stored as ${h.dtype}.`,
    next: () => "Save the tensor as F32, F16 or BF16.",
  }),
  W415: error("A weight file changes while it is read", {
    says: (h: { file: string; why: string }) => `I cannot go on reading ${h.file}: ${h.why}.`,
    next: () => "Compile again when nothing writes to the model's folder.",
  }),
  W416: error("These weights belong to another layer", {
    says: (h: { directory: string; missing: number; misshapen: number; wanted: number }) =>
      `Of ${plural(h.wanted, "weight")} that the layer wants, ${h.directory} lacks ${h.missing} and has ${h.misshapen} in another shape; the first few are told.`,
    next: () => "Check that the layer is the one of this model, and the sizes in config.json.",
  }),
  W417: warning("Some weights do not fit into f16", {
    says: (h: { count: number; kept: readonly { readonly name: string; readonly largest: number }[] }) =>
      `The largest number of f16 is 65504: ${plural(h.count, "weight")} ${h.count === 1 ? "stays" : "stay"} in f32, and so does what is computed with ${h.count === 1 ? "it" : "them"}: ${h.kept.map((k) => `\`${k.name}\` reaches ${Number(k.largest.toPrecision(4))}`).join(", ")}${h.count > h.kept.length ? ", …" : ""}.`,
    next: () => "Nothing is lost; scale the weight down in the model where it is to be stored in 16 bits.",
  }),
});
