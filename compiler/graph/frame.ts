// What an ONNX file says of itself besides its nodes: import takes it along, emission writes it again.

/** Inputs, outputs and versions of the file that a graph was imported from. */
export interface Frame {
  readonly irVersion: number;
  /** Version by domain. */
  readonly opsets: ReadonlyMap<string, number>;
  /** ValueInfoProtos. An output here may be an input that is handed through. */
  readonly inputs: readonly Uint8Array[];
  readonly outputs: readonly Uint8Array[];
  readonly metadata: readonly (readonly [key: string, value: string])[];
  readonly producer: string;
  readonly producerVersion: string;
  readonly domain: string;
  readonly modelVersion: number;
  readonly doc: string;
  readonly graph: Said;
  /** What its nodes say of themselves, by the paths of origins. */
  readonly nodes: ReadonlyMap<string, Said>;
}

/** Text for people: a doc string, "" for none, and entries of metadata. */
export interface Said {
  readonly doc: string;
  readonly metadata: readonly (readonly [key: string, value: string])[];
}
