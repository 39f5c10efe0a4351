// How squared distances of rows to rows are written in the library: |x|² + |c|² - 2 x·c.
import type { Hole, OpPattern, PatternBuild } from "../rewrite/pattern.ts";

/** x[B, N, C] to c[B, K, C], as `distance` of the core library gives it: f32[B, N, K]. */
export function distances(o: PatternBuild, x: Hole, c: Hole): OpPattern {
  const tokens = o.reduce("reduceSum", o.mul(x, x), [2], true);
  const centres = o.reshape(o.reduce("reduceSum", o.mul(c, c), [2], false));
  return o.sub(o.add(tokens, centres), o.mul(o.number(2), o.matmul(x, o.transpose(c, [0, 2, 1]))));
}
