// The least cut, held to what trying every way to divide small networks finds.
import test from "ava";
import { Network, SINK, SOURCE } from "../../../compiler/passes/least-cut.ts";

interface Edge {
  readonly from: number;
  readonly to: number;
  readonly cost: number;
}

const costOf = (edges: readonly Edge[], withSink: readonly boolean[]): number => edges.reduce((sum, e) => sum + (!withSink[e.from] && withSink[e.to] ? e.cost : 0), 0);

/** The least cost of all ways to divide, and the fewest points with the sink at that cost. */
function tried(points: number, edges: readonly Edge[]): { readonly cost: number; readonly points: number } {
  let best = { cost: Infinity, points: 0 };
  for (let way = 0; way < 2 ** (points - 2); way++) {
    const side = [false, true, ...Array.from({ length: points - 2 }, (_, i) => ((way >> i) & 1) === 1)];
    const found = { cost: costOf(edges, side), points: side.filter(Boolean).length };
    if (found.cost < best.cost || (found.cost === best.cost && found.points < best.points)) best = found;
  }
  return best;
}

test("a cut is as cheap as the cheapest of all, with the fewest points on the sink's side", (t) => {
  let seed = 7;
  const draw = (below: number): number => {
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
    return (seed >> 8) % below;
  };
  let divided = 0;
  for (let round = 0; round < 300; round++) {
    const points = 4 + draw(7);
    const network = new Network();
    while (network.point() < points - 1);
    const edges = Array.from({ length: points * 2 + draw(12) }, (): Edge => ({ from: draw(points), to: draw(points), cost: draw(6) === 0 ? Infinity : 1 + draw(3) })).filter((e) => e.from !== e.to && !(e.from === SOURCE && e.to === SINK));
    const best = tried(points, edges);
    if (best.cost === Infinity) continue;
    for (const { from, to, cost } of edges) network.edge(from, to, cost);
    const side = network.withSink();
    t.deepEqual({ cost: costOf(edges, side), points: side.filter(Boolean).length }, best);
    if (best.cost > 0) divided++;
  }
  t.true(divided > 50, "networks that are cut");
});

test("a chain of 100,000 points is cut, and what is tied to both sides is our own mistake", (t) => {
  const network = new Network();
  let last = SOURCE;
  for (let i = 0; i < 100_000; i++) {
    const next = network.point();
    network.edge(last, next, i === 5 ? 1 : 2);
    last = next;
  }
  network.edge(last, SINK, 2);
  t.is(network.withSink().filter(Boolean).length, 100_000 - 5 + 1);
  const torn = new Network();
  torn.edge(SOURCE, SINK, Infinity);
  t.throws(() => torn.withSink(), { message: /both sides/ });
});
