/** Sizes of manifests: what the compiler prints, evaluated by the runtime alone. */
import test from "ava";
import { add, ceilDivide, constant, floorDivide, maximum, minimum, modulo, multiply, negate, subtract, substitute, symbol, asNumber, type Dim } from "../../compiler/types/dim.ts";
import { RuntimeError } from "../../runtime/errors.ts";
import { parseSize, symbolOf } from "../../runtime/size.ts";

test("every form that the compiler prints has the value that the compiler gives it", (t) => {
  const [n, m] = [symbol("N"), symbol("out.M'2")];
  const dims: Dim[] = [
    n, constant(7), negate(n), subtract(n, constant(8)), add(multiply(n, m), constant(-3)), multiply(constant(2), multiply(n, n)), floorDivide(add(n, constant(1)), constant(2)),
    ceilDivide(n, m), modulo(subtract(m, n), constant(5)), minimum(n, multiply(m, constant(2))), maximum(floorDivide(n, constant(3)), subtract(m, constant(4))), add(floorDivide(multiply(n, m), constant(7)), modulo(n, constant(3))),
  ];
  for (const dim of dims) for (const [a, b] of [[1, 9], [17, 4], [6, 6], [100, 33]] as const) {
    const sizes = new Map([["N", a], ["out.M'2", b]]);
    const known = new Map([["N", constant(a)], ["out.M'2", constant(b)]]);
    t.is(parseSize(dim.key)(sizes), asNumber(substitute(dim, known)), `${dim.key} with ${a}, ${b}`);
  }
});

test("a size whose symbol has no value has none", (t) => {
  t.is(parseSize("N - 1")(new Map()), undefined);
  t.is(parseSize(5)(new Map()), 5);
  t.is(symbolOf("N"), "N");
  t.is(symbolOf("N - 1"), undefined);
  t.is(symbolOf(3), undefined);
});

test("what is no size is refused, however deep", (t) => {
  for (const text of ["", "N -", "(N", "N N", "floor(N, 2)", "min(N / 2)", "N ? 2", "2 2", `${"(".repeat(100_000)}N`, `${"-".repeat(100_000)}1`]) {
    const error = t.throws(() => parseSize(text), { instanceOf: RuntimeError }, text.slice(0, 20));
    t.is(error?.code, "R712");
    t.true((error?.message.length ?? 0) < 600);
  }
});
