// The extension as Visual Studio Code loads it: commands, panels and the language server.
import { commands, type ExtensionContext, type TextDocument, window, workspace } from "vscode";
import { Server } from "./client.ts";
import { FoldPanels } from "./folds-panel.ts";
import { GraphPanels } from "./graph-panel.ts";

let server: Server | undefined;

export async function activate(context: ExtensionContext): Promise<void> {
  const made = new Server(context);
  server = made;
  const graphs = new GraphPanels(made);
  const folds = new FoldPanels(made);
  context.subscriptions.push(
    commands.registerCommand("kirigami.showGraph", () => withFile((document) => graphs.show(document))),
    commands.registerCommand("kirigami.showFolds", () => withFile((document) => folds.show(document))),
    commands.registerCommand("kirigami.restartServer", () => made.restart()),
    commands.registerCommand("kirigami.showLog", () => made.showLog()),
    workspace.onDidSaveTextDocument((document) => graphs.saved(document)),
    // Another kirigami may be meant from now on.
    workspace.onDidChangeConfiguration((change) => (change.affectsConfiguration("kirigami.server.path") ? made.restart() : undefined)),
    workspace.onDidGrantWorkspaceTrust(() => made.restart()),
  );
  await made.start();
}

export async function deactivate(): Promise<void> {
  await server?.stop();
}

async function withFile(body: (document: TextDocument) => Promise<void>): Promise<void> {
  const document = window.activeTextEditor?.document;
  if (document?.languageId === "kiri") await body(document);
  else await window.showInformationMessage("Open a .kiri file first.");
}
