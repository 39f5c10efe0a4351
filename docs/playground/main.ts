// The playground: a program on the left, what the compiler says of it, the folded picture and the graphs on the right.
import "../../hosts/view/page/page.css";
import "./playground.css";
import type { Drawing } from "../../hosts/view/drawing.ts";
import { Pane, type Shared } from "../../hosts/view/page/pane.ts";
import { html } from "../../hosts/view/page/svg.ts";
import { editor, show } from "./editor.ts";
import type { Answer, Checked, Ran, Wondered } from "./messages.ts";
import { type Ask, completions, hovers } from "./questions.ts";
import { drawPicture, pixelsOf, SIDE } from "./picture.ts";
import program from "./program.kiri?raw";

const digits = Object.values(import.meta.glob<string>("../../pipelines/data/digits/*.png", { query: "?url", import: "default", eager: true }));
/** Milliseconds without a key before the compiler is asked. */
const PAUSE = 250;

const state = html("p", { class: "state", role: "status" }, "Loading the compiler and the model…");
const problems = html("ul", { class: "problems", "aria-label": "problems" });
const canvas = html("canvas", { role: "img", "aria-label": "the picture with its folded tokens" });
const counts = html("p", { class: "counts" });
const results = html("table", { class: "results" });
const graphs = html("div", { class: "graphs" });
const choices = html("div", { class: "choices", role: "group", "aria-label": "picture" });
const left = html("section", { class: "left" });
document.body.append(
  html("header", {}, html("h1", {}, "kirigami playground"), state, html("a", { href: "../" }, "documentation")),
  html("main", { class: "playground" }, left, html("section", { class: "right" }, html("div", { class: "look" }, html("div", {}, choices, canvas), html("div", {}, counts, results)), graphs)));

let picture = new Uint8Array(SIDE * SIDE);
let isBusy = false;
let isWaiting = false;
let timer: ReturnType<typeof setTimeout> | undefined;

const questions = new Map<number, (answer: Extract<Answer, { readonly id: number }>) => void>();
const wonder: Ask = (kind, text, offset) => new Promise((resolve) => {
  const asked: Wondered = { kind, id: questions.size === 0 ? 1 : Math.max(...questions.keys()) + 1, text, offset };
  questions.set(asked.id, resolve);
  worker.postMessage(asked);
});

const view = editor(left, program, () => {
  clearTimeout(timer);
  timer = setTimeout(ask, PAUSE);
}, [completions(wonder), hovers(wonder)]);
left.append(problems);

const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
worker.addEventListener("message", (event: MessageEvent<Answer>) => take(event.data));
worker.addEventListener("error", (event) => { state.textContent = `The compiler cannot be started: ${event.message}`; });

/** One question at a time; what was typed meanwhile is asked next. */
function ask(): void {
  if (isBusy) {
    isWaiting = true;
    return;
  }
  isBusy = true;
  const asked: Checked = { kind: "check", text: view.state.doc.toString(), picture };
  worker.postMessage(asked);
}

function take(answer: Answer): void {
  if (answer.kind === "ready") state.textContent = "Ready.";
  else if ("id" in answer) {
    questions.get(answer.id)?.(answer);
    questions.delete(answer.id);
  } else if (answer.kind === "failed") state.textContent = answer.says;
  else if (answer.kind === "done") {
    isBusy = false;
    if (isWaiting) {
      isWaiting = false;
      ask();
    }
  } else if (answer.kind === "problems") {
    show(view, answer.problems);
    const errors = answer.problems.filter((p) => p.severity === "error").length;
    state.textContent = `${errors === 0 ? "No errors" : errors === 1 ? "1 error" : `${errors} errors`}, checked in ${answer.milliseconds.toFixed(0)} ms.`;
    problems.replaceChildren(...answer.problems.map((p) => html("li", { class: p.severity }, html("strong", {}, p.code), ` ${p.says} ${p.next ?? ""}`)));
    document.body.classList.toggle("stale", errors > 0);
  } else if (answer.kind === "graphs") showGraphs(answer.drawings);
  else showRun(answer.plain, answer.folded);
}

const open = new Set<string>();
let panes: Pane[] = [];

function showGraphs(drawings: readonly Drawing[]): void {
  const isFirst = panes.length === 0;
  const shared: Shared = {
    open,
    toggled(key) {
      if (!open.delete(key)) open.add(key);
      for (const pane of panes) pane.draw();
    },
    selected() {},
  };
  panes = drawings.map((drawing) => new Pane(drawing, shared));
  const [first, second] = panes;
  if (first && second) {
    first.compare(second, false);
    second.compare(first, true);
  }
  // The model itself is open, so that its blocks are seen.
  if (isFirst) for (const key of first?.keys().filter((k) => !k.includes("/")) ?? []) open.add(key);
  graphs.replaceChildren(...panes.map((p) => p.element));
  for (const pane of panes) {
    pane.draw();
    pane.fit();
  }
}

function showRun(plain: Ran, folded: Ran | undefined): void {
  const groups = folded?.groups ?? [];
  counts.textContent = drawPicture(canvas, picture, groups) || "Nothing is folded.";
  canvas.dataset.groups = groups.join(",");
  const text = (values: readonly number[]): string => values.map((v) => (Number.isInteger(v) ? `${v}` : v.toFixed(4))).join(", ");
  results.replaceChildren(
    html("thead", {}, html("tr", {}, ...["", "plain", ...(folded ? ["folded"] : [])].map((h) => html("th", { scope: "col" }, h)))),
    html("tbody", {}, ...plain.outputs.map(({ name, values }) => html("tr", {}, html("th", { scope: "row" }, name), html("td", {}, text(values)), ...(folded ? [html("td", {}, text(folded.outputs.find((o) => o.name === name)?.values ?? []))] : [])))));
}

async function choose(address: string): Promise<void> {
  picture = new Uint8Array(await pixelsOf(address));
  drawPicture(canvas, picture, []);
  ask();
}

for (const [i, address] of digits.entries()) {
  const button = html("button", { type: "button", "aria-label": `digit ${i}` }, html("img", { src: address, alt: "", width: 28, height: 28 }));
  button.addEventListener("click", () => void choose(address));
  choices.append(button);
}
void choose(digits[3] ?? digits[0] ?? "");
