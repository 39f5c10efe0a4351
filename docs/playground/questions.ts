// What the language server says while one types and points: completion and hover, asked of the worker.
import { autocompletion, type Completion, type CompletionContext, type CompletionResult, snippet } from "@codemirror/autocomplete";
import type { Extension } from "@codemirror/state";
import { hoverTooltip } from "@codemirror/view";
import { html } from "../../hosts/view/page/svg.ts";
import type { Answer, Offered } from "./messages.ts";

export type Ask = (kind: "completion" | "hover", text: string, offset: number) => Promise<Extract<Answer, { readonly id: number }>>;

/** Behind these one is asked without a word begun. */
const TRIGGERS = /[.("]$/;

export function completions(ask: Ask): Extension {
  const source = async (context: CompletionContext): Promise<CompletionResult | null> => {
    const word = context.matchBefore(/[\p{L}_][\p{L}\p{N}_']*/u);
    if (!word && !context.explicit && !TRIGGERS.test(context.state.sliceDoc(Math.max(0, context.pos - 1), context.pos))) return null;
    const answer = await ask("completion", context.state.doc.toString(), context.pos);
    if (answer.kind !== "completion" || context.aborted) return null;
    const options = [...answer.items].sort((a, b) => (a.sort < b.sort ? -1 : 1)).map(option);
    const from = answer.items.find((item) => item.from !== undefined)?.from;
    return from !== undefined ? { from, options } : { from: word?.from ?? context.pos, options, validFor: /^[\p{L}\p{N}_']*$/u };
  };
  return autocompletion({ override: [source] });
}

function option({ label, detail, insert, isSnippet }: Offered): Completion {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the editor's own sign for where the cursor goes
  return { label, ...(detail === undefined ? {} : { detail }), apply: isSnippet ? snippet(insert.replaceAll("$0", "${}")) : insert };
}

export function hovers(ask: Ask): Extension {
  return hoverTooltip(async (view, pos) => {
    const answer = await ask("hover", view.state.doc.toString(), pos);
    if (answer.kind !== "hover" || answer.markdown === undefined) return null;
    const dom = html("div", { class: "hover" }, ...paragraphs(answer.markdown));
    return { pos, create: () => ({ dom }) };
  });
}

/** Code as code, links as links, the rest as text. */
function paragraphs(markdown: string): Node[] {
  return markdown.split(/\n\n+/).map((part) => {
    const code = /^```kiri\n([\s\S]*?)\n```$/.exec(part);
    if (code) return html("pre", {}, code[1] ?? "");
    return html("p", {}, ...part.split(/(\[[^\]]+\]\(https:[^)]+\))/).map((text) => {
      const link = /^\[([^\]]+)\]\((https:[^)]+)\)$/.exec(text);
      return link ? html("a", { href: link[2] ?? "", rel: "noopener", target: "_blank" }, link[1] ?? "") : text.replaceAll("**", "").replaceAll("`", "");
    }));
  });
}
