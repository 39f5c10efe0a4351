// GELU, exact and by tanh, in the ways people write them.
import type { Pattern, PatternBuild } from "../rewrite/pattern.ts";
import { type Rule, rule } from "../rewrite/rule.ts";
import { pass } from "./pass.ts";

// 1. x·½·(1 + erf(x/√2)), the factors in any order
const exact: Rule = rule("x · Φ(x)", ["x"], {
  find: (o, { x }) => halved(o, x, o.erf(o.any(o.div(x, o.number(Math.SQRT2)), o.mul(x, o.number(Math.SQRT1_2))))),
  put: (o, { x }) => o.gelu(x),
});

// 2. x·½·(1 + tanh(√(2/π)·(x + 0.044715·x³)))
const byTanh: Rule = rule("x · Φ(x) by tanh", ["x"], {
  find: (o, { x }) => halved(o, x, o.tanh(argument(o, x))),
  put: (o, { x }) => o.gelu(x, "tanh"),
});

export default pass("gelu", { needs: "fused", leaves: "fused", exact: true, makes: ["gelu"], rules: [exact, byTanh] });

/** x·½·(1 + e) */
function halved(o: PatternBuild, x: Pattern, e: Pattern): Pattern {
  const half = (p: Pattern): Pattern => o.any(o.mul(p, o.number(0.5)), o.div(p, o.number(2)));
  const one = o.add(e, o.number(1));
  return o.any(o.mul(half(x), one), o.mul(x, o.any(half(one), o.add(half(e), o.number(0.5)))), half(o.mul(x, one)));
}

/** √(2/π)·(x + 0.044715·x³), the factors in any order */
function argument(o: PatternBuild, x: Pattern): Pattern {
  const [k, root] = [0.044715, Math.sqrt(2 / Math.PI)];
  const square = o.any(o.mul(x, x), o.pow(x, o.number(2)));
  const cube = o.any(o.pow(x, o.number(3)), o.mul(square, x));
  const scaledCube = o.any(o.mul(cube, o.number(k)), o.mul(o.mul(o.mul(x, o.number(k)), x), x), o.mul(o.mul(x, o.number(k)), square), o.mul(x, o.mul(square, o.number(k))));
  const sum = o.add(x, scaledCube);
  const grown = o.add(o.mul(square, o.number(k)), o.number(1));
  return o.any(o.mul(sum, o.number(root)), o.mul(o.mul(x, o.number(root)), grown), o.mul(o.mul(x, grown), o.number(root)), o.mul(x, o.add(o.mul(square, o.number(k * root)), o.number(root))));
}
