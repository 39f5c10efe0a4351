// I: model files that are imported, in the format of ONNX.
import { define, error, warning } from "./define.ts";

const called = (node: string): string => (node === "" ? "a node without a name" : `the node \`${node}\``);

export const imports = define({
  I501: error("This is not a whole ONNX file", {
    says: (h: { file: string; why: string; offset: number }) => `I cannot read ${h.file}: ${h.why} (at byte ${h.offset}).`,
    next: () => "Fetch the file again, or export it anew; it is cut short, damaged, or of another format.",
  }),
  I502: error("A node uses a value that nothing makes", {
    says: (h: { file: string; node: string; opType: string; value: string }) => `In ${h.file}, ${called(h.node)} (${h.opType}) uses \`${h.value}\`, which is no input, no weight and no result of a node.`,
    next: () => "Export the model anew; a tool that edits graphs has left this name dangling.",
  }),
  I503: error("Two things in this graph have one name", {
    says: (h: { file: string; node: string; value: string }) => `In ${h.file}, \`${h.value}\` is made twice; the second time by ${called(h.node)}.`,
    next: () => "Export the model anew; in a graph each value is made once.",
  }),
  I504: error("The nodes of this graph go round in a circle", {
    says: (h: { file: string; node: string; opType: string }) => `In ${h.file}, ${called(h.node)} (${h.opType}) needs its own result, directly or through others.`,
    next: () => "Export the model anew; a loop is written with the operator Loop or Scan.",
  }),
  I505: error("The data of a tensor is not what the file says", {
    says: (h: { file: string; tensor: string; why: string }) => `I cannot use \`${h.tensor}\` of ${h.file}: ${h.why}.`,
    next: () => "Fetch the model again with all its files, and keep them in one folder.",
  }),
  I506: error("This operator is written in a version that I cannot bring up to date", {
    says: (h: { file: string; node: string; opType: string; version: number; why: string }) => `In ${h.file}, ${called(h.node)} is ${h.opType} of operator set ${h.version}: ${h.why}.`,
    next: () => "Convert the model to operator set 13 or later with ONNX's version converter, or export it anew.",
  }),
  I507: error("This model file cannot be opened", {
    says: (h: { file: string; why: string }) => `I cannot open ${h.file}: ${h.why}.`,
    next: () => "Give the path of an .onnx file that can be read.",
  }),
  I508: error("The functions of this model call each other without end", {
    says: (h: { file: string; node: string; name: string }) => `In ${h.file}, ${called(h.node)} calls the function \`${h.name}\`, and that leads back to it, more than 64 calls deep, or to more nodes than 131072.`,
    next: () => "Export the model anew; functions of ONNX are written out, so none may call itself, and a few that call each other twice become too many.",
  }),
  I509: warning("Weights of this model are inputs too", {
    says: (h: { file: string; count: number; names: readonly string[] }) => `${h.file} lets its callers replace ${h.count === 1 ? "one weight" : `${h.count} weights`} (${h.names.map((n) => `\`${n}\``).join(", ")}${h.count > h.names.length ? ", …" : ""}). I take them as constants, and they are no inputs any more.`,
    next: () => "If a weight is really given at run time, remove its initializer from the file, so that it is an input only.",
  }),
});
