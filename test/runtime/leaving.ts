// A program that leaves in one of several ways while a session is open; process.test.ts looks at how it ended.
import { setTimeout as after } from "node:timers/promises";
import { Session } from "../../runtime/session.ts";

const [folder = "", how = ""] = process.argv.slice(2);
const square = (n: number): Record<string, { dtype: "f32"; dims: number[]; data: Float32Array }> => ({ x: { dtype: "f32", dims: [n, n], data: new Float32Array(n * n) } });

if (how === "while loading") {
  void Session.load(folder, { device: "cpu" });
  await after(150);
  process.exit(5);
}
const session = await Session.load(folder, { device: "cpu", threads: 1, workers: 2 });
if (how === "without release") await session.run(square(2));
else {
  for (let i = 0; i < 2; i++) session.run(square(900)).catch(() => undefined);
  await after(40);
  if (how === "by exit") process.exit(3);
  throw new Error("thrown on purpose");
}
