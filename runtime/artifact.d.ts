// Generated from artifact.schema.json by `npm run generate`. Do not edit.

export type DType = "f64" | "f32" | "f16" | "bf16" | "i64" | "i32" | "i16" | "i8" | "u16" | "u8" | "i4" | "u4" | "bool";
/**
 * A number, or an expression of the sizes of inputs and of those that `sizes` defines: `N - 8`. A name that is none of them is a count that the data decide: read it off the result.
 */
export type Size = number | string;
export type Step = ImageStep | TextStep;

/**
 * `manifest.json` of an artefact: all that a runtime needs to know besides the graph.
 */
export interface Manifest {
  /**
   * Version of this format. A runtime reads the one it was made for.
   */
  format: 1;
  /**
   * Version of the compiler that wrote this.
   */
  kirigami: string;
  pipeline: PipelineName;
  target: "cpu" | "cuda" | "portable";
  opset: number;
  /**
   * What `run` takes, one record at a time.
   */
  inputs: Boundary[];
  /**
   * What `run` gives, one record at a time.
   */
  outputs: Boundary[];
  /**
   * The tensors of model.onnx; every one has the batch axis B first.
   */
  graph: {
    inputs: TensorPort[];
    outputs: TensorPort[];
  };
  /**
   * What the host does before the graph runs, in this order.
   */
  steps: Step[];
  /**
   * Sizes that others are said with, each behind those that it is made of: what folds leave of tokens.
   */
  sizes?: NamedSize[];
  /**
   * Conditions on sizes, checked before the graph runs.
   */
  guards: Guard[];
  /**
   * What each selector of the compression stood for.
   */
  selectors: ResolvedSelector[];
  cost: Cost;
  /**
   * Fused operators by name, as `expect fused` counts them.
   */
  fused: {
    [k: string]: number;
  };
  /**
   * What is in half precision and what is not; absent where none was asked for.
   */
  precision?: {
    /**
     * Whether results are in f16 too; else only weights are stored so.
     */
    computes: boolean;
    /**
     * Operations in f16.
     */
    half: number;
    /**
     * Operations in f32, by what they are and why.
     */
    single: {
      op: string;
      why: string;
      count: number;
      /**
       * Where the first of them stands.
       */
      path: string;
    }[];
    /**
     * Conversions that a run makes of what it computes.
     */
    casts: number;
    /**
     * Constants in f16.
     */
    stored: number;
    /**
     * Constants that f16 cannot hold.
     */
    kept: {
      name: string;
      largest: number;
    }[];
  };
  /**
   * Every other file of the artefact, by its path in it.
   */
  files: {
    [k: string]: FileFacts;
  };
  /**
   * sha256 of every source that went in, by path: program files, configurations, weights, tokenizers.
   */
  digests: {
    [k: string]: string;
  };
}
export interface PipelineName {
  name: string;
  /**
   * The source file, relative to the project.
   */
  file: string;
  /**
   * The `compress … as NAME` woven in; absent: the plain model.
   */
  variant?: string;
  doc?: string;
}
/**
 * A value at the pipeline's edge. `a.b` is field b of record a.
 */
export interface Boundary {
  name: string;
  type: "image" | "text" | "audio" | "int" | "float" | "bool" | "tensor";
  dtype?: DType;
  /**
   * Of a tensor, without the batch axis.
   */
  axes?: Axis[];
}
export interface Axis {
  name: string;
  size: Size;
}
export interface TensorPort {
  name: string;
  dtype: DType;
  axes: Axis[];
}
/**
 * Decode a picture, convert its colours, resize it: u8[B, channels, height, width].
 */
export interface ImageStep {
  kind: "image";
  input: string;
  tensor: string;
  channels: 1 | 3 | 4;
  height: number;
  width: number;
  /**
   * `none`: a picture of another size is an error.
   */
  resize: "none" | "nearest" | "bilinear" | "bicubic";
}
/**
 * Cut a text into tokens: i64[B, N] each; shorter ones of a batch are padded. Tensors that the graph does not use are absent.
 */
export interface TextStep {
  kind: "text";
  input: string;
  /**
   * Folder in the artefact that holds tokenizer.json and tokenizer_config.json.
   */
  tokenizer: string;
  tensors: {
    ids?: string;
    mask?: string;
    types?: string;
  };
  maxLength: number;
  /**
   * The symbol of the token axis in sizes.
   */
  length: string;
}
export interface NamedSize {
  name: string;
  size: Size;
}
export interface Guard {
  left: Size;
  comparison: "==" | "!=" | "<" | "<=" | ">" | ">=";
  right: Size;
  /**
   * The clause as its author wrote it.
   */
  says: string;
  /**
   * file:line:column
   */
  place: string;
}
export interface ResolvedSelector {
  selector: string;
  resolved: string[];
}
/**
 * Multiply-adds of matrix products for one record; sizes that only a run knows count as one.
 */
export interface Cost {
  total: number;
  /**
   * Inside of blocks, without what folds added.
   */
  blocks: number;
  /**
   * What folds added: clustering, matching, blending.
   */
  folds: number;
  weightBytes: number;
}
export interface FileFacts {
  bytes: number;
  sha256: string;
}
