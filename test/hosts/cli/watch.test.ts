/** `--watch`: what starts another round, what does not, and how it ends. */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import test from "ava";
import { main } from "../../../hosts/cli/command-line.ts";
import { kiri } from "../../support/command-line.ts";
import { temporaryFolder, writeSafetensors } from "../../support/safetensors-file.ts";

const half = (factor: string): string => `pipeline half(x: f32[N]) -> { y: f32[N] } { { y: x * ${factor} } }\n`;
/** More than a touch needs to be noticed and looked at. Milliseconds. */
const CALM = 700;
const calm = (): Promise<void> => new Promise((done) => setTimeout(done, CALM));

function project(files: Readonly<Record<string, string>>): string {
  const root = temporaryFolder();
  writeFileSync(join(root, "package.json"), "{}");
  for (const [path, text] of Object.entries(files)) writeFileSync(join(root, path), text);
  return root;
}

interface Place {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** A command that goes on until it is stopped. */
class Watching {
  static readonly #all: Watching[] = [];

  /** A test that failed leaves nobody behind: watchers keep a process alive. */
  static async stopAll(): Promise<void> {
    for (const one of Watching.#all) await one.stop();
  }

  out = "";
  err = "";
  readonly #abort = new AbortController();
  readonly #ended: Promise<number>;
  #grown: () => void = () => {};

  constructor({ cwd, env = {} }: Place, ...args: readonly string[]) {
    const stream = (take: (text: string) => void) => ({ write: (text: string | Uint8Array) => { take(Buffer.from(text).toString("utf8")); this.#grown(); } });
    const [stdout, stderr] = [stream((text) => { this.out += text; }), stream((text) => { this.err += text; })];
    this.#ended = main(args, { stdin: Readable.from([]), stdout, stderr, cwd, env, signal: this.#abort.signal });
    Watching.#all.push(this);
  }

  /** Every round in text ends with its line on standard error. */
  get lines(): readonly string[] {
    return this.err.split("\n").filter((l) => l.startsWith("watch: ")).map((l) => l.replace(/\d+ ms$/, "N ms"));
  }

  /** Lines of `--json`. */
  get answers(): readonly Answered[] {
    return this.out.split("\n").filter((l) => l !== "").map((l) => JSON.parse(l) as Answered);
  }

  /** Resolves when so many rounds have ended. */
  async rounds(count: number): Promise<void> {
    const ended = (): number => this.lines.length + (this.out.startsWith("{") ? this.out.split("\n").length - 1 : 0);
    while (ended() < count) {
      await new Promise<void>((resolve, reject) => {
        const late = setTimeout(() => reject(new Error(`${ended()} rounds instead of ${count}:\n${this.out}${this.err}`)), 8000);
        this.#grown = () => { clearTimeout(late); resolve(); };
      });
    }
  }

  stop(): Promise<number> {
    this.#abort.abort();
    return this.#ended;
  }
}

/** Files of the test that were written this moment would count as written during the first round. */
async function started(place: string | Place, ...args: readonly string[]): Promise<Watching> {
  await new Promise((done) => setTimeout(done, 50));
  return new Watching(typeof place === "string" ? { cwd: place } : place, ...args);
}

interface Answered {
  readonly ok: boolean;
  readonly exit: number;
  readonly artifact?: string | null;
  readonly error?: string;
  readonly problems: readonly { readonly code: string }[];
  readonly watch: { readonly number: number; readonly changed: readonly string[]; readonly milliseconds: number; readonly bytesHashed: number };
}

test.after.always(() => Watching.stopAll());

test("an edit builds again, a touch does not; a mistake is told and mended; the abort ends it with 130", async (t) => {
  const cwd = project({ "half.kiri": half("0.5") });
  const file = join(cwd, "half.kiri");
  const watching = await started(cwd, "compile", "half.kiri", "--watch");
  await watching.rounds(1);
  const model = join(cwd, "build/half/model.onnx");
  const first = readFileSync(model);
  writeFileSync(file, half("0.25"));
  await watching.rounds(2);
  t.notDeepEqual(readFileSync(model), first);

  const built = statSync(model).mtimeMs;
  utimesSync(file, new Date(), new Date());
  writeFileSync(file, half("0.25"));
  writeFileSync(join(cwd, "notes.txt"), "nobody reads this");
  await calm();
  t.is(watching.lines.length, 2);
  t.is(statSync(model).mtimeMs, built);

  writeFileSync(file, half("hlaf"));
  await watching.rounds(3);
  t.regex(watching.err, /N205/);
  t.is(statSync(model).mtimeMs, built, "what was built stays");
  writeFileSync(file, half("0.5"));
  await watching.rounds(4);
  t.deepEqual(readFileSync(model), first);
  t.is(await watching.stop(), 130);
  t.deepEqual(watching.lines, ["watch: done in N ms", "watch: half.kiri changed, done in N ms", "watch: half.kiri changed, errors after N ms", "watch: half.kiri changed, done in N ms"]);
  t.is(watching.out, "build/half\n".repeat(3));
  t.false(watching.err.includes("\u001b"), "no screen is cleared");
  writeFileSync(file, half("0.75"));
  await calm();
  t.is(watching.lines.length, 4, "nobody watches any more");
});

test("a file that is deleted and comes back by a rename, and a folder with it", async (t) => {
  const cwd = project({ "main.kiri": "use parts.scale (scale)\n\npipeline half(x: f32[N]) -> { y: f32[N] } { { y: scale(x) } }\n" });
  const parts = join(cwd, "parts");
  const scale = (factor: string): string => `fn scale(x: f32[B, N]) -> f32[B, N] { x * ${factor} }\n`;
  mkdirSync(parts);
  writeFileSync(join(parts, "scale.kiri"), scale("0.5"));
  const watching = await started(cwd, "compile", "main.kiri", "--watch", "--json");
  await watching.rounds(1);
  t.true(watching.answers[0]?.ok, watching.out);

  writeFileSync(join(parts, "new"), scale("0.25"));
  renameSync(join(parts, "new"), join(parts, "scale.kiri"));
  await watching.rounds(2);
  t.like(watching.answers[1], { ok: true, watch: { number: 2, changed: ["parts/scale.kiri"] } });

  rmSync(parts, { recursive: true });
  await watching.rounds(3);
  t.like(watching.answers[2], { ok: false, exit: 1, artifact: null });
  t.deepEqual(watching.answers[2]?.problems.map((p) => p.code), ["N201"]);
  mkdirSync(parts);
  await calm();
  writeFileSync(join(parts, "new"), scale("0.5"));
  renameSync(join(parts, "new"), join(parts, "scale.kiri"));
  await watching.rounds(4);
  t.like(watching.answers[3], { ok: true, watch: { number: 4, changed: ["parts/scale.kiri"] } });

  // The program itself too.
  const text = readFileSync(join(cwd, "main.kiri"));
  rmSync(join(cwd, "main.kiri"));
  await watching.rounds(5);
  t.false(watching.answers[4]?.ok);
  writeFileSync(join(cwd, "main.kiri.new"), text);
  renameSync(join(cwd, "main.kiri.new"), join(cwd, "main.kiri"));
  await watching.rounds(6);
  t.true(watching.answers[5]?.ok);
  t.is(await watching.stop(), 130);
  t.is(watching.err, "");
});

test("weights that are as they were are not hashed again, and new ones are noticed", async (t) => {
  const cwd = project({ "main.kiri": "use nn.linear (Linear)\nmodel layer = Linear(512, 256) from \"layer\"\npipeline run(x: f32[C = 512]) -> { y: f32[O] } { { y: layer(x) } }\n" });
  const weights = join(cwd, "layer/model.safetensors");
  const write = (value: number): void => writeSafetensors(weights, {
    weight: { dtype: "f32", shape: [256, 512], bytes: new Uint8Array(new Float32Array(256 * 512).fill(value).buffer) },
    bias: { dtype: "f32", shape: [256], bytes: new Uint8Array(new Float32Array(256).buffer) },
  });
  mkdirSync(join(cwd, "layer"));
  write(1);
  // A file that was just written is not trusted to stay: its time of change has to be some seconds old.
  await new Promise((done) => setTimeout(done, 2100));
  const size = statSync(weights).size;
  const cache = temporaryFolder();
  const watching = await started({ cwd, env: { XDG_CACHE_HOME: cache } }, "compile", "main.kiri", "--watch", "--json");
  await watching.rounds(1);
  t.true(watching.answers[0]?.ok, watching.out);
  const data = join(cwd, "build/main/model.onnx.data");
  const [inode, content] = [statSync(data).ino, readFileSync(data)];
  writeFileSync(join(cwd, "main.kiri"), `// An edit.\n${readFileSync(join(cwd, "main.kiri"), "utf8")}`);
  await watching.rounds(2);
  const [first, second] = watching.answers.map((a) => a.watch.bytesHashed);
  t.true((first ?? 0) >= size, `${first} of ${size} bytes`);
  t.true((second ?? size) < 4096, `${second} bytes were hashed again`);
  t.is(statSync(data).ino, inode, "the weights of the build before are linked, and neither read nor written");
  // Another use of the same weights is another file, and so is one that somebody wrote into.
  const text = readFileSync(join(cwd, "main.kiri"), "utf8");
  writeFileSync(join(cwd, "main.kiri"), text.replace("layer(x)", "layer(x) * 2.0"));
  await watching.rounds(3);
  t.is(statSync(data).ino, inode, "what the constants are is what counts, not the graph around them");
  writeFileSync(data, "something else");
  writeFileSync(join(cwd, "main.kiri"), text);
  await watching.rounds(4);
  t.true(watching.answers[3]?.ok, watching.out);
  t.deepEqual(readFileSync(data), content);
  await new Promise((done) => setTimeout(done, 2100));
  // The next process remembers; one that is told to verify reads all of it.
  const next = await started({ cwd, env: { XDG_CACHE_HOME: cache } }, "compile", "main.kiri", "--watch", "--json");
  const full = await started({ cwd, env: { XDG_CACHE_HOME: cache } }, "compile", "main.kiri", "--watch", "--json", "--verify", "-o", "build/full");
  await Promise.all([next.rounds(1), full.rounds(1)]);
  t.true((next.answers[0]?.watch.bytesHashed ?? size) < 4096, next.out);
  t.true((full.answers[0]?.watch.bytesHashed ?? 0) >= size, full.out);
  await Promise.all([next.stop(), full.stop()]);
  write(2);
  await watching.rounds(5);
  t.deepEqual(watching.answers[4]?.watch.changed, ["layer/model.safetensors"]);
  t.notDeepEqual(readFileSync(data), content);
  t.is(await watching.stop(), 130);
});

test("check: programs that come and go are a change; what cannot be watched is wrong usage", async (t) => {
  const cwd = project({ "a.kiri": half("0.5") });
  const watching = await started(cwd, "check", "--watch");
  await watching.rounds(1);
  writeFileSync(join(cwd, "b.kiri"), half("hlaf"));
  await watching.rounds(2);
  t.regex(watching.err, /N205 .*b\.kiri:1/);
  rmSync(join(cwd, "b.kiri"));
  await watching.rounds(3);
  rmSync(join(cwd, "a.kiri"));
  await watching.rounds(4);
  t.regex(watching.err, /kiri: No \.kiri file here or above/);
  writeFileSync(join(cwd, "a.kiri"), half("0.5"));
  await watching.rounds(5);
  t.is(await watching.stop(), 130);
  t.deepEqual(watching.lines.map((l) => l.replace(/^watch: /, "")), ["done in N ms", "b.kiri changed, errors after N ms", "b.kiri changed, done in N ms", "a.kiri changed, errors after N ms", "a.kiri changed, done in N ms"]);
  t.regex(watching.out, /^(a\.kiri: 1 pipeline, 0 variants, no problems\n){4}$/);

  for (const args of [["check", "-", "--watch"], ["check", "--watch", "--format", "sarif"], ["compile", "nothing.kiri", "--watch"]]) t.is((await kiri({ cwd }, ...args)).code, 2, args.join(" "));
  t.false(existsSync(join(cwd, "build")));
});
