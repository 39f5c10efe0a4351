// Fields by dotted names: `a.b` is field b of record a.
import type { InputValue } from "../runtime/record.ts";

export type InputRecord = Record<string, InputValue>;

/** Sets a field; records on the way to it are made. */
export function put(record: InputRecord, name: string, value: InputValue): void {
  const parts = name.split(".");
  const last = parts.pop() ?? name;
  let inner = record;
  for (const part of parts) {
    const next = (inner[part] ?? {}) as InputRecord;
    inner[part] = next;
    inner = next;
  }
  inner[last] = value;
}

/** `{ "a.b": v }` as `{ a: { b: v } }`. */
export function nested(flat: Readonly<Record<string, InputValue>>): InputRecord {
  const out: InputRecord = {};
  for (const [name, value] of Object.entries(flat)) put(out, name, value);
  return out;
}
