/** Sessions: typed results, batches, wrong inputs by name, a free event loop, queues, aborts, workers that end, and no leak. */
import type { Worker } from "node:worker_threads";
import { setTimeout as after } from "node:timers/promises";
import test, { type ExecutionContext } from "ava";
import { type FaultCode, type LoadOptions, RuntimeError, Session } from "../../runtime/session.ts";
import { artifactOf, doubling, f32, graphOf, inProject, smallModel, type SmallPort, tensorBoundary, writeSmall } from "./support.ts";
import { difference, expectedOf, readSafetensors } from "../support/golden.ts";
import { readFileSync } from "node:fs";

const cpu: LoadOptions = { device: "cpu", threads: 1 };

async function refusal(t: ExecutionContext, code: FaultCode, run: Promise<unknown>): Promise<string> {
  const error = await t.throwsAsync(run, { instanceOf: RuntimeError });
  t.is(error?.code, code, error?.message);
  t.true((error?.says.length ?? 0) > 0 && (error?.next.length ?? 0) > 0);
  return error?.message ?? "";
}

/** Multiplies x: f32[N, N] with itself eight times. */
function slow(): string {
  const [x, y]: [SmallPort, SmallPort] = [{ name: "x", dtype: "f32", sizes: ["N", "N"] }, { name: "y", dtype: "f32", sizes: ["N", "N"] }];
  const names = ["x", ...Array.from({ length: 7 }, (_, i) => `h${i}`), "y"];
  const nodes = names.slice(1).map((out, i) => ({ op: "MatMul", inputs: [names[i] ?? "", "x"], outputs: [out] }));
  return writeSmall({ model: smallModel([x], [y], nodes), manifest: { inputs: [tensorBoundary(x)], outputs: [tensorBoundary(y)], graph: graphOf([x], [y]) } });
}
const square = (n: number): { x: ReturnType<typeof f32> } => ({ x: f32([n, n], new Array<number>(n * n).fill(0)) });

test("digits: a picture to a label, alone and in a batch, and the file's label is right", async (t) => {
  await using session = await Session.load<{ picture: string }, { label: number; confidence: number }>(await artifactOf("pipelines/digits.kiri"), cpu);
  const pictures = [0, 1, 2, 3, 4].map((i) => ({ picture: inProject(`pipelines/data/digits/${i}.png`) }));
  const batch = await session.run(pictures);
  t.deepEqual(batch.map((b) => b.label), [0, 1, 2, 3, 4]);
  for (const [i, picture] of pictures.entries()) {
    const alone = await session.run(picture);
    t.is(alone.label, i);
    t.true(Math.abs(alone.confidence - (batch[i]?.confidence ?? 0)) < 1e-5);
  }
  t.is(session.manifest.pipeline.name, "digits");
  t.deepEqual(session.device, { name: "cpu", why: "it was asked for" });
});

test("embed: texts of one batch, padded, give the oracle's sentence vectors", async (t) => {
  await using session = await Session.load<{ sentence: string }, { vector: { dims: readonly number[]; data: Float32Array } }>(await artifactOf("pipelines/embed.kiri"), cpu);
  const texts = JSON.parse(readFileSync(inProject("test/parity/bert/texts.json"), "utf8")) as string[];
  const expected = expectedOf(readSafetensors(inProject("test/parity/bert/expected.safetensors")), "sentence");
  const batch = await session.run(texts.map((sentence) => ({ sentence })));
  t.deepEqual(batch[0]?.vector.dims, [32]);
  t.true(difference(batch.flatMap((b) => [...b.vector.data]), expected.data).relative < 1e-4);
  const alone = await Promise.all(texts.map((sentence) => session.run({ sentence })));
  t.true(difference(alone.flatMap((b) => [...b.vector.data]), expected.data).relative < 1e-4);
});

test("numbers, truth values and names with dots go in and come out as what they are", async (t) => {
  const ports: SmallPort[] = [{ name: "n", dtype: "i64", sizes: [] }, { name: "set.f", dtype: "f32", sizes: [] }, { name: "set.deep.b", dtype: "bool", sizes: [] }, { name: "h", dtype: "f16", sizes: [2] }];
  const outs = ports.map((p) => ({ ...p, name: `out.${p.name}` }));
  const model = smallModel(ports, outs, ports.map((p) => ({ op: "Identity", inputs: [p.name], outputs: [`out.${p.name}`] })));
  const types = { i64: "int", f32: "float", bool: "bool" } as const;
  const boundary = (p: SmallPort): ReturnType<typeof tensorBoundary> => (p.dtype in types ? { name: p.name, type: types[p.dtype as "i64"] } : tensorBoundary(p));
  await using session = await Session.load(writeSmall({ model, manifest: { inputs: ports.map(boundary), outputs: outs.map(boundary), graph: graphOf(ports, outs) } }), cpu);
  const h = { dtype: "f16" as const, dims: [2], data: Uint16Array.of(0x3c00, 0xc000) };
  t.deepEqual(await session.run({ n: 7, set: { f: 0.5, deep: { b: true } }, h }), { out: { n: 7, set: { f: 0.5, deep: { b: true } }, h } });
  t.deepEqual(await session.run([{ n: -(2n ** 40n), set: { f: Infinity, deep: { b: false } }, h }]), [{ out: { n: -(2 ** 40), set: { f: Infinity, deep: { b: false } }, h } }]);
  t.regex(await refusal(t, "R731", session.run({ n: 1, set: { f: 1, deep: {} }, h })), /`set\.deep\.b`/);
  t.regex(await refusal(t, "R732", session.run({ n: 1, set: { f: 1, deep: { b: true }, deap: 2 }, h })), /`set\.deap`[\s\S]*`set\.deep`/);
  t.regex(await refusal(t, "R733", session.run({ n: "1", set: { f: 1, deep: { b: true } }, h })), /whole number/);
  await refusal(t, "R733", session.run({ n: 1, set: 5, h }));
  await refusal(t, "R733", session.run({ n: 1, set: { f: 1, deep: { b: 1 } }, h }));
  for (const n of [0.5, NaN, 2 ** 60, 2n ** 63n]) await refusal(t, "R738", session.run({ n, set: { f: 1, deep: { b: true } }, h }));
  await refusal(t, "R738", session.run({ n: 1, set: { f: NaN, deep: { b: true } }, h }));
});

test("what a run was given may change afterwards, and what it gave is its own", async (t) => {
  await using session = await Session.load<{ x: ReturnType<typeof f32> }, { y: { data: Float32Array } }>(doubling(), cpu);
  const x = f32([1, 2], [1, 2]);
  const run = session.run([{ x }, { x }]);
  x.data.fill(9);
  const [a, b] = await run;
  t.deepEqual([...(a?.y.data ?? [])], [2, 4]);
  a?.y.data.fill(0);
  t.deepEqual([...(b?.y.data ?? [])], [2, 4]);
});

test("wrong records say what was found, what was wanted and the way out", async (t) => {
  await using session = await Session.load(doubling(), cpu);
  const x = f32([1, 2], [1, 2]);
  const wrong: [FaultCode, unknown, RegExp][] = [
    ["R736", [], /empty/],
    ["R731", {}, /`x`.*f32\[N, 2\]/],
    ["R731", [{ x }, {}], /of record 1/],
    ["R732", { x, xx: 1 }, /`xx`[\s\S]*`x`/],
    ["R733", 5, /5/], ["R733", null, /null/], ["R733", { x: [1, 2] }, /a list/], ["R733", { x: new Float32Array(2) }, /a Float32Array/],
    ["R733", { x: { dtype: "f32", dims: [1, 2], data: new DataView(new ArrayBuffer(8)) } }, /an object/],
    ["R734", { x: f32([2], [1, 2]) }, /\[2\].*\[N, 2\]/],
    ["R734", { x: f32([1, 3], [1, 2, 3]) }, /\[1, 3\]/],
    ["R734", { x: { ...x, dims: [2, 2] } }, /2 values/],
    ["R734", { x: { ...x, dims: [NaN, 2] } }, /NaN/],
    ["R734", { x: { ...x, dims: [0, 2], data: new Float32Array() } }, /0/],
    ["R734", { x: { ...x, dims: [-1, -2] } }, /-1/],
    ["R735", { x: { dtype: "f64", dims: [1, 2], data: new Float64Array(2) } }, /f64.*f32/],
    ["R735", { x: { dtype: "f32", dims: [1, 2], data: new Float64Array(2) } }, /Float64Array.*f32/],
    ["R737", [{ x }, { x: f32([2, 2], [1, 2, 3, 4]) }], /of record 1.*\[2, 2\]/],
  ];
  for (const [code, given, says] of wrong) t.regex(await refusal(t, code, session.run(given as never)), says);
  t.deepEqual(await session.run({ x }), { y: f32([1, 2], [2, 4]) }, "the session still works");
});

test("conditions on sizes are checked on those that came, and name their author's line", async (t) => {
  const folder = doubling({ guards: [{ left: "N", comparison: "<=", right: 4, says: "N <= 4", place: "double.kiri:3:7" }, { left: "mod(N, 2)", comparison: "==", right: 0, says: "N mod 2 = 0", place: "double.kiri:4:7" }] });
  await using session = await Session.load(folder, cpu);
  t.truthy(await session.run({ x: f32([4, 2], new Array<number>(8).fill(1)) }));
  t.regex(await refusal(t, "R739", session.run({ x: f32([6, 2], new Array<number>(12).fill(1)) })), /`N <= 4` \(double\.kiri:3:7\).*\(N = 6\) <= 4.*N = 6/);
  t.regex(await refusal(t, "R739", session.run({ x: f32([3, 2], new Array<number>(6).fill(1)) })), /N mod 2 = 0/);
});

test("sizes that must agree between inputs are compared", async (t) => {
  const ports: SmallPort[] = [{ name: "a", dtype: "f32", sizes: ["N"] }, { name: "b", dtype: "f32", sizes: ["N - 1"] }];
  const out: SmallPort = { name: "y", dtype: "f32", sizes: ["M"] };
  const model = smallModel(ports, [out], [{ op: "Concat", inputs: ["a", "b"], outputs: ["y"], attributes: [{ name: "axis", type: 2, i: 1 as never }] }]);
  await using session = await Session.load(writeSmall({ model, manifest: { inputs: ports.map(tensorBoundary), outputs: [tensorBoundary(out)], graph: graphOf(ports, [out]) } }), cpu);
  t.deepEqual(await session.run({ a: f32([2], [1, 2]), b: f32([1], [3]) }), { y: f32([3], [1, 2, 3]) });
  t.regex(await refusal(t, "R734", session.run({ a: f32([2], [1, 2]), b: f32([2], [3, 4]) })), /`b`.*N - 1 = 1/);
});

// Alone, for other tests of this file hold the same loop.
test.serial("the event loop goes on while the graph computes", async (t) => {
  await using session = await Session.load(slow(), cpu);
  let ticks = 0;
  const clock = setInterval(() => { ticks++; }, 2);
  const start = performance.now();
  await session.run(square(1000));
  clearInterval(clock);
  const took = performance.now() - start;
  t.true(took > 60, `${took} ms are too few to tell`);
  t.true(ticks >= 10, `a timer ticked ${ticks} times in ${took} ms`);
});

test("a full queue refuses, aborted runs are dropped, and the others come out in order", async (t) => {
  await using session = await Session.load<{ x: ReturnType<typeof f32> }, { y: { dims: readonly number[] } }>(slow(), { ...cpu, queue: 2 });
  const stop = new AbortController();
  const ended: string[] = [];
  const note = (name: string, run: Promise<unknown>): Promise<unknown> => run.finally(() => ended.push(name));
  // One computes, one is ahead, two wait.
  const running = note("first", session.run(square(900)));
  const ahead = note("second", session.run(square(300)));
  const dropped = session.run(square(900), { signal: stop.signal });
  const last = note("last", session.run(square(300)));
  t.regex(await refusal(t, "R751", session.run(square(300))), /2 runs wait/);
  stop.abort(new Error("no longer needed"));
  await t.throwsAsync(dropped, { message: "no longer needed" });
  t.deepEqual(ended, [], "the dropped one did not wait for those before it");
  await Promise.all([running, ahead, last]);
  t.deepEqual(ended, ["first", "second", "last"]);
  await t.throwsAsync(session.run(square(3), { signal: AbortSignal.abort(new Error("before")) }), { message: "before" });
});

test("aborting a run that computes gives it up at once; the worker goes on with the next", async (t) => {
  await using session = await Session.load<{ x: ReturnType<typeof f32> }, { y: { dims: readonly number[] } }>(slow(), cpu);
  const start = performance.now();
  await session.run(square(1000));
  const whole = performance.now() - start;
  const given = performance.now();
  const signal = AbortSignal.timeout(20);
  t.is(await session.run(square(1000), { signal }).then(() => "a result", (error: unknown) => error), signal.reason);
  t.true(performance.now() - given < whole, "it did not wait for the end");
  t.deepEqual((await session.run(square(2))).y.dims, [2, 2]);
});

test("an error in a run rejects that run alone", async (t) => {
  const ports: SmallPort[] = [{ name: "x", dtype: "f32", sizes: ["N"] }, { name: "i", dtype: "i64", sizes: ["N"] }];
  const out: SmallPort = { name: "y", dtype: "f32", sizes: ["N"] };
  const model = smallModel(ports, [out], [{ op: "GatherElements", inputs: ["x", "i"], outputs: ["y"], attributes: [{ name: "axis", type: 2, i: 1 as never }] }]);
  await using session = await Session.load(writeSmall({ model, manifest: { inputs: ports.map(tensorBoundary), outputs: [tensorBoundary(out)], graph: graphOf(ports, [out]) } }), { ...cpu, workers: 2 });
  const run = (at: number): Promise<unknown> => session.run({ x: f32([2], [5, 6]), i: { dtype: "i64", dims: [2], data: BigInt64Array.of(BigInt(at), 0n) } });
  const settled = await Promise.allSettled([run(1), run(99), run(0)]);
  t.deepEqual(settled.map((s) => s.status), ["fulfilled", "rejected", "fulfilled"]);
  const [, failed] = settled;
  t.is(failed?.status === "rejected" && (failed.reason as RuntimeError).code, "R754");
});

test.serial("a worker that ends takes its run along, and another takes its place", async (t) => {
  const workers: Worker[] = [];
  const seen = (worker: Worker): void => { workers.push(worker); };
  process.on("worker", seen);
  await using session = await Session.load<{ x: ReturnType<typeof f32> }, { y: { dims: readonly number[] } }>(slow(), cpu);
  t.is(workers.length, 1);
  void workers[0]?.terminate();
  await refusal(t, "R753", session.run(square(2)));
  t.deepEqual((await session.run(square(2))).y.dims, [2, 2]);
  t.is(workers.length, 2);
  process.off("worker", seen);
});

test("release refuses what waits, lets what computes end, and may be called again", async (t) => {
  const session = await Session.load<{ x: ReturnType<typeof f32> }, { y: { dims: readonly number[] } }>(slow(), cpu);
  const running = session.run(square(700));
  const others = [session.run(square(700)), session.run(square(700))];
  const results = Promise.allSettled(others);
  await after(20);
  await Promise.all([session.release(), session.release()]);
  t.deepEqual((await running).y.dims, [700, 700]);
  for (const result of await results) t.is(result.status === "rejected" && (result.reason as RuntimeError).code, "R752");
  await refusal(t, "R752", session.run(square(2)));
  await refusal(t, "R752", session.profile());
});

test("options are checked, and loading can be given up", async (t) => {
  for (const [option, value] of [["threads", 0], ["workers", 1.5], ["queue", -1], ["device", ""], ["verify", "some"]] as const) t.regex(await refusal(t, "R713", Session.load(doubling(), { [option]: value })), new RegExp(option));
  t.regex(await refusal(t, "R721", Session.load(doubling(), { device: "gpu" })), /`gpu`.*`cpu`/);
  await t.throwsAsync(Session.load(doubling(), { signal: AbortSignal.abort(new Error("stop")) }), { message: "stop" });
  const stages: string[] = [];
  await (await Session.load(doubling(), { ...cpu, workers: 2, onProgress: ({ stage, loaded, total }) => stages.push(`${stage} ${stage === "open" ? `${loaded}/${total}` : loaded <= total}`) })).release();
  t.deepEqual(stages, ["verify true", "open 1/2", "open 2/2"]);
});

test("auto says which device it took and why; a named one is never replaced", async (t) => {
  await using session = await Session.load(doubling());
  t.true(session.device.name === "cpu" || session.device.name === "cuda");
  t.true(session.device.why.length > 10);
  t.deepEqual(await session.run({ x: f32([1, 2], [1, 2]) }), { y: f32([1, 2], [2, 4]) });
  if (session.device.name === "cuda") return;
  t.regex(session.device.why, /CUDA/);
  const message = await refusal(t, process.platform === "linux" ? "R722" : "R721", Session.load(doubling(), { device: "cuda" }));
  t.regex(message, /cuda[\s\S]*auto/);
});

test("a profile leads from time to lines of the source", async (t) => {
  await using session = await Session.load(await artifactOf("pipelines/digits.kiri"), { ...cpu, profile: true, workers: 2 });
  const run = (): Promise<unknown> => session.run({ picture: inProject("pipelines/data/digits/0.png") });
  await Promise.all([run(), run(), run()]);
  const profile = await session.profile();
  t.is(profile.runs, 3);
  t.is(profile.device, "cpu");
  const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
  t.true(Math.abs(sum(profile.lines.map((l) => l.milliseconds)) - profile.milliseconds) < 1e-6 * profile.milliseconds);
  t.true(Math.abs(sum(profile.lines.map((l) => l.share)) - 1) < 1e-9);
  const attention = profile.nodes.find((n) => n.op.includes("Attention"));
  t.true(attention?.origin.some((o) => /^std:nn\/attention\.kiri:\d+:\d+$/.test(o)));
  t.true(attention?.path.some((p) => p.startsWith("classifier.blocks[")));
  const known = sum(profile.nodes.filter((n) => n.origin.length > 0).map((n) => n.milliseconds));
  t.true(known / profile.milliseconds > 0.9, `${known} of ${profile.milliseconds} ms have a line`);
  await run();
  t.is((await session.profile()).runs, 1, "a profile begins where the last one ended");
  await using plain = await Session.load(doubling(), cpu);
  await refusal(t, "R755", plain.profile());
});

/** Of a model with one node: nearly all of what a session takes is its thread. */
const LOADS = 10;

test.serial("loading and releasing again and again keeps memory where it is", async (t) => {
  const folder = doubling();
  const cycle = async (): Promise<void> => {
    const session = await Session.load(folder, cpu);
    await session.run({ x: f32([1, 2], [1, 2]) });
    await session.release();
  };
  t.is(typeof globalThis.gc, "function", "package.json runs tests with --expose-gc");
  const measure = (): number => {
    globalThis.gc?.();
    return process.memoryUsage().rss / 2 ** 20;
  };
  for (let i = 0; i < 5; i++) await cycle();
  const before = measure();
  for (let i = 0; i < LOADS; i++) await cycle();
  const grown = measure() - before;
  // What a leak would be: as many sessions as were loaded, none released.
  const held: Session[] = [];
  const unheld = measure();
  for (let i = 0; i < LOADS; i++) {
    const session = await Session.load(folder, cpu);
    await session.run({ x: f32([1, 2], [1, 2]) });
    held.push(session);
  }
  const leak = measure() - unheld;
  for (const session of held) await session.release();
  t.true(grown < leak / 4, `${grown} MiB more after ${LOADS} loads, and as many that are not released take ${leak}`);
});
