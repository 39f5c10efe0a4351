// The real process: exit codes, what goes where, broken pipes, and an end by SIGINT that leaves nothing behind.
import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { packageRoot } from "../../../hosts/node-host.ts";
import { temporaryFolder } from "../../support/safetensors-file.ts";

const root = packageRoot();

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** `kiri` in its own process; `watch` sees standard error as it grows. */
function kiri(args: readonly string[], o: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv; readonly watch?: (err: string, child: ReturnType<typeof spawn>) => void; readonly closeOutput?: boolean } = {}): Promise<Ended> {
  // Node itself interprets FORCE_COLOR and NODE_OPTIONS of the test runner; the process begins without them.
  const { FORCE_COLOR: _colour, NO_COLOR: _plain, NODE_OPTIONS: _options, ...env } = process.env;
  const child = spawn(process.execPath, ["--import=tsx", join(root, "hosts/cli/main.ts"), ...args], { cwd: o.cwd ?? root, env: { ...env, ...o.env } });
  let [out, err] = ["", ""];
  child.stdout.on("data", (d: Buffer) => { out += d; });
  if (o.closeOutput) child.stdout.destroy();
  child.stderr.on("data", (d: Buffer) => {
    err += d;
    o.watch?.(err, child);
  });
  child.stdin.end();
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, out, err }));
  });
}

test("exit codes, data on standard output and failures on standard error, no colour in a pipe", async (t) => {
  const [good, bad, wrong] = await Promise.all([kiri(["explain", "F302"]), kiri(["check", "test/hosts/cli/bad.kiri", "--max-warnings", "0"]), kiri(["explain", "--no-such-flag"])]);
  t.is(good.code, 0);
  t.regex(good.out, /^# F302 /);
  t.is(good.err, "");
  t.is(bad.code, 1, bad.err);
  t.is(bad.out, "");
  t.regex(bad.err, /N205/);
  t.false(bad.err.includes("\u001b"));
  t.is(wrong.code, 2);
  t.regex(wrong.err, /unknown option/);
});

test("a reader that has seen enough is no error", async (t) => {
  const { code, err } = await kiri(["explain"], { closeOutput: true });
  t.is(code, 0);
  t.is(err, "");
});

test("SIGINT while an artefact is measured: exit code 130, nothing is left of it", async (t) => {
  const folder = temporaryFolder();
  const temporary = temporaryFolder();
  let sent = false;
  const { code, err } = await kiri(["compile", "pipelines/digits.kiri", "--variant", "lite", "-o", join(folder, "out")], {
    env: { TMPDIR: temporary },
    watch: (text, child) => {
      if (sent || !/measuring/.test(text)) return;
      sent = true;
      child.kill("SIGINT");
    },
  });
  t.true(sent, err);
  t.is(code, 130, err);
  t.false(existsSync(join(folder, "out")));
  t.deepEqual(readdirSync(folder), []);
  t.deepEqual(readdirSync(temporary).filter((f) => f.startsWith("kirigami")), []);
});
