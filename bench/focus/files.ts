// The trained file for other purposes than its own: at another picture size, and with the tokens as one more output.
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import proto from "onnx-proto";

export const FILE = fileURLToPath(new URL("../.models/focus/vit_s_focus.onnx", import.meta.url));
/** What the bench makes; git ignores it. */
export const MADE = fileURLToPath(new URL("../.models/focus-made", import.meta.url));
/** What the final norm of the backbone gives. */
const TOKENS = "/backbone/layernorm/Add_1_output_0";

type Model = ReturnType<typeof proto.onnx.ModelProto.decode>;

function changed(name: string, change: (model: Model) => void): string {
  const path = join(MADE, name);
  if (existsSync(path)) return path;
  mkdirSync(MADE, { recursive: true });
  const model = proto.onnx.ModelProto.decode(readFileSync(FILE));
  change(model);
  // Whole or not at all.
  writeFileSync(`${path}.part`, proto.onnx.ModelProto.encode(model).finish());
  renameSync(`${path}.part`, path);
  return path;
}

/** The file itself, told that pictures are `side` pixels high and wide: its nodes work on other sizes than it says. */
export function rawAt(side: number): string {
  if (side === 224) return FILE;
  return changed(`raw-${side}.onnx`, ({ graph }) => {
    const dims = graph?.input?.[0]?.type?.tensorType?.shape?.dim ?? [];
    for (const axis of [2, 3]) { const dim = dims[axis]; if (dim) dim.dimValue = side; }
  });
}

/** With the normed tokens as a second output, `tokens`. */
export const withTokens = (): string => changed("with-tokens.onnx", ({ graph }) => {
  graph?.node?.push(proto.onnx.NodeProto.create({ opType: "Identity", input: [TOKENS], output: ["tokens"] }));
  graph?.output?.push(proto.onnx.ValueInfoProto.create({ name: "tokens", type: { tensorType: { elemType: 1 } } }));
});
