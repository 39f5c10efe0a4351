// `kiri lsp`: the language server. It listens, asks the one compiler, and answers; what goes wrong in one answer costs no more than it.
import {
  type CancellationToken, CodeActionKind, createConnection, type InitializeResult, LSPErrorCodes, MessageType, ProposedFeatures, ResponseError, ShowMessageNotification, TextDocuments, TextDocumentSyncKind,
} from "vscode-languageserver/node";
import { TextDocument } from "vscode-languageserver-textdocument";
import process from "node:process";
import type { Readable, Writable } from "node:stream";
import { version } from "../version.ts";
import { Checking } from "./checking.ts";
import { pause } from "./pause.ts";
import { codeActions } from "./code-actions.ts";
import { completion } from "./completion.ts";
import { definition } from "./definition.ts";
import { foldingRanges } from "./folding.ts";
import { formatting } from "./formatting.ts";
import { hover } from "./hover.ts";
import { choicesOf, type GraphQuestion, graphPage } from "./graph-page.ts";
import { inlayHints } from "./inlay-hints.ts";
import { measured } from "./measured.ts";
import { offsetAt } from "./ranges.ts";
import { locations, referencesTo } from "./references.ts";
import { prepareRename, Refusal, rename } from "./rename.ts";
import { legend, semanticTokens } from "./semantic-tokens.ts";
import { signatureHelp } from "./signature-help.ts";
import { documentSymbols } from "./symbols.ts";
import { onlyPrograms, watchFiles } from "./watchers.ts";
import type { Analysis } from "./analysis.ts";
import { Workspace } from "./workspace.ts";

/** Serves until the editor says `exit` or hangs up. */
export function serve(input: Readable, output: Writable): Promise<void> {
  const connection = createConnection(ProposedFeatures.all, input, output);
  const documents = new TextDocuments(TextDocument);
  const workspace = new Workspace(documents);
  const checking = new Checking(connection, workspace, () => documents.keys());
  const changed = (): void => {
    workspace.changed();
    checking.request();
  };

  // An editor that has the snippets already says so.
  let withSnippets = true;
  connection.onInitialize((asked) => {
    withSnippets = (asked.initializationOptions as { readonly snippets?: unknown } | null | undefined)?.snippets !== false;
    connection.onInitialized(() => void watchFiles(connection, asked));
    return answer;
  });
  const answer: InitializeResult = {
    serverInfo: { name: "kirigami", version: version() },
    capabilities: {
      textDocumentSync: { openClose: true, change: TextDocumentSyncKind.Incremental, save: true },
      hoverProvider: true, definitionProvider: true, referencesProvider: true, documentSymbolProvider: true, foldingRangeProvider: true, inlayHintProvider: true, documentFormattingProvider: true,
      renameProvider: { prepareProvider: true },
      completionProvider: { triggerCharacters: [".", '"', "(", ":"] },
      signatureHelpProvider: { triggerCharacters: ["(", ",", ";"] },
      codeActionProvider: { codeActionKinds: [CodeActionKind.QuickFix, `${CodeActionKind.Source}.fixAll.kiri`] },
      semanticTokensProvider: { legend, full: true },
    },
  };

  documents.onDidChangeContent(changed);
  documents.onDidClose(({ document }) => {
    workspace.changed();
    checking.closed(document.uri);
  });
  documents.onDidSave(changed);
  connection.onDidChangeWatchedFiles(({ changes }) => {
    if (onlyPrograms(changes)) workspace.changed();
    else workspace.changedOnDisk();
    checking.request();
  });

  /** Answers from what is known of a document; null where nothing is, or where somebody asks no longer. */
  const about = <P extends { readonly textDocument: { readonly uri: string } }, R>(what: string, answer: (analysis: Analysis, params: P, token: CancellationToken) => R | Promise<R>) =>
    async (params: P, token: CancellationToken): Promise<R | null | ResponseError<void>> => {
      // What has been cancelled meanwhile is heard of here.
      await pause();
      if (token.isCancellationRequested) return new ResponseError(LSPErrorCodes.RequestCancelled, "no longer wanted");
      try {
        const analysis = workspace.analysis(params.textDocument.uri);
        const found = analysis ? await answer(analysis, params, token) : null;
        return token.isCancellationRequested ? new ResponseError(LSPErrorCodes.RequestCancelled, "no longer wanted") : (found ?? null);
      } catch (error) {
        if (error instanceof Refusal) return new ResponseError(LSPErrorCodes.RequestFailed, error.message);
        connection.console.error(`kirigami failed to answer ${what}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
        return null;
      }
    };
  const at = ({ module }: Analysis, { position }: { readonly position: { readonly line: number; readonly character: number } }): number => offsetAt(module.source, position);

  connection.onHover(about("hover", (a, p, token) => hover(a, at(a, p), measured, token)));
  connection.onDefinition(about("definition", (a, p) => definition(a, at(a, p)) ?? null));
  connection.onReferences(about("references", (a, p) => locations(referencesTo(workspace, a, at(a, p))?.all ?? [], p.context.includeDeclaration)));
  connection.onPrepareRename(about("prepareRename", (a, p) => prepareRename(a, at(a, p))));
  connection.onRenameRequest(about("rename", (a, p) => rename(workspace, a, at(a, p), p.newName)));
  connection.onCompletion(about("completion", (a, p) => completion(a, at(a, p), withSnippets)));
  connection.onSignatureHelp(about("signatureHelp", (a, p) => signatureHelp(a, at(a, p)) ?? null));
  connection.onDocumentSymbol(about("documentSymbol", (a) => documentSymbols(a.module.source, a.module.ast)));
  connection.onFoldingRanges(about("foldingRange", (a) => foldingRanges(a.module.source)));
  connection.onCodeAction(about("codeAction", (a, p) => codeActions(a, p.context.diagnostics, p.context.only)));
  connection.languages.semanticTokens.on(async (p, token) => {
    const found = await about("semanticTokens", (a) => semanticTokens(a))(p, token);
    return found === null ? { data: [] } : found;
  });
  connection.languages.inlayHint.on(about("inlayHint", (a, p, token) => inlayHints(a, p.range, token)));
  connection.onDocumentFormatting(about("formatting", (a) => {
    const edits = formatting(a.module.path, a.module.source.text);
    if (!edits) void connection.sendNotification(ShowMessageNotification.type, { type: MessageType.Warning, message: "kirigami leaves this file as it is: it has errors. Mend them, then lay it out." });
    return edits ?? [];
  }));
  // What the protocol has no word for: the compiled graph as a page, and what of a file can be shown so.
  connection.onRequest("kirigami/choices", about("choices", (a) => choicesOf(a)));
  connection.onRequest("kirigami/graph", about("graph", (a, p: GraphQuestion) => graphPage(a, p)));

  // An editor that refuses what it was asked, a stream that breaks: nothing of that ends the server.
  const survive = (error: unknown): void => connection.console.error(`kirigami goes on after ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  process.on("unhandledRejection", survive);
  process.on("uncaughtException", survive);
  documents.listen(connection);
  connection.listen();
  return new Promise((resolve) => {
    connection.onExit(resolve);
    input.once("end", resolve);
  });
}
