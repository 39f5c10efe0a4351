// F: folds and rewrites in a `compress` block.
import { define, error, warning } from "./define.ts";
import { respelt } from "./fix.ts";

const near = (names: readonly string[]): string => (names.length ? `Did you mean ${names.join(", ")}?` : "`kiri inspect` lists the sites of a model.");

export const folds = define({
  F301: error("This selector matches nothing", {
    says: (h: { selector: string; of: string; near: readonly string[]; word?: string }) => `${h.of} has no ${h.selector}.`,
    next: (h) => near(h.near),
    fixes: (h) => respelt(h.word ?? h.selector, h.near),
  }),
  F302: error("These tokens cannot be folded here", {
    says: (h: { fold: string; region: string; count: string; found: string; wanted: string; why: string }) =>
      `${h.region} works for ${h.count} tokens and no other number: ${h.why}.\n  found  ${h.found}\n  wanted ${h.wanted}`,
    next: (h) => `End the fold before ${h.region}, or let \`${h.fold}\` fold what carries the old count (\`down NAME by …\`).`,
  }),
  F303: error("These tokens must come back, and cannot", {
    says: (h: { fold: string; why: string }) => `What follows needs as many tokens as before \`${h.fold}\`; ${h.why}.`,
    next: () => "Use a fold with an `up`, or place the fold after the last value that needs every token.",
    fixes: (h) => [{ kind: "up", fold: h.fold }],
  }),
  F304: error("This fold lacks a part", {
    says: (h: { fold: string; part: string }) => `${h.fold} has no ${h.part}.`,
    next: (h) => `Give it ${h.part}.`,
  }),
  F305: error("What this fold reads is not there", {
    says: (h: { fold: string; site: string }) => `${h.fold} reads ${h.site}, and there is no such value where it is placed.`,
    next: () => "Place it in a layer that offers that site, or choose another one (`metric: …`).",
  }),
  F306: error("This axis is not open to folding", {
    says: (h: { site: string; found: string }) => `${h.site} is ${h.found}: its token count is a fixed number, not a size of its own.`,
    next: () => "Let the layer that makes the tokens name their count in its signature (`-> f32[B, N, C] where N = …`).",
  }),
  F307: error("These values fold the same tokens twice", {
    says: (h: { first: string; second: string; left: string; right: string; name: string | undefined }) => `${h.first} has ${h.left} tokens and ${h.second} ${h.right}, and they meet here.`,
    next: (h) => (h.name === undefined
      ? "Unfold before they meet; or let its layer name this value (`let positions = …`), and the fold say how it is folded (`down positions by …`)."
      : `Let the fold say how it folds this value too (\`down ${h.name} by …\`), or unfold before they meet.`),
    fixes: (h) => (h.name === undefined ? [] : [{ kind: "companion", name: h.name }]),
  }),
  F308: warning("Less is folded than was asked for", {
    says: (h: { fold: string; asked: string; given: string }) => `${h.fold} was asked for ${h.asked} and can give ${h.given}.`,
    next: () => "Ask for less, to say what happens.",
  }),
  F309: error("This hook changes the type of its site", {
    says: (h: { fold: string; site: string; found: string; wanted: string }) => `${h.fold} replaces ${h.site}.\n  found  ${h.found}\n  wanted ${h.wanted}`,
    next: () => "A hook gives back the type that it was given.",
  }),
  F310: error("There is nothing here to rewrite", {
    says: (h: { rewrite: string; region: string; hook: string }) => `${h.region} holds no ${h.hook} that ${h.rewrite} could take.`,
    next: () => "Choose a region with linear layers.",
  }),
  F311: error("This carried value cannot follow", {
    says: (h: { carry: string; of: string; fold: string; by: string }) => `${h.of} carries ${h.carry} with the tokens, to be folded by \`${h.by}\`, and ${h.fold} has no function of that name.`,
    next: (h) => `Give ${h.fold} \`fn ${h.by}(x: f32[B, N, C]) -> f32[B, K, C] { … }\`, or place it before ${h.of}.`,
  }),
  F313: error("Padding would be mixed with tokens", {
    says: (h: { fold: string; what: string }) => `${h.fold} leaves each row of a batch as many tokens as its data say, and fills up the shorter ones. ${h.what} takes all of them together, and nothing tells padding apart.`,
    next: (h) => `Let ${h.fold} take a mask along (\`down mask by …\`) and weigh by it, hide padding with a hook \`at scores\`, or read a single token.`,
  }),
  F314: error("These tokens would come back where they went down", {
    says: (h: { fold: string; site: string }) => `${h.fold} goes down at ${h.site}, and what follows needs as many tokens as before: nothing would be computed on fewer.`,
    next: () => "Name a place inside of the layers (`after attended`, `after input`), or leave out the last of them.",
  }),
  F312: error("This compression has no model", {
    says: (h: { name: string; near: readonly string[] }) => `There is no model or pipeline ${h.name} in this file.`,
    next: (h) => near(h.near),
    fixes: (h) => respelt(h.name, h.near),
  }),
});
