// What the name behind a `.` stands for, where the value before it is known.
import type { Value } from "../../compiler/elaborate/value.ts";
import type * as Ast from "../../grammar/ast.ts";
import type { Meaning } from "./meaning.ts";
import type { ModuleNames } from "./module-names.ts";
import type { Scopes } from "./scopes.ts";

export function memberOf(value: Value, name: Ast.Ident, scopes: Scopes, module: ModuleNames): Meaning | undefined {
  switch (value.kind) {
    case "tensor": return scopes.axes.get(name.name);
    case "record": {
      const decl = value.type?.decl;
      const field = decl?.fields.find((f) => f.name.name === name.name);
      if (field) return module.meaning(field.name, "field", { node: field });
      const computed = decl?.lets.find((l) => l.names.some((n) => n.name === name.name));
      if (computed?.names[0]) return module.meaning(computed.names.find((n) => n.name === name.name) ?? computed.names[0], "field", { node: computed });
      const method = decl?.methods.find((m) => m.name.name === name.name);
      return method && module.meaning(method.name, "method", { node: method });
    }
    case "tokenizer": {
      const method = value.decl.methods.find((m) => m.name.name === name.name);
      return method && module.meaning(method.name, "method", { node: method });
    }
    case "layer": {
      const { decl } = value.instance;
      const member = decl.members.find((m) => m.kind !== "let" && m.name.name === name.name);
      if (member && member.kind !== "let") return module.meaning(member.name, member.kind === "param" ? "weight" : "part", { node: member });
      const method = decl.methods.find((m) => m.name.name === name.name);
      return method && module.meaning(method.name, "method", { node: method });
    }
    default: return undefined;
  }
}
