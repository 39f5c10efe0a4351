// Which tokens were folded together, told by the folds themselves: every folded token is given a code, the `up`s take the codes
// back, and each original token reads whose code reached it. Where a fold has no `up` the original tokens have codes, which go down
// as masks and positions do. Nothing is known here of any particular fold.
import type { Elaboration } from "../elaborate/elaboration.ts";
import type { Node } from "../graph/node.ts";
import { constant, type Dim } from "../types/dim.ts";

/** The name of the output. */
export const TRACE = "folds";
/** Less than this of any code is none: what cancels in f32 leaves about 1e-5. */
const FAINTEST = 1e-3;

interface Traced {
  readonly batch: Dim;
  /** Folded tokens. */
  readonly count: Dim;
  readonly width: Dim;
  /** All `up`s, the last fold's first: f32[B, K, C] to f32[B, N, C]. */
  readonly open: (y: Node) => Node;
}

/** i64[B, N]: the folded token that most of each original token comes from, the first of equals; -1 where it was dropped. */
export function groupOf(e: Elaboration, { batch, count, width, open }: Traced): Node {
  const { b } = e;
  const zero = b.fill("f32", [batch, count, width], 0);
  // An `up` may add what the tokens were (`residual`): its linear part is what it makes of a code beyond what it makes of nothing.
  const nothing = open(zero);
  let score: Node | undefined;
  let strength: Node | undefined;
  for (const code of codes(e, count, width)) {
    const reached = b.sub(open(b.expand(b.reshape(code, [constant(1), count, width]), [batch, count, width])), nothing);
    const part = b.matmul(reached, b.transpose(code, [1, 0]));
    const most = b.reduce("reduceMax", b.unary("abs", reached), [2], false);
    score = score ? b.add(score, part) : part;
    strength = strength ? b.binary("max", strength, most) : most;
  }
  if (!score || !strength) throw new Error("no token has a code");
  const found = b.argmax(score, 2);
  return b.where(b.binary("gt", strength, b.scalar("f32", FAINTEST)), found, b.fill("i64", found.type.dims, -1));
}

interface Membership {
  readonly batch: Dim;
  /** Original tokens. */
  readonly count: Dim;
  /** What goes along with the tokens, through all folds: f32[B, N, N] to f32[B, K, N]. */
  readonly fold: (y: Node) => Node;
}

/** i64[B, N]: the folded token that each original token is part of; -1 where it was dropped. */
export function memberOf(e: Elaboration, { batch, count, fold }: Membership): Node {
  const { b } = e;
  const row = b.reshape(b.iota(count), [constant(1), count]);
  const codes = b.cast(b.binary("eq", b.reshape(b.iota(count), [count, constant(1)]), row), "f32");
  const members = b.transpose(fold(b.expand(b.reshape(codes, [constant(1), count, count]), [batch, count, count])), [0, 2, 1]);
  const found = b.argmax(members, 2);
  const isPart = b.binary("gt", b.reduce("reduceMax", members, [2], false), b.scalar("f32", FAINTEST));
  return b.where(isPart, found, b.fill("i64", found.type.dims, -1));
}

/**
 * f32[K, C], one or several: one channel a token, as many times as it takes. Where only a run knows how many tokens there are,
 * signs that look random: codes of different tokens then agree in about half of the channels, and groups are found by majority.
 */
function codes(e: Elaboration, count: Dim, width: Dim): Node[] {
  const { b, arena } = e;
  const [tokens, channels] = [arena.facts.number(count), arena.facts.number(width)];
  const column = b.reshape(b.iota(count), [count, constant(1)]);
  if (channels === undefined || tokens === undefined) {
    const speed = b.add(b.mul(b.random("f32", [width], 1, "uniform"), b.scalar("f32", 1000)), b.scalar("f32", 1));
    const wave = b.unary("sin", b.mul(b.add(b.cast(column, "f32"), b.scalar("f32", 1)), b.reshape(speed, [constant(1), width])));
    return [b.where(b.binary("gt", wave, b.scalar("f32", 0)), b.scalar("f32", 1), b.scalar("f32", -1))];
  }
  return Array.from({ length: Math.ceil(tokens / channels) }, (_, part) => {
    const row = b.reshape(b.add(b.iota(width), b.scalar("i64", part * channels)), [constant(1), width]);
    return b.cast(b.binary("eq", column, row), "f32");
  });
}
