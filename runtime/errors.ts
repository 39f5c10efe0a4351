// Every mistake that the runtime reports, in one table: what was found, what was wanted, the way out. docs/errors/<code>.md explains each.

interface Template<H> {
  readonly title: string;
  readonly says: (holes: H) => string;
  readonly next: (holes: H) => string;
}

const fault = <H>(title: string, prose: { readonly says: (holes: H) => string; readonly next: (holes: H) => string }): Template<H> => ({ title, ...prose });

const quoted = (names: readonly string[]): string => names.map((n) => `\`${n}\``).join(", ") || "none";
const near = (names: readonly string[], others: string): string => (names.length > 0 ? `Did you mean ${names.map((n) => `\`${n}\``).join(" or ")}?` : others);

export const FAULTS = {
  R701: fault("There is no artefact", {
    says: ({ path, why }: { path: string; why: string }) => `${path} is no artefact: ${why}.`,
    next: () => "Give the directory that `kiri compile` wrote; it has a manifest.json.",
  }),
  R702: fault("The manifest cannot be read", {
    says: ({ path, why }: { path: string; why: string }) => `${path} cannot be read as JSON: ${why}.`,
    next: () => "Compile the artefact again, or copy it again.",
  }),
  R703: fault("The artefact has another format", {
    says: ({ found, wanted, by }: { found: string; wanted: number; by: string | undefined }) => `The artefact has format ${found}${by === undefined ? "" : `, written by kirigami ${by}`}; this runtime reads format ${wanted}.`,
    next: ({ found, wanted }) => (Number(found) > wanted ? "Update the package kirigami, or compile the artefact with the version that runs it." : "Compile the artefact again with this version."),
  }),
  R704: fault("The manifest is not as its schema says", {
    says: ({ path, mistakes }: { path: string; mistakes: readonly string[] }) => `${path} does not fit the schema of a manifest: ${mistakes.join("; ")}.`,
    next: () => "A manifest is not written by hand. Compile the artefact again.",
  }),
  R705: fault("A file lies outside of the artefact", {
    says: ({ file, why }: { file: string; why: string }) => `The manifest names the file ${JSON.stringify(file)}, ${why}.`,
    next: () => "An artefact holds all that it needs. Do not run this one unless you know who made it; compile it again.",
  }),
  R706: fault("A file of the artefact is missing", {
    says: ({ file, artifact, why }: { file: string; artifact: string; why: string }) => `${artifact} has no file ${file} that can be read: ${why}.`,
    next: () => "Copy the whole directory again, or compile the artefact again.",
  }),
  R707: fault("A file of the artefact has changed", {
    says: ({ file, found, wanted }: { file: string; found: string; wanted: string }) => `${file} is not the file that was compiled: it has ${found}, and the manifest says ${wanted}.`,
    next: () => "Copy the whole directory again, or compile the artefact again.",
  }),
  R708: fault("ONNX Runtime cannot open the model", {
    says: ({ model, device, why }: { model: string; device: string; why: string }) => `ONNX Runtime cannot open ${model} for ${device}: ${why}`,
    next: () => "Where the file is whole, its graph was compiled for another target; compile it for this one (`--target`).",
  }),
  R709: fault("The graph and the manifest disagree", {
    says: ({ what, found, wanted }: { what: string; found: string; wanted: string }) => `${what}: the manifest says ${wanted}, and model.onnx has ${found}.`,
    next: () => "The files are of two compilations. Compile the artefact again.",
  }),
  R710: fault("ONNX Runtime does not hand over this element type", {
    says: ({ name, dtype }: { name: string; dtype: string }) => `The tensor \`${name}\` at the edge of the graph is ${dtype}, which ONNX Runtime neither takes nor gives.`,
    next: () => "Cast it to f32 in the pipeline.",
  }),
  R711: fault("The tokenizer cannot be read", {
    says: ({ folder, why }: { folder: string; why: string }) => `The tokenizer ${folder} cannot be read: ${why}.`,
    next: () => "It takes tokenizer.json and tokenizer_config.json as Hugging Face writes them. Compile the artefact again from a whole model folder.",
  }),
  R712: fault("A size of the manifest cannot be read", {
    says: ({ text, why }: { text: string; why: string }) => `The size ${JSON.stringify(text)} of the manifest cannot be read: ${why}.`,
    next: () => "Compile the artefact again.",
  }),
  R713: fault("An option is no good", {
    says: ({ option, found, wanted }: { option: string; found: string; wanted: string }) => `The option \`${option}\` is ${found}; it takes ${wanted}.`,
    next: () => "Leave it away for the default.",
  }),
  R714: fault("The artefact has no input or output of that name", {
    says: ({ where, name }: { where: string; name: string }) => `${where} speaks of \`${name}\`, which the manifest does not declare.`,
    next: () => "Compile the artefact again.",
  }),
  R721: fault("There is no device of that name", {
    says: ({ found, known }: { found: string; known: readonly string[] }) => `There is no device \`${found}\` in this ONNX Runtime; it knows ${quoted(known)}.`,
    next: () => "Take one of these, or `auto`. `kiri doctor` shows what works here.",
  }),
  R722: fault("The device does not work here", {
    says: ({ device, why }: { device: string; why: string }) => `The device \`${device}\` does not work here: ${why}`,
    next: ({ device }) => `A named device is never replaced by another. ${device === "cuda" || device === "tensorrt" ? "`kiri doctor` lists the libraries that it needs and how to put them in place; " : ""}\`auto\` takes what works.`,
  }),
  R723: fault("ONNX Runtime is not installed", {
    says: ({ why }: { why: string }) => `The package onnxruntime-node cannot be loaded: ${why}.`,
    next: () => "Install it: `npm install onnxruntime-node@~1.30.0`. Behind a proxy, set `onnxruntime-node-install=skip` in .npmrc first.",
  }),
  R731: fault("A field is missing", {
    says: ({ name, wanted, at }: { name: string; wanted: string; at: string }) => `The field \`${name}\`${at} is missing; it takes ${wanted}.`,
    next: ({ name }) => `Add \`${name}\` to the record.`,
  }),
  R732: fault("There is no field of that name", {
    says: ({ name, at }: { name: string; at: string }) => `The field \`${name}\`${at} is none that this artefact takes.`,
    next: ({ suggestions, all }: { name: string; at: string; suggestions: readonly string[]; all: readonly string[] }) => near(suggestions, `It takes ${quoted(all)}.`),
  }),
  R733: fault("A field has another type", {
    says: ({ name, found, wanted, at }: { name: string; found: string; wanted: string; at: string }) => `The field \`${name}\`${at} is ${found}; it takes ${wanted}.`,
    next: ({ hint }: { name: string; found: string; wanted: string; at: string; hint: string }) => hint,
  }),
  R734: fault("A tensor has another shape", {
    says: ({ name, found, wanted, why, at }: { name: string; found: string; wanted: string; why: string; at: string }) => `The tensor \`${name}\`${at} has the shape ${found}; it takes ${wanted}${why === "" ? "" : ` (${why})`}.`,
    next: () => "A record has no batch axis: give several records as a list to run them as one batch.",
  }),
  R735: fault("A tensor has another element type", {
    says: ({ name, found, wanted, at }: { name: string; found: string; wanted: string; at: string }) => `The tensor \`${name}\`${at} holds ${found}; it takes ${wanted}.`,
    next: ({ array }: { name: string; found: string; wanted: string; at: string; array: string }) => `Its values go into a ${array}.`,
  }),
  R736: fault("The batch is empty", {
    says: (_: Record<never, never>) => "The list of records is empty.",
    next: () => "Run at least one record.",
  }),
  R737: fault("Records of one batch differ in size", {
    says: ({ name, found, wanted, at }: { name: string; found: string; wanted: string; at: string }) => `The tensor \`${name}\`${at} has the shape ${found}, and that of the first record ${wanted}.`,
    next: () => "Tensors of one batch have the same sizes (only texts are padded). Run records of other sizes one by one.",
  }),
  R738: fault("A number cannot be represented", {
    says: ({ name, found, wanted, at }: { name: string; found: string; wanted: string; at: string }) => `The field \`${name}\`${at} is ${found}; it takes ${wanted}.`,
    next: () => "Give a number of that range; whole numbers beyond 2^53 go in as bigint.",
  }),
  R739: fault("A condition on sizes does not hold", {
    says: ({ says, place, sizes, found }: { says: string; place: string; sizes: string; found: string }) => `The pipeline wants \`${says}\` (${place}), and here ${found}${sizes === "" ? "" : ` with ${sizes}`}.`,
    next: () => "Give inputs of sizes for which the condition holds.",
  }),
  R740: fault("The picture cannot be decoded", {
    says: ({ name, why, at }: { name: string; why: string; at: string }) => `The picture \`${name}\`${at} cannot be decoded: ${why}.`,
    next: () => "It takes whole files of PNG, JPEG, WebP, GIF, TIFF or AVIF, or pixels as { data, width, height, channels }.",
  }),
  R741: fault("The picture is too large", {
    says: ({ name, found, most, at }: { name: string; found: string; most: string; at: string }) => `The picture \`${name}\`${at} has ${found}; at most ${most} are decoded.`,
    next: () => "Make it smaller first.",
  }),
  R742: fault("The picture has another size", {
    says: ({ name, found, wanted, at }: { name: string; found: string; wanted: string; at: string }) => `The picture \`${name}\`${at} has ${found} pixels; the pipeline takes ${wanted} and does not resize.`,
    next: () => "Resize it first, or name a resize in the pipeline (`resize: bilinear`).",
  }),
  R743: fault("The picture's file cannot be read", {
    says: ({ name, path, why, at }: { name: string; path: string; why: string; at: string }) => `The picture \`${name}\`${at} cannot be read from ${path}: ${why}.`,
    next: () => "Give the path of a file, a file URL, the bytes of a file, or pixels; pictures are not fetched from the network.",
  }),
  R744: fault("The text cannot be tokenized", {
    says: ({ name, why, at }: { name: string; why: string; at: string }) => `The text \`${name}\`${at} ${why}.`,
    next: () => "Cut long texts into parts and run them as a batch.",
  }),
  R751: fault("Too many runs wait", {
    says: ({ most }: { most: number }) => `${most} runs wait already, and the queue holds no more.`,
    next: () => "Wait for some of them before starting others, or load with a longer `queue` or more `workers`.",
  }),
  R752: fault("The session is released", {
    says: (_: Record<never, never>) => "The session is released, and nothing runs in it any more.",
    next: () => "Keep it open until the last run has ended, or load the artefact again.",
  }),
  R753: fault("A worker ended", {
    says: ({ why }: { why: string }) => `The worker that ran this ended: ${why}.`,
    next: () => "Another worker takes its place; run it again. If it ends each time, the memory may not do: use smaller batches or fewer workers.",
  }),
  R754: fault("The run failed", {
    says: ({ why }: { why: string }) => `ONNX Runtime failed to run the graph: ${why}`,
    next: () => "Sizes that the pipeline never meant can do this. With sizes that it names, this is our mistake: report it with the artefact.",
  }),
  R755: fault("Nothing was profiled", {
    says: (_: Record<never, never>) => "The session does not write a profile.",
    next: () => "Load it with `profile: true`, run it, then ask for the profile.",
  }),
  R761: fault("A pipeline cannot be opened in a page", {
    says: ({ pipeline }: { pipeline: string }) => `The pipeline \`${pipeline}\` was opened in a browser, and the runtime needs Node.`,
    next: () => "Open it on the server, and send what it gives to the page. In the bundler this import belongs into the build for the server.",
  }),
  R762: fault("A generated module does not fit this runtime", {
    says: ({ found, by, wanted }: { found: string; by: string; wanted: string }) => `The bundle holds a module of format ${found}, made by kirigami ${by}; the runtime that is installed reads format ${wanted}.`,
    next: () => "Build the bundle again with the version of kirigami that runs it, or install that which it was built with.",
  }),
  R763: fault("The artefact is not that of the bundle", {
    says: ({ artifact, found, wanted }: { artifact: string; found: string; wanted: string }) => `${artifact} has a manifest with the hash ${found}; the bundle was made with ${wanted}.`,
    next: () => "Build the bundle again, and deploy its assets with it.",
  }),
} as const;

export type FaultCode = keyof typeof FAULTS;
type HolesOf<C extends FaultCode> = Parameters<(typeof FAULTS)[C]["says"]>[0] & Parameters<(typeof FAULTS)[C]["next"]>[0];

/** What crosses from a worker to the session. */
export interface PlainFault {
  readonly code: FaultCode;
  readonly says: string;
  readonly next: string;
}

/** A mistake with a code: `says` has what was found and what was wanted, `next` the way out; the message is both. */
export class RuntimeError extends Error {
  override readonly name = "RuntimeError";
  readonly code: FaultCode;
  readonly title: string;
  readonly says: string;
  readonly next: string;
  constructor({ code, says, next }: PlainFault, options?: ErrorOptions) {
    super(`${code}: ${says}\n${next}`, options);
    this.code = code;
    this.title = FAULTS[code].title;
    this.says = says;
    this.next = next;
  }
  plain(): PlainFault {
    return { code: this.code, says: this.says, next: this.next };
  }
}

export function refuse<C extends FaultCode>(code: C, holes: HolesOf<C>, cause?: unknown): RuntimeError {
  // The table's types are checked at the call; inside, one entry is as good as another.
  const { says, next } = FAULTS[code] as unknown as Template<HolesOf<C>>;
  return new RuntimeError({ code, says: says(holes), next: next(holes) }, cause === undefined ? undefined : { cause });
}

/** What an unknown thrown thing says, on one line. */
export const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error)).replace(/\s+/g, " ").trim();
