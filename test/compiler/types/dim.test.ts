/** Sizes: normal forms, what is known of symbols, and that definitions behind each other stay short. */
import test from "ava";
import { add, asNumber, ceilDivide, constant, type Dim, divideExactly, Facts, floorDivide, maximum, minimum, modulo, multiply, parseDim, product, subtract, symbol, worth } from "../../../compiler/types/dim.ts";

const N = symbol("N");
const [one, two] = [constant(1), constant(2)];
const size = (text: string): Dim => parseDim(text);

test("normal forms: however a polynomial is spelled, it is one", (t) => {
  t.is(multiply(add(N, one), subtract(N, one)).key, "N*N - 1");
  t.is(subtract(product([two, N, symbol("M")]), multiply(symbol("M"), N)).key, "M*N");
  t.is(subtract(N, N).key, "0");
});

test("a printed size reads back as itself", (t) => {
  for (const dim of [constant(-7), subtract(constant(3), multiply(N, N)), minimum(N, constant(9)), maximum(floorDivide(N, two), symbol("M")), add(ceilDivide(N, constant(3)), modulo(N, two)), symbol("N.folded.3")])
    t.is(parseDim(dim.key).key, dim.key);
});

test("functions of numbers are numbers, as in whole-number arithmetic that rounds down", (t) => {
  const of = (text: string): number | undefined => asNumber(size(text));
  t.deepEqual(["floor((7)/(2))", "floor((-7)/(2))", "ceil((7)/(2))", "mod(-7, 4)", "min(3, 5)", "max(3, 5)"].map(of), [3, -4, 4, 1, 3, 5]);
  t.is(minimum(N, add(N, one)).key, "N");
  t.is(divideExactly(subtract(multiply(N, N), one), subtract(N, one))?.key, "N + 1");
  t.is(divideExactly(N, two), undefined);
});

test("a size is worth what its symbols are worth", (t) => {
  t.is(worth(size("2*N*M + floor((N - 1)/(2)) - min(N, M)"), (name) => (name === "N" ? 10 : 3)), 2 * 30 + 4 - 3);
});

test("names are replaced where sizes meet, to the bottom", (t) => {
  const facts = new Facts();
  facts.know("A", add(symbol("B"), one));
  facts.know("B", multiply(two, symbol("C")));
  t.is(facts.bind(symbol("A")).key, "2*C + 1");
  t.true(facts.equal(subtract(symbol("A"), symbol("B")), one));
  facts.know("C", constant(4));
  t.is(facts.number(symbol("A")), 9);
  facts.forget("C");
  t.is(facts.number(symbol("A")), undefined);
});

test("a definition stays a symbol, until it is a number", (t) => {
  const facts = new Facts();
  facts.know("K", floorDivide(N, two));
  t.is(facts.bind(add(symbol("K"), one)).key, "K + 1");
  t.true(facts.equal(symbol("K"), floorDivide(N, two)));
  facts.know("N", constant(9));
  t.is(facts.number(symbol("K")), 4);
});

test("what was found equal under one thing known is asked anew under another", (t) => {
  const facts = new Facts();
  t.false(facts.equal(N, constant(8)));
  facts.know("N", constant(8));
  t.true(facts.equal(N, constant(8)));
  facts.know("N", constant(9));
  t.false(facts.equal(N, constant(8)));
  facts.forget("N");
  t.false(facts.equal(N, constant(8)));
});

test("a symbol that is said to be itself, round a corner, ends", (t) => {
  const facts = new Facts();
  facts.know("A", symbol("B"));
  facts.know("B", symbol("A"));
  t.true(["A", "B"].includes(facts.bind(symbol("A")).key));
  t.is(facts.evaluator(() => 5)(symbol("A")), 5);
  t.true(facts.symbolsOf(symbol("A")).size <= 1);
  facts.know("K", floorDivide(add(symbol("K"), one), two));
  t.false(facts.equal(symbol("K"), two));
  t.is(facts.definitions([symbol("K")]).size, 1);
});

/** What `times` merges leave, each definition naming the one before twice. */
function chain(facts: Facts, times: number): Dim {
  let now = N;
  for (let i = 1; i <= times; i++) {
    facts.know(`K${i}`, subtract(now, minimum(constant(3), floorDivide(subtract(now, one), two))));
    now = symbol(`K${i}`);
  }
  return now;
}

test("a thousand definitions behind each other: compared, counted and listed without writing one out", (t) => {
  const facts = new Facts();
  const last = chain(facts, 1000);
  t.is(facts.bind(last).key, "K1000");
  t.false(facts.equal(last, one));
  t.false(facts.equal(last, symbol("K999")));
  t.false(facts.equal(last, N));
  t.true(facts.equal(last, facts.values.get("K1000") ?? N));
  for (const length of [2, 3001, 4000]) {
    let left = length;
    for (let i = 0; i < 1000; i++) left -= Math.min(3, Math.floor((left - 1) / 2));
    t.is(facts.evaluator(() => length)(last), left);
  }
  t.deepEqual([...facts.symbolsOf(last)], ["N"]);
  const listed = [...facts.definitions([last])];
  t.deepEqual(listed.map(([name]) => name), Array.from({ length: 1000 }, (_, i) => `K${i + 1}`));
  t.true(listed.every(([, value]) => value.key.length < 60));
});

test("both halves of what a definition counts are the whole", (t) => {
  const facts = new Facts();
  const last = chain(facts, 5);
  t.true(facts.equal(add(ceilDivide(last, two), floorDivide(last, two)), last));
  t.true(facts.equal(add(floorDivide(subtract(last, one), two), ceilDivide(add(last, one), two)), last));
  t.false(facts.equal(add(floorDivide(last, two), floorDivide(last, two)), last));
});

test("two definitions with the same text are two symbols of one size", (t) => {
  const facts = new Facts();
  facts.know("K", floorDivide(N, two));
  facts.know("L", floorDivide(N, two));
  t.true(facts.equal(symbol("K"), symbol("L")));
  t.false(facts.equal(symbol("K"), add(symbol("L"), one)));
});

test("a declaration by itself takes divisions on trust, and what a caller decides", (t) => {
  const facts = new Facts();
  facts.trusting = true;
  t.true(facts.equal(multiply(floorDivide(N, two), two), N));
  t.false(facts.equal(N, symbol("M")));
  facts.leaveOpen("M");
  t.true(facts.equal(N, symbol("M")));
});
