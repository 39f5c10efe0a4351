// Which names a piece of syntax mentions, and how deep it is nested. Neither recurses: what is asked may be deeper than the stack.
import type * as Ast from "../../grammar/ast.ts";
import { originalOf } from "../../grammar/unchanged.ts";

const mentions = new WeakMap<object, ReadonlySet<string>>();
const depths = new WeakMap<object, number>();

/** Every identifier in a declaration; of one that has only moved it is known already. */
export function mentionsOf(declaration: Ast.Declaration): ReadonlySet<string> {
  const original = originalOf(declaration);
  const known = mentions.get(original);
  if (known) return known;
  const found = new Set<string>();
  mentions.set(original, found);
  const open: unknown[] = [original];
  while (open.length > 0) {
    const node = open.pop();
    if (typeof node !== "object" || node === null) continue;
    const { name } = node as { name?: unknown };
    if (typeof name === "string") found.add(name);
    for (const value of Object.values(node)) if (typeof value === "object") open.push(value);
  }
  return found;
}

/** Names that expressions of a tree read: not those that it binds. */
export function namesRead(root: unknown): Set<string> {
  const found = new Set<string>();
  const open: unknown[] = [root];
  while (open.length > 0) {
    const node = open.pop();
    if (typeof node !== "object" || node === null) continue;
    const { kind, name } = node as { kind?: unknown; name?: unknown };
    if (kind === "name" && typeof name === "string") found.add(name);
    for (const value of Object.values(node)) if (typeof value === "object") open.push(value);
  }
  return found;
}

/** How many objects of a declaration stand in each other, at most; counted not much further than `limit`. */
export function depthOf(declaration: Ast.Declaration, limit: number): number {
  const original = originalOf(declaration);
  const known = depths.get(original);
  if (known !== undefined) return known;
  let deepest = 0;
  const open: { readonly node: unknown; readonly depth: number }[] = [{ node: original, depth: 0 }];
  while (open.length > 0 && deepest <= limit) {
    const { node, depth } = open.pop() as { node: unknown; depth: number };
    if (typeof node !== "object" || node === null) continue;
    if (depth > deepest) deepest = depth;
    for (const value of Object.values(node)) if (typeof value === "object") open.push({ node: value, depth: depth + 1 });
  }
  depths.set(original, deepest);
  return deepest;
}
