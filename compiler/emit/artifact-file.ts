// A file of an artefact before it is written: its path and its bytes, made while they are asked for.

/** What is known of a file once it is written. */
export interface WrittenFile {
  readonly bytes: number;
  /** Hex. */
  readonly sha256: string;
}

export interface ArtifactFile {
  /** Inside the artefact, with `/` between folders. */
  readonly path: string;
  /** Size, where it is known before. */
  readonly bytes: number | undefined;
  /** The content; a chunk may be overwritten when the next one is asked for. `written` has the files that stand before this one. */
  chunks(written: ReadonlyMap<string, WrittenFile>): Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
}

/** A file whose content is at hand. */
export function heldFile(path: string, content: Uint8Array | string): ArtifactFile {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  return { path, bytes: bytes.length, chunks: () => [bytes] };
}
