// The files of a new project.
import sharp from "sharp";
import { version } from "../version.ts";

/** By path. */
export async function starterFiles(name: string): Promise<ReadonlyMap<string, string | Uint8Array>> {
  const pipeline = name.replace(/[^a-z0-9]+/g, "_").replace(/^(?=\d)/, "_");
  return new Map<string, string | Uint8Array>([
    [`pipelines/${pipeline}.kiri`, program(pipeline)],
    ["package.json", `${JSON.stringify(manifest(name, pipeline), undefined, 2)}\n`],
    ["README.md", readme(name, pipeline)],
    [".gitignore", "node_modules/\nbuild/\n"],
    ["pictures/fold.png", await picture()],
  ]);
}

/** A sheet with a fold, so that there is something to run on. */
function picture(): Promise<Uint8Array> {
  const side = 64;
  const data = Uint8Array.from({ length: side * side * 3 }, (_, i) => {
    const [x, y, channel] = [Math.floor(i / 3) % side, Math.floor(i / 3 / side), i % 3];
    return x + y < side ? 230 - channel * 10 : 90 + ((x + y) % side) + channel * 20;
  });
  return sharp(data, { raw: { width: side, height: side, channels: 3 } }).png().toBuffer();
}

const program = (pipeline: string): string => `/// Classifies pictures with a small vision transformer, and with the same one on fewer tokens.
/// The weights are made up, so that this runs at once: replace \`from random(seed: 1)\` with the folder of a trained model.
use folds.tome (tome)
use image (prepare, Processor, Size)
use model.vit (Classifier, Config)

model classifier = Classifier(Config {
  hidden_size: 48
  num_hidden_layers: 4
  num_attention_heads: 3
  intermediate_size: 96
  image_size: 32
  patch_size: 4
  id2label: ["paper", "scissors", "stone"]
}) from random(seed: 1)

let processor = Processor { size: Size { height: 32, width: 32 }, image_mean: [0.5, 0.5, 0.5], image_std: [0.5, 0.5, 0.5] }

/// Four of the 65 tokens are merged into others in each block.
compress classifier as lite {
  fold tokens protect 1 in each blocks[*] after attended with tome(r: 4)
  expect fused attention * 4
}

pipeline ${pipeline}(picture: image) -> { label: Int, confidence: f32 } {
  let probs = softmax(classifier(prepare(picture; processor)); over: Classes)
  { label: argmax(probs; over: Classes), confidence: max(probs; over: Classes) }
}

check "probabilities sum to 1" {
  let x = random([2, 3], seed: 1) as [B, N]
  sum(softmax(x; over: N); over: N) ~= 1.0
}
`;

const manifest = (name: string, pipeline: string): object => ({
  name, version: "0.1.0", private: true, type: "module",
  scripts: {
    start: `kiri run pipelines/${pipeline}.kiri --variant lite pictures --format table`,
    check: "kiri check", test: "kiri test",
    compile: `kiri compile pipelines/${pipeline}.kiri --variant lite`,
    inspect: `kiri inspect pipelines/${pipeline}.kiri --variant lite`,
  },
  dependencies: { kirigami: `^${version()}`, "onnxruntime-node": "~1.30.0" },
});

const readme = (name: string, pipeline: string): string => `# ${name}
A pipeline in \`pipelines/${pipeline}.kiri\`: pictures in, a label and its confidence out.

\`\`\`sh
npm install
npm start            # runs it on the pictures in pictures/
npx kiri check       # every problem of the program
npx kiri test        # its checks
npx kiri compile pipelines/${pipeline}.kiri --variant lite   # an artefact in build/${pipeline}-lite
npx kiri profile pipelines/${pipeline}.kiri --variant lite   # time by line of the source
\`\`\`

The weights are made up. To use trained ones, put a folder with \`config.json\`, \`preprocessor_config.json\` and \`model.safetensors\` into \`pipelines/models/\`, and write

\`\`\`kiri
model classifier = Classifier from "models/my-model"
\`\`\`

with \`prepare(picture; classifier.processor)\` in the pipeline.
`;
