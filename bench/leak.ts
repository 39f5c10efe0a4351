// Memory over 1,000 loads: `npx tsx --expose-gc bench/leak.ts [loads]` loads, runs and releases a small artefact that often, and fails where memory grows.
import { Session } from "../runtime/session.ts";
import { doubling, f32 } from "../test/runtime/support.ts";

const loads = Number(process.argv[2] ?? 1000);
const warm = 50;
/** Bytes a load that may stay, and what the allocator moves up and down by itself; a session that is not released keeps about 125 MB. */
const MOST = 64 * 1024;
const NOISE = 16 * 2 ** 20;

const folder = doubling();
const resident = (): number => {
  globalThis.gc?.();
  return process.memoryUsage().rss;
};
let before = 0;
for (let i = 0; i < warm + loads; i++) {
  if (i === warm) before = resident();
  const session = await Session.load(folder, { device: "cpu", threads: 1 });
  await session.run({ x: f32([1, 2], [1, 2]) });
  await session.release();
  if (i >= warm && (i - warm + 1) % Math.ceil(loads / 10) === 0) console.log(`${i - warm + 1} loads: ${((resident() - before) / 2 ** 20).toFixed(1)} MiB more than after ${warm}`);
}
const grown = resident() - before;
console.log(`${(grown / loads / 1024).toFixed(1)} KiB a load; at most ${MOST / 1024} may stay, and ${NOISE / 2 ** 20} MiB in all`);
process.exitCode = grown <= NOISE + MOST * loads ? 0 : 1;
