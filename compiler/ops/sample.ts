// Seeded random numbers, the same on every machine: xoshiro128** seeded through splitmix32, normals by Box and Muller.

/** `count` numbers of a distribution; one seed gives one sequence. */
export function sample(distribution: "normal" | "uniform", seed: number, count: number): Float64Array {
  const next = uniform(seed);
  const out = new Float64Array(count);
  if (distribution === "uniform") {
    // 24 bits, so that rounding to f32 never gives 1.
    for (let i = 0; i < count; i++) out[i] = (next() >>> 8) / 2 ** 24;
    return out;
  }
  for (let i = 0; i < count; i += 2) {
    const radius = Math.sqrt(-2 * Math.log((next() + 1) / 2 ** 32));
    const angle = (2 * Math.PI * next()) / 2 ** 32;
    out[i] = radius * Math.cos(angle);
    if (i + 1 < count) out[i + 1] = radius * Math.sin(angle);
  }
  return out;
}

const rotate = (x: number, by: number): number => ((x << by) | (x >>> (32 - by))) >>> 0;

function uniform(seed: number): () => number {
  const state = splitmix(seed);
  let [a, b, c, d] = [state(), state(), state(), state()];
  return () => {
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotate(d, 11);
    return result;
  };
}

function splitmix(seed: number): () => number {
  // Seeds above 2^32 differ too: the high part is mixed in.
  let state = (seed ^ Math.imul(Math.floor(seed / 2 ** 32), 0x9e3779b1)) >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  };
}
