// Safetensors: honest files open, and every way in which a header can lie is a problem that says so.
import { truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { openSafetensors, type OpenedFile } from "../../../compiler/import/safetensors.ts";
import { NodeHost } from "../../../hosts/node-host.ts";
import { temporaryFolder, withHeader } from "../../support/safetensors-file.ts";

function opened(file: Uint8Array): OpenedFile & { readonly root: string } {
  const root = temporaryFolder();
  writeFileSync(join(root, "m.safetensors"), file);
  const host = new NodeHost({ root });
  return { ...openSafetensors(host, join(host.root, "m.safetensors"), "m.safetensors", undefined), root: host.root };
}

const bytes = (length: number): Uint8Array => new Uint8Array(length);
const one = (name: string, dtype: string, shape: string, offsets: string): string => `"${name}":{"dtype":"${dtype}","shape":${shape},"data_offsets":${offsets}}`;
const header = (...entries: readonly string[]): string => `{${entries.join(",")}}`;
const A = one("a", "F32", "[2,3]", "[0,24]");

test("tensors are found where they lie, in every element type, whatever the order of the header", (t) => {
  const text = `${header('"__metadata__":{"format":"pt","odd \\"key\\"":""}', one("b", "BF16", "[]", "[24,26]"), A, one("empty", "I64", "[0,7]", "[26,26]"), one("flags", "BOOL", "[3]", "[26,29]"))}   `;
  const { value, problems, root } = opened(withHeader(text, [bytes(29)]));
  t.deepEqual(problems, []);
  const start = 8 + text.length;
  const file = join(root, "m.safetensors");
  t.deepEqual([...(value?.weights ?? [])].map(([, ref]) => ref), [
    { kind: "weight-ref", name: "b", file, offset: start + 24, length: 2, dtype: "bf16", shape: [] },
    { kind: "weight-ref", name: "a", file, offset: start, length: 24, dtype: "f32", shape: [2, 3] },
    { kind: "weight-ref", name: "empty", file, offset: start + 26, length: 0, dtype: "i64", shape: [0, 7] },
    { kind: "weight-ref", name: "flags", file, offset: start + 26, length: 3, dtype: "bool", shape: [3] },
  ]);
});

test("types that the format has and we do not compute with are set aside, not refused", (t) => {
  const { value, problems } = opened(withHeader(header(A, one("eight", "F8_E4M3", "[4]", "[24,28]"), one("packed", "F4", "[4]", "[28,30]")), [bytes(30)]));
  t.deepEqual(problems, []);
  t.deepEqual([...(value?.weights.keys() ?? [])], ["a"]);
  t.deepEqual([...(value?.unsupported ?? [])], [["eight", "F8_E4M3"], ["packed", "F4"]]);
});

test("a file without tensors opens", (t) => {
  t.is(opened(withHeader("{}")).value?.weights.size, 0);
});

test("only the header is read", (t) => {
  const root = temporaryFolder();
  const text = header(one("a", "F32", "[1073741824]", "[0,4294967296]"));
  writeFileSync(join(root, "m"), withHeader(text));
  // Sparse: four gigabytes that no disk holds.
  truncateSync(join(root, "m"), 8 + text.length + 2 ** 32);
  const host = new NodeHost({ root });
  let read = 0;
  const counting = Object.assign(Object.create(host) as NodeHost, {
    stat: (path: string) => host.stat(path),
    readRange(path: string, offset: number, length: number) { read += length; return host.readRange(path, offset, length); },
  });
  t.is(openSafetensors(counting, join(host.root, "m"), "m", undefined).value?.weights.get("a")?.length, 2 ** 32);
  t.is(read, 8 + text.length);
});

const deep = `{"a":${"[".repeat(100_000)}`;
const hostile: Readonly<Record<string, readonly [file: Uint8Array, code: string, says: RegExp]>> = {
  "an empty file": [bytes(0), "W402", /it is empty/],
  "five bytes": [bytes(5), "W402", /it has 5 bytes, and a header alone takes more/],
  "a header longer than the file": [withHeader(header(A), [bytes(24)], 5000n), "W402", /claims 5000 bytes, and the file has \d+ after/],
  "a header of 2^63 bytes": [withHeader("{}", [], 2n ** 63n), "W402", /claims 9223372036854775808 bytes, and 100000000 are the most/],
  "a header just above the limit": [withHeader("{}", [], 100_000_001n), "W402", /100000000 are the most that the format allows/],
  "a pickle": [Buffer.from("\x80\x02}q\0(X\x06\0\0\0weightq\x01K\x01u.".padEnd(40)), "W402", /its header claims/],
  "a header that is no JSON": [withHeader("safetensors, honestly"), "W402", /should have '\{' at byte 0, and there is "safetensors,"/],
  "a header that is not UTF-8": [withHeader(Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x7d)), "W402", /not UTF-8/],
  "a header that stops": [withHeader('{"a":{"dtype":"F32","shape":[2'), "W402", /should have '\]' at byte 30, and there is nothing/],
  "a header of nested lists": [withHeader(deep), "W402", /should have '\{' at byte 5/],
  "text behind the header": [withHeader(`${header(A)}{}`, [bytes(24)]), "W402", /should have its end/],
  "a list for a header": [withHeader("[1,2]"), "W402", /should have '\{'/],
  "a name twice": [withHeader(header(A, A), [bytes(24)]), "W402", /names "a" twice/],
  "a name twice, spelt differently": [withHeader(header(A, one("\\u0061", "F32", "[2,3]", "[0,24]")), [bytes(24)]), "W402", /names "a" twice/],
  "a field twice": [withHeader('{"a":{"dtype":"F32","dtype":"F16","shape":[1],"data_offsets":[0,4]}}', [bytes(4)]), "W402", /gives dtype of "a" twice/],
  "a field that does not exist": [withHeader('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"strides":[9]}}', [bytes(4)]), "W402", /a field "strides"/],
  "no shape": [withHeader('{"a":{"dtype":"F32","data_offsets":[0,4]}}', [bytes(4)]), "W402", /lacks the dtype, the shape or the two data_offsets of "a"/],
  "one offset": [withHeader(header(one("a", "F32", "[1]", "[4]")), [bytes(4)]), "W402", /lacks .* of "a"/],
  "three offsets": [withHeader(header(one("a", "F32", "[1]", "[0,4,8]")), [bytes(4)]), "W402", /at most 2 numbers/],
  "an element type nobody knows": [withHeader(header(one("a", "FLOAT", "[1]", "[0,4]")), [bytes(4)]), "W404", /`a` of m\.safetensors is stored as "FLOAT"/],
  "an element type from Object.prototype": [withHeader(header(one("a", "constructor", "[1]", "[0,4]")), [bytes(4)]), "W404", /"constructor"/],
  "a negative size": [withHeader(header(one("a", "F32", "[-2]", "[0,8]")), [bytes(8)]), "W402", /whole number that is not negative/],
  "a size of 2^53": [withHeader(header(one("a", "F32", "[9007199254740992]", "[0,8]")), [bytes(8)]), "W402", /a number below 2\^53/],
  "a broken size": [withHeader(header(one("a", "F32", "[2.5]", "[0,10]")), [bytes(10)]), "W402", /whole number/],
  "a size in powers of ten": [withHeader(header(one("a", "F32", "[1e3]", "[0,4000]")), [bytes(4000)]), "W402", /whole number/],
  "sizes whose product overflows": [withHeader(header(one("a", "F32", "[4294967296,4294967296,4294967296]", "[0,8]")), [bytes(8)]), "W403", /more elements than any file can hold/],
  "sizes whose product overflows to zero in 64 bits": [withHeader(header(one("a", "F32", "[4294967296,4294967296]", "[0,0]"))), "W403", /more elements than any file can hold/],
  "a hundred axes": [withHeader(header(one("a", "F32", `[${"1,".repeat(99)}1]`, "[0,4]")), [bytes(4)]), "W402", /at most 64 numbers/],
  "a shape that does not fill its range": [withHeader(header(one("a", "F32", "[2,3]", "[0,20]")), [bytes(20)]), "W403", /takes 24 bytes, and 20 are set aside/],
  "a type that does not fill its range": [withHeader(header(one("a", "F16", "[2,3]", "[0,24]")), [bytes(24)]), "W403", /takes 12 bytes, and 24 are set aside/],
  "an end before its beginning": [withHeader(header(one("a", "F32", "[2,3]", "[24,0]")), [bytes(24)]), "W403", /begins at 24, after its end at 0/],
  "tensors that overlap": [withHeader(header(A, one("b", "F32", "[6]", "[12,36]")), [bytes(36)]), "W403", /`b` of m\.safetensors: it begins at 12, inside of `a`/],
  "one tensor over another": [withHeader(header(A, one("b", "F32", "[6]", "[0,24]")), [bytes(24)]), "W403", /begins at 0, inside of/],
  "a gap": [withHeader(header(A, one("b", "F32", "[1]", "[28,32]")), [bytes(32)]), "W403", /nothing claims the 4 bytes before it/],
  "a gap at the beginning": [withHeader(header(one("b", "F32", "[1]", "[8,12]")), [bytes(12)]), "W403", /nothing claims the 8 bytes before it/],
  "data that is cut short": [withHeader(header(A), [bytes(20)]), "W403", /ends at byte 24 of the data, and the file has only 20/],
  "no data at all": [withHeader(header(A)), "W403", /ends at byte 24 of the data, and the file has only 0/],
  "data that nobody claims": [withHeader(header(A), [bytes(30)]), "W402", /6 bytes follow the last tensor/],
  "a range beyond the file, far away": [withHeader(header(one("a", "U8", "[10]", "[9007199254740981,9007199254740991]")), [bytes(10)]), "W403", /nothing claims/],
  "metadata that is no text": [withHeader('{"__metadata__":{"format":1}}'), "W402", /a text in quotes/],
  "a stray escape": [withHeader('{"\\x61":{}}'), "W402", /stray escapes/],
};

for (const [what, [file, code, says]] of Object.entries(hostile))
  test(`refused: ${what}`, (t) => {
    const { value, problems } = opened(file);
    t.is(value, undefined);
    t.is(problems[0]?.code, code, problems[0]?.says);
    t.regex(problems[0]?.says ?? "", says);
  });

test("a header of a thousand bad tensors gives a few problems, not a thousand", (t) => {
  const { problems } = opened(withHeader(header(...Array.from({ length: 1000 }, (_, i) => one(`t${i}`, "X", "[1]", "[0,4]"))), [bytes(4)]));
  t.is(problems.length, 8);
});

test("headers as long as they may be are read in time that grows with their length", (t) => {
  const entries = Array.from({ length: 200_000 }, (_, i) => one(`model.layers.${i}.weight`, "U8", "[1]", `[${i},${i + 1}]`));
  const started = performance.now();
  t.is(opened(withHeader(`{${entries.join(",")}}`, [bytes(200_000)])).value?.weights.size, 200_000);
  t.true(performance.now() - started < 60_000);
});

test("random damage to a header never throws", (t) => {
  const good = withHeader(header(A, one("b", "BF16", "[4]", "[24,32]")), [bytes(32)]);
  let state = 7;
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 8;
  };
  for (let round = 0; round < 300; round++) {
    const file = Uint8Array.from(good);
    for (let edits = 1 + (next() % 3); edits > 0; edits--) file[next() % file.length] = next() & 255;
    const cut = file.subarray(0, next() % 4 === 0 ? next() % file.length : file.length);
    const { value, problems } = opened(cut);
    t.true(value !== undefined || problems.length > 0);
    for (const ref of value?.weights.values() ?? []) t.true(ref.offset + ref.length <= cut.length);
  }
});
