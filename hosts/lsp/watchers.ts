// Which files the editor tells of when they change on the disk: programs, models, and what was measured of them.
import { type Connection, DidChangeWatchedFilesNotification, type FileEvent, type InitializeParams } from "vscode-languageserver/node";

const PROGRAM = ".kiri";
const WATCHED = [`**/*${PROGRAM}`, "**/*.{onnx,onnx.data,safetensors}", "**/{config,preprocessor_config,generation_config,tokenizer,tokenizer_config,model.safetensors.index}.json", "**/build/**/{manifest,report,profile}.json"];

/** Asks the editor to tell; one that cannot be asked is told nothing, and what it sees itself still counts. */
export async function watchFiles(connection: Connection, { capabilities }: InitializeParams): Promise<void> {
  if (!capabilities.workspace?.didChangeWatchedFiles?.dynamicRegistration) return;
  await connection.client.register(DidChangeWatchedFilesNotification.type, { watchers: WATCHED.map((globPattern) => ({ globPattern })) });
}

/** Programs are compared by their texts; of everything else what was opened must be opened again. */
export const onlyPrograms = (changes: readonly FileEvent[]): boolean => changes.every(({ uri }) => uri.endsWith(PROGRAM));
