// A: artefacts, and the place where they are to lie.
import { define, error } from "./define.ts";

export const artifacts = define({
  A501: error("The artefact cannot be written", {
    says: (h: { out: string; why: string }) => `I cannot write ${h.out}: ${h.why}.`,
    next: () => "Nothing has changed there. Make room, or choose another place with `--out`.",
  }),
  A502: error("This place is taken", {
    says: (h: { out: string; why: string }) => `An artefact cannot lie at ${h.out}: ${h.why}.`,
    next: () => "An artefact is a directory of its own, replaced as a whole by the next build: choose a new one with `--out`.",
  }),
  A503: error("The artefact would replace what it is made of", {
    says: (h: { out: string; source: string }) => `${h.out} lies in ${h.source} or holds it: a build there would mix up, or remove, its own sources.`,
    next: () => "Build into a folder of its own: `--out build/NAME`.",
  }),
  A504: error("A file of a tokenizer is missing", {
    says: (h: { directory: string; name: string; found: readonly string[] }) => `${h.directory} holds no ${h.name}${h.found.length ? `; there is ${h.found.join(", ")}` : ""}.`,
    next: () => "Save the tokenizer in the fast format (`save_pretrained` of a fast tokenizer writes both files), and point `from` at that folder.",
  }),
  A505: error("This pipeline has no place in a Hugging Face directory", {
    says: (h: { pipeline: string; why: string }) => `\`${h.pipeline}\` cannot be written as one: ${h.why}.`,
    next: () => "Compile it without `--layout hf`: an artefact holds any pipeline.",
  }),
  A506: error("This model has no configuration beside it", {
    says: (h: { file: string }) => `A Hugging Face directory has a config.json, which says what the model is; I find none beside ${h.file}, nor above a folder \`onnx\` that it lies in.`,
    next: () => "Copy the model's config.json there, and its tokenizer or processor; or leave `--layout hf` out.",
  }),
});
