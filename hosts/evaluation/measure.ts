// A measure is a function of the library; here it is elaborated for the columns it takes, and evaluated.
import type { Measure } from "../../compiler/compress/require.ts";
import { emitModel } from "../../compiler/emit/onnx.ts";
import { functionGraph } from "../../compiler/function.ts";
import type { Program } from "../../compiler/program.ts";
import { fromBytes } from "../../runtime/tensor.ts";
import type { Value } from "../../compiler/host.ts";

/** A measure that cannot be taken, and why: G605. */
export class NoMeasure extends Error {
  /** The target that it is asked for on, where the artefact is of another. */
  readonly elsewhere: { readonly on: string; readonly target: string } | undefined;
  constructor(why: string, elsewhere?: { readonly on: string; readonly target: string }) {
    super(why);
    this.elsewhere = elsewhere;
  }
}

/** Values of all records, the records' axis first. */
type Columns = Readonly<Record<Measure["takes"][number]["from"], (name: string) => Promise<Value>>>;

/** The number that the measure gives. Throws `NoMeasure`. */
export async function take(program: Program, { fn, takes, statics }: Measure, columns: Columns): Promise<number> {
  const { evaluate } = program.host;
  if (!evaluate) throw new NoMeasure("ONNX Runtime is not installed here, which computes it (npm install onnxruntime-node)");
  const values: Record<string, Value> = {};
  for (const { param, from, name } of takes) values[param] = await columns[from](name);
  const inputs = Object.entries(values).map(([name, { dtype, dims }]) => ({ name, dtype, dims }));
  const made = functionGraph(program, { fn, inputs, statics });
  const wrong = made.problems.find((p) => p.severity === "error");
  if (!made.value || wrong) throw new NoMeasure(`${fn} does not take ${inputs.map((i) => `${i.name}: ${i.dtype}[${i.dims.join(", ")}]`).join(", ")} (${wrong?.says.replace(/\s+/g, " ") ?? "it gives nothing"})`);
  const [output, ...others] = made.value.outputs;
  if (!output || others.length > 0 || output.node.type.dims.length > 0) throw new NoMeasure(`${fn} gives ${output && others.length === 0 ? "a tensor" : "several values"}, and a measure is one number`);
  const used = new Set(made.value.inputs.map((i) => i.name));
  const results = await evaluate(emitModel(made.value, { target: "cpu", name: "measure" }).model, Object.fromEntries(Object.entries(values).filter(([name]) => used.has(name))));
  const result = results[output.name];
  if (!result) throw new NoMeasure(`${fn} gives nothing`);
  return Number(fromBytes(fn, result.dtype, result.dims, result.bytes).data[0]);
}
