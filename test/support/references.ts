/** Which exports of the project's files other files name, and which files they reach; read from syntax trees alone. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import ts from "typescript";

export interface References {
  /** Names that each file exports. */
  readonly exports: ReadonlyMap<string, readonly string[]>;
  /** Names that other files take from a file; `*`: somebody takes the module as a whole. */
  readonly taken: ReadonlyMap<string, ReadonlySet<string>>;
  /** Files of the project that each file names: imports, workers and other paths in its text. */
  readonly reaches: ReadonlyMap<string, ReadonlySet<string>>;
}

/** `files`: paths from `root`. Imports of what is not among them are passed over. */
export function references(root: string, files: readonly string[]): References {
  const exports = new Map<string, string[]>();
  const taken = new Map(files.map((f) => [f, new Set<string>()]));
  const reaches = new Map(files.map((f) => [f, new Set<string>()]));
  for (const file of files) {
    const source = ts.createSourceFile(file, readFileSync(join(root, file), "utf8"), ts.ScriptTarget.Latest, true);
    const names: string[] = [];
    exports.set(file, names);
    const target = (specifier: ts.Node | undefined): string => (specifier && ts.isStringLiteralLike(specifier) && specifier.text.startsWith(".") ? relative(root, resolve(root, dirname(file), specifier.text)) : "");
    const take = (from: string, ...what: readonly string[]): void => { for (const name of what) taken.get(from)?.add(name); };
    /** Modules that the file has under a name. */
    const modules = new Map<string, string>();
    const visit = (node: ts.Node): void => {
      const path = target(node);
      // Workers are started from the file that they are compiled to.
      for (const named of [path, path.replace(/\.js$/, ".ts")]) if (reaches.has(named) && existsSync(join(root, named))) reaches.get(file)?.add(named);
      if (ts.isImportDeclaration(node)) {
        const from = target(node.moduleSpecifier);
        const bindings = node.importClause?.namedBindings;
        if (node.importClause?.name) take(from, "default");
        if (bindings && ts.isNamespaceImport(bindings)) modules.set(bindings.name.text, from);
        else take(from, ...(bindings?.elements ?? []).map((e) => (e.propertyName ?? e.name).text));
      } else if (ts.isExportDeclaration(node)) {
        const clause = node.exportClause;
        if (!clause || !ts.isNamedExports(clause)) take(target(node.moduleSpecifier), "*");
        else {
          take(target(node.moduleSpecifier), ...clause.elements.map((e) => (e.propertyName ?? e.name).text));
          names.push(...clause.elements.map((e) => e.name.text));
        }
      } else if (ts.isExportAssignment(node)) names.push("default");
      else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) take(target(node.arguments[0]), ...takenFrom(node));
      else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) take(target(node.argument.literal), node.qualifier ? (node.qualifier.getText().split(".")[0] as string) : "*");
      else if (ts.isPropertyAccessExpression(node) && ts.isIdentifier(node.expression)) take(modules.get(node.expression.text) ?? "", node.name.text);
      else if (ts.isQualifiedName(node) && ts.isIdentifier(node.left)) take(modules.get(node.left.text) ?? "", node.right.text);
      else if (ts.isIdentifier(node) && isWhole(node)) take(modules.get(node.text) ?? "", "*");
      if (node.parent === source && ts.canHaveModifiers(node) && ts.getModifiers(node)?.some((m) => m.kind === ts.SyntaxKind.ExportKeyword)) names.push(...declared(node));
      ts.forEachChild(node, visit);
    };
    visit(source);
  }
  return { exports, taken, reaches };
}

/** What `await import(…)` is asked for: `{ a, b }`, `.a`, or everything. */
function takenFrom(call: ts.CallExpression): string[] {
  let user: ts.Node = call.parent;
  while (ts.isAwaitExpression(user) || ts.isParenthesizedExpression(user)) user = user.parent;
  if (ts.isPropertyAccessExpression(user) && user.name.text !== "then") return [user.name.text];
  return ts.isVariableDeclaration(user) && ts.isObjectBindingPattern(user.name) ? user.name.elements.map((e) => (e.propertyName ?? e.name).getText()) : ["*"];
}

/** A name that stands for itself, not as a part of `a.b` and not where it is bound. */
const isWhole = ({ parent }: ts.Identifier): boolean => !ts.isNamespaceImport(parent) && !ts.isPropertyAccessExpression(parent) && !ts.isQualifiedName(parent);

function declared(node: ts.Node): string[] {
  if (ts.canHaveModifiers(node) && ts.getModifiers(node)?.some((m) => m.kind === ts.SyntaxKind.DefaultKeyword)) return ["default"];
  if (!ts.isVariableStatement(node)) return [(node as ts.DeclarationStatement).name?.text ?? "default"];
  const bound = (name: ts.BindingName): string[] => (ts.isIdentifier(name) ? [name.text] : name.elements.flatMap((e) => (ts.isBindingElement(e) ? bound(e.name) : [])));
  return node.declarationList.declarations.flatMap((d) => bound(d.name));
}
