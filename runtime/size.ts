// Sizes of the manifest: numbers, or expressions of the sizes of inputs and of defined ones as the compiler prints them (`2*N + floor((N)/(2)) - 1`).
import type { Size } from "./artifact.d.ts";
import { refuse } from "./errors.ts";

export type Sizes = ReadonlyMap<string, number>;
/** The value of a size, or undefined where a symbol has none. */
export type Evaluate = (sizes: Sizes) => number | undefined;

const FUNCTIONS: Readonly<Record<string, (a: number, b: number) => number>> = {
  floor: (a, b) => Math.floor(a / b),
  ceil: (a, b) => Math.ceil(a / b),
  mod: (a, b) => a - b * Math.floor(a / b),
  min: Math.min,
  max: Math.max,
};

/** Hostile manifests nest deeper than any size of a program; the parser recurses. */
const MOST_DEPTH = 64;

export function parseSize(size: Size): Evaluate {
  if (typeof size === "number") return () => size;
  const words = [...size.matchAll(/\s*(?:(\d+)|([\p{L}_@#.$][\p{L}\p{N}_@#.$':]*)|([-+*/(),]))|(\s+)$|(\S)/gu)];
  const wrong = (why: string): never => {
    throw refuse("R712", { text: size.length > 200 ? `${size.slice(0, 200)}…` : size, why });
  };
  let at = 0;
  const sign = (): string | undefined => words[at]?.[3];
  const expect = (wanted: string): void => {
    if (sign() !== wanted) wrong(`'${wanted}' is missing at part ${at + 1}`);
    at++;
  };
  const both = (a: Evaluate, b: Evaluate, apply: (x: number, y: number) => number): Evaluate => (sizes) => {
    const [x, y] = [a(sizes), b(sizes)];
    return x === undefined || y === undefined ? undefined : apply(x, y);
  };
  const sum = (depth: number): Evaluate => {
    let left = product(depth);
    for (let s = sign(); s === "+" || s === "-"; s = sign()) {
      at++;
      left = both(left, product(depth), s === "+" ? (x, y) => x + y : (x, y) => x - y);
    }
    return left;
  };
  const product = (depth: number): Evaluate => {
    let left = factor(depth);
    while (sign() === "*") {
      at++;
      left = both(left, factor(depth), (x, y) => x * y);
    }
    return left;
  };
  const factor = (depth: number): Evaluate => {
    if (depth > MOST_DEPTH) return wrong("it is nested too deeply");
    const [, digits, name, mark] = words[at] ?? [];
    at++;
    if (digits !== undefined) return () => Number(digits);
    if (mark === "-") return both(() => 0, factor(depth + 1), (x, y) => x - y);
    if (mark === "(") {
      const inner = sum(depth + 1);
      expect(")");
      return inner;
    }
    if (name === undefined) return wrong(`a number or a name is missing at part ${at}`);
    const apply = Object.hasOwn(FUNCTIONS, name) && sign() === "(" ? FUNCTIONS[name] : undefined;
    if (!apply) return (sizes) => sizes.get(name);
    at++;
    const a = sum(depth + 1);
    expect(name === "floor" || name === "ceil" ? "/" : ",");
    const b = sum(depth + 1);
    expect(")");
    return both(a, b, apply);
  };
  const result = sum(0);
  if (at < words.length && words[at]?.[4] === undefined) wrong(`part ${at + 1} is one too many`);
  return result;
}

/** The symbol that a size is, where it is no more than one. */
export const symbolOf = (size: Size): string | undefined => (typeof size === "string" && /^[\p{L}_@#.$][\p{L}\p{N}_@#.$':]*$/u.test(size) ? size : undefined);
