// Names inside of sub-graphs, when the node that holds them is written: values from outside by their names there, its own by names that no other value has.
import { CAPTURED } from "../ops/foreign.ts";
import { changed, field, textField } from "./wire.ts";

/** What a name inside stands for. */
type Names = ReadonlyMap<string, string>;

/**
 * Fields `attribute` of a NodeProto with the graphs in them renamed; all else stays byte for byte. `captured` holds the values that the node's
 * sub-graphs take from outside, by their numbers; `fresh` gives a name that is free, like the one it is given.
 */
export function withInnerNames(attributes: Uint8Array, captured: readonly string[], fresh: (name: string) => string): Uint8Array {
  const names = new Map(captured.map((name, i) => [`${CAPTURED}${i}`, name]));
  return changed(attributes, (number, content) => (number === 5 ? field(5, attribute(content, names, fresh)) : undefined));
}

const attribute = (message: Uint8Array, around: Names, fresh: (name: string) => string): Uint8Array =>
  changed(message, (number, content) => (number === 6 || number === 11 ? field(number, graph(content, around, fresh)) : undefined));

/** Numbers of fields: 1 nodes, 5 tensors, 11 inputs, 12 outputs, 13 types in between, 15 sparse tensors. */
function graph(message: Uint8Array, around: Names, fresh: (name: string) => string): Uint8Array {
  const names = new Map(around);
  const own = (name: string): void => void (name === "" || names.set(name, fresh(name)));
  changed(message, (number, content) => {
    if (number === 11) own(textIn(content, 1));
    else if (number === 5) { const name = textIn(content, 8); if (!names.has(name) || around.has(name)) own(name); }
    else if (number === 15) changed(content, (n, values) => void (n === 1 && own(textIn(values, 8))));
    else if (number === 1) changed(content, (n, name) => void (n === 2 && own(utf8.decode(name))));
    return undefined;
  });
  const renamed = (of: Uint8Array, at: number): Uint8Array => changed(of, (n, name) => (n === at ? called(n, name, names) : undefined));
  return changed(message, (number, content) => {
    if (number === 1) return field(1, changed(content, (n, inner) => (n === 1 || n === 2 ? called(n, inner, names) : n === 5 ? field(5, attribute(inner, names, fresh)) : undefined)));
    if (number === 11 || number === 12 || number === 13) return field(number, renamed(content, 1));
    if (number === 5) return field(5, renamed(content, 8));
    if (number === 15) return field(15, changed(content, (n, values) => (n === 1 ? field(1, renamed(values, 8)) : undefined)));
    return undefined;
  });
}

const utf8 = new TextDecoder();
const called = (number: number, name: Uint8Array, names: Names): Uint8Array => { const text = utf8.decode(name); return textField(number, names.get(text) ?? text); };

/** The last text of a field, as protobuf reads it. */
function textIn(message: Uint8Array, number: number): string {
  let text = "";
  changed(message, (n, content) => { if (n === number) text = utf8.decode(content); return undefined; });
  return text;
}
