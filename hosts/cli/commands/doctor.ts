// `kiri doctor`: what runs here, what is missing for the rest, and the command that puts it in place.
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { packageRoot } from "../../node-host.ts";
import { type Context, examples } from "../command.ts";
import { EXIT, type ExitCode } from "../exit.ts";
import type { Io } from "../io.ts";
import { printJson } from "../problems.ts";
import { version } from "../../version.ts";

interface Options {
  readonly json?: boolean;
}

interface Finding {
  readonly what: string;
  readonly ok: boolean;
  readonly says: string;
  /** What to type, or to do. */
  readonly remedy: string | null;
}

export function addDoctor(program: Command, context: Context): void {
  const command = program
    .command("doctor")
    .description("what can run here, and what is missing for the rest")
    .option("--json", "print JSON")
    .action(async (options: Options) => context.finish(await doctor(context.io, options)));
  examples(command, [["kiri doctor", "before asking why CUDA is not used"]]);
}

/** Exit code 1 where nothing can run at all. */
async function doctor(io: Io, options: Options): Promise<ExitCode> {
  const { probe } = await import("../../../runtime/providers.ts");
  const found = await probe();
  const providers: Tried[] = [];
  if (found.providers.some((p) => p.ready)) {
    const { whyNot } = await import("../device-trial.ts");
    // One after the other: each takes the device while it is tried.
    for (const p of found.providers) providers.push({ ...p, fails: p.ready ? await whyNot(p.name) : undefined });
  } else providers.push(...found.providers.map((p) => ({ ...p, fails: undefined })));
  const findings = [nodeVersion(), library(), runtime(found.onnxruntime), ...providers.map(provider)];
  const code = found.onnxruntime === undefined || !existsSync(join(packageRoot(), "stdlib", "core.kiri")) ? EXIT.failed : EXIT.success;
  if (options.json) printJson(io, "doctor", code, [], { node: process.version, platform: process.platform, arch: process.arch, findings, providers: providers.map(({ fails, ...p }) => ({ ...p, works: p.ready && fails === undefined, why: fails ?? p.why })), folder: found.folder ?? null });
  else {
    io.stdout.write(`kirigami ${version()} on ${process.platform} ${process.arch}\n`);
    for (const f of findings) io.stdout.write(`${f.ok ? "ok  " : "no  "}${f.what}: ${f.says}\n${f.remedy ? `      ${f.remedy}\n` : ""}`);
  }
  return code;
}

function nodeVersion(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const ok = major > 20 || (major === 20 && minor >= 19);
  return { what: "Node", ok, says: process.version, remedy: ok ? null : "Install Node 20.19 or newer." };
}

function library(): Finding {
  const ok = existsSync(join(packageRoot(), "stdlib", "core.kiri"));
  return { what: "standard library", ok, says: ok ? join(packageRoot(), "stdlib") : "it is not where it belongs", remedy: ok ? null : "npm install kirigami" };
}

function runtime(found: string | undefined): Finding {
  return { what: "ONNX Runtime", ok: found !== undefined, says: found ?? "onnxruntime-node is not installed; programs compile, and nothing runs", remedy: found === undefined ? "npm install onnxruntime-node@1.30" : null };
}

/** A device, and why a model that was run on it failed; undefined where it ran, or what the device needs is missing. */
interface Tried {
  readonly name: string;
  readonly ready: boolean;
  readonly why: string;
  readonly libraries: readonly { readonly name: string; readonly from: string; readonly found: boolean }[];
  readonly fails: string | undefined;
}

function provider({ name, ready, why, libraries, fails }: Tried): Finding {
  const what = `device ${name}`;
  if (ready) return fails === undefined ? { what, ok: true, says: "works: a small model ran on it", remedy: null } : { what, ok: false, says: fails, remedy: "`--device auto` takes what works" };
  const missing = [...new Set(libraries.filter((l) => !l.found).map((l) => l.from))];
  const packages = missing.filter((from) => /^nvidia-/.test(from));
  const names = libraries.filter((l) => !l.found).map((l) => l.name);
  const remedies = [
    ...(packages.length ? [`python3 -m pip install ${packages.join(" ")}, and KIRIGAMI_CUDA=<the folder site-packages>`] : []),
    ...missing.filter((from) => !packages.includes(from)).map((from) => `needs ${from}`),
  ];
  return { what, ok: false, says: names.length ? `${names.length} of ${libraries.length} libraries are missing: ${names.join(", ")}` : why, remedy: remedies.length ? remedies.join("; ") : null };
}
