// Raising of matrix products.
import type { Node } from "../graph/node.ts";
import { isFloat } from "../types/tensor.ts";
import { type Raise, only, plain, single } from "./onnx-raising.ts";
import { Kept, type Use } from "./onnx-use.ts";

const matmul: Raise = (u) => {
  const [a, b] = [plain(u.x(0)), plain(u.x(1))];
  only(isFloat(a.type.dtype) && a.type.dims.length >= 2 && b.type.dims.length >= 2, "vectors or whole numbers");
  const rank = Math.max(a.type.dims.length, b.type.dims.length);
  return u.o.matmul(u.lifted(a, rank), b.type.dims.length === 2 ? b : u.lifted(b, rank));
};

const turned = (u: Use, x: Node): Node => {
  const perm = x.type.dims.map((_, i) => i);
  [perm[perm.length - 2], perm[perm.length - 1]] = [perm.length - 1, perm.length - 2];
  return u.o.transpose(x, perm);
};

const scaled = (u: Use, x: Node, factor: number): Node => (factor === 1 ? x : u.o.mul(x, u.o.scalar(x.type.dtype, factor)));

const gemm: Raise = (u) => {
  const [a, b] = [plain(u.x(0)), plain(u.x(1))];
  only(a.type.dtype === "f32" || a.type.dtype === "f64", "rounding in between would differ");
  const made = u.o.matmul(u.int("transA", 0) ? turned(u, a) : a, u.int("transB", 0) ? turned(u, b) : b);
  const whole = scaled(u, made, u.float("alpha", 1));
  const beta = u.float("beta", 1);
  if (!u.has(2) || beta === 0) return whole;
  const c = u.x(2);
  return u.o.add(whole, scaled(u, c.type.dims.length === 0 ? c : u.lifted(c, 2), beta));
};

const ACTIVATIONS = { Relu: "relu", Tanh: "tanh", Sigmoid: "sigmoid" } as const;

/** com.microsoft FusedGemm: a product, a bias and a function behind them. */
const fusedGemm: Raise = (u, constantOf) => {
  const name = u.text("activation", "");
  if (!Object.hasOwn(ACTIVATIONS, name)) throw new Kept(`the function ${name}`);
  return u.o.unary(ACTIVATIONS[name as keyof typeof ACTIVATIONS], gemm(u, constantOf) as Node);
};

const fusedMatmul: Raise = (u) => {
  const [a, b] = [single(u.x(0)), single(u.x(1))];
  only(u.int("transBatchA", 0) === 0 && u.int("transBatchB", 0) === 0 && a.type.dims.length >= 2 && b.type.dims.length >= 2, "other axes");
  const [left, right] = [u.int("transA", 0) ? turned(u, a) : a, u.int("transB", 0) ? turned(u, b) : b];
  const rank = Math.max(left.type.dims.length, right.type.dims.length);
  return scaled(u, u.o.matmul(u.lifted(left, rank), right.type.dims.length === 2 ? right : u.lifted(right, rank)), u.float("alpha", 1));
};

export const products: readonly (readonly [string, Raise])[] = [["MatMul", matmul], ["Gemm", gemm], ["com.microsoft.FusedMatMul", fusedMatmul], ["com.microsoft.FusedGemm", fusedGemm]];
