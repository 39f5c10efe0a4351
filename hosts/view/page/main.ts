// The page of `kiri view`: one or two graphs, a search, what is selected, and costs by line of the source.
import { large } from "../../amounts.ts";
import { billedTo, type Drawing, type DrawnNode, hasLines } from "../drawing.ts";
import { type Container, isContainer } from "../tree.ts";
import { milliseconds, percent } from "./numbers.ts";
import { Pane, type Shared } from "./pane.ts";
import { html } from "./svg.ts";

/** Results of a search that are listed. */
const MOST_FOUND = 60;
/** Lines of costs that are shown. */
const MOST_LINES = 200;
/** Graphs up to this many nodes are open down to their layers from the start. */
const SMALL = 40;

const drawings = JSON.parse(document.getElementById("drawings")?.textContent ?? "[]") as readonly Drawing[];

const shared: Shared = {
  open: new Set(),
  toggled(key) {
    if (!shared.open.delete(key)) shared.open.add(key);
    drawAll();
  },
  selected(pane, item) {
    details.replaceChildren(...(isContainer(item) ? containerDetails(item) : nodeDetails(pane, item)));
  },
};
/** Else costs are told by place. */
const byLines = drawings.some((d) => hasLines(d.nodes));
const panes = drawings.map((drawing) => new Pane(drawing, shared));
const [first, second] = panes;
if (first && second) {
  first.compare(second, false);
  second.compare(first, true);
}

const details = html("div", { class: "details", "aria-live": "polite" }, html("p", { class: "hint" }, "Choose a box to see what it is."));
const found = html("ul", { class: "found" });
const search = html("input", { type: "search", placeholder: "Search: name, operator, place, site, line", "aria-label": "search", spellcheck: "false" });

function drawAll(): void {
  for (const pane of panes) pane.draw();
}

function reveal(pane: Pane, node: DrawnNode): void {
  pane.reveal(node);
  drawAll();
  pane.center(node);
}

const description = (term: string, values: readonly string[]): HTMLElement[] => (values.length === 0 ? [] : [html("dt", {}, term), ...values.map((v) => html("dd", {}, v))]);

function nodeDetails(pane: Pane, node: DrawnNode): HTMLElement[] {
  const link = (other: DrawnNode): HTMLElement => {
    const button = html("button", { type: "button", class: "link" }, `${other.kind === "node" ? other.op : other.name} ${other.type}`.trim());
    button.addEventListener("click", () => reveal(pane, other));
    return html("dd", {}, button);
  };
  const takes = node.inputs.flatMap((i) => pane.drawing.nodes[i] ?? []);
  const gives = pane.drawing.nodes.filter((n) => n.inputs.includes(node.id));
  const total = pane.tree.multiplyAdds;
  return [
    html("h3", {}, node.kind === "node" ? node.op : `${node.kind} ${node.name}`),
    html("dl", {},
      ...description("type", node.type ? [node.type] : []), ...description("name", node.kind === "node" && node.name ? [node.name] : []), ...description("in", node.path.length > 0 ? [node.path.join(" / ")] : []),
      ...description("multiply-adds", node.multiplyAdds > 0 ? [`${large(node.multiplyAdds)}, ${percent(node.multiplyAdds / total)} of the whole`] : []),
      ...description("time", node.milliseconds === undefined ? [] : [milliseconds(node.milliseconds)]),
      ...description("made by", node.by), ...description("sites", node.sites), ...description("lines", node.lines),
      ...(takes.length > 0 ? [html("dt", {}, "takes"), ...takes.map(link)] : []), ...description("constants", node.constants),
      ...(gives.length > 0 ? [html("dt", {}, "goes to"), ...gives.map(link)] : [])),
  ];
}

function containerDetails(item: Container): HTMLElement[] {
  const counterparts = panes.map((pane) => ({ pane, item: find(pane.tree, item.key) }));
  const rows = counterparts.map(({ pane, item: own }) => html("tr", {}, html("th", { scope: "row" }, pane.drawing.title),
    html("td", {}, own ? `${own.nodes}` : "–"), html("td", {}, own ? large(own.multiplyAdds) : "–"), html("td", {}, own ? percent(own.multiplyAdds / Math.max(1, pane.tree.multiplyAdds)) : "–"),
    ...(pane.tree.milliseconds === undefined ? [] : [html("td", {}, own?.milliseconds === undefined ? "–" : milliseconds(own.milliseconds))])));
  const head = ["", "nodes", "multiply-adds", "share", ...(panes.some((p) => p.tree.milliseconds !== undefined) ? ["time"] : [])];
  return [
    html("h3", {}, item.key.replaceAll("/", " / ")),
    html("table", {}, html("thead", {}, html("tr", {}, ...head.map((h) => html("th", { scope: "col" }, h)))), html("tbody", {}, ...rows)),
    html("p", { class: "hint" }, `${item.sites} site${item.sites === 1 ? "" : "s"}, ${item.folded} node${item.folded === 1 ? "" : "s"} made by folds`),
  ];
}

function find(tree: Container, key: string): Container | undefined {
  if (tree.key === key) return tree;
  for (const child of tree.children) {
    const inner = isContainer(child) ? find(child, key) : undefined;
    if (inner) return inner;
  }
  return undefined;
}

/** Costs by line: before and after in one table where there are two graphs. */
function costs(): HTMLElement {
  const isTimed = drawings.some((d) => d.lines.some((l) => l.milliseconds !== undefined));
  const totals = drawings.map((d) => d.lines.reduce((sum, l) => sum + l.multiplyAdds, 0));
  const byLine = drawings.map((d) => new Map(d.lines.map((l) => [l.line, l])));
  const names = [...new Set(drawings.flatMap((d) => d.lines.map((l) => l.line)))];
  const most = (name: string): number => Math.max(...byLine.map((lines) => lines.get(name)?.multiplyAdds ?? 0));
  const shown = names.sort((a, b) => most(b) - most(a)).slice(0, MOST_LINES);
  if (shown.length === 0) return html("p", { class: "hint" }, "No products whose cost is known.");
  const per = isTimed ? 3 : 2;
  const rows = shown.flatMap((name) => {
    const text = byLine.map((lines) => lines.get(name)?.text ?? "").find((t) => t !== "") ?? "";
    const button = html("button", { type: "button", class: "link" }, name || (byLines ? "(no line known)" : "(outside of layers)"));
    button.addEventListener("click", () => {
      for (const pane of panes) pane.highlight(new Set(pane.drawing.nodes.filter((n) => n.multiplyAdds > 0 && (name === "" ? billedTo(n, byLines).length === 0 : billedTo(n, byLines).includes(name))).map((n) => n.id)));
    });
    const cells = drawings.flatMap((_, i) => {
      const line = byLine[i]?.get(name);
      const share = line ? line.multiplyAdds / Math.max(1, totals[i] ?? 1) : 0;
      return [
        html("td", {}, line ? large(line.multiplyAdds) : "–"), html("td", {}, line ? percent(share) : ""),
        ...(isTimed ? [html("td", {}, line?.milliseconds === undefined ? "" : milliseconds(line.milliseconds))] : []),
      ];
    });
    return [html("tr", { class: "name" }, html("th", { scope: "row", colspan: per * drawings.length }, button, ...(text ? [html("code", { title: text }, text)] : []))), html("tr", {}, ...cells)];
  });
  return html("table", { class: "costs" },
    html("thead", {},
      ...(drawings.length > 1 ? [html("tr", {}, ...drawings.map((d) => html("th", { scope: "colgroup", colspan: per }, d.title)))] : []),
      html("tr", {}, ...drawings.flatMap(() => ["multiply-adds", "share", ...(isTimed ? ["time"] : [])].map((h) => html("th", { scope: "col" }, h))))),
    html("tbody", {}, ...rows));
}

function runSearch(): void {
  const wanted = search.value.trim().toLowerCase();
  found.replaceChildren();
  for (const pane of panes) pane.highlight(new Set());
  if (wanted === "") return;
  const hits = panes.flatMap((pane) => {
    const own = pane.drawing.nodes.filter((n) => [n.op, n.name, n.path.join("."), n.path.join("/"), n.type, ...n.sites, ...n.by, ...n.lines].some((text) => text.toLowerCase().includes(wanted)));
    pane.highlight(new Set(own.map((n) => n.id)));
    return own.map((node) => ({ pane, node }));
  });
  found.append(...hits.slice(0, MOST_FOUND).map(({ pane, node }) => {
    const button = html("button", { type: "button", class: "link" }, `${node.kind === "node" ? node.op : node.name} ${node.path.join("/")}`);
    button.addEventListener("click", () => reveal(pane, node));
    return html("li", {}, button, ...(panes.length > 1 ? [html("small", {}, ` ${pane.drawing.title}`)] : []));
  }));
  found.append(html("li", { class: "hint" }, hits.length > MOST_FOUND ? `${hits.length} found, the first ${MOST_FOUND} listed` : `${hits.length} found`));
}

search.addEventListener("input", runSearch);
search.addEventListener("keydown", (event) => {
  if (event.key === "Enter") found.querySelector("button")?.click();
  if (event.key === "Escape") {
    search.value = "";
    runSearch();
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && document.activeElement !== search) {
    event.preventDefault();
    search.focus();
  }
});

function button(text: string, title: string, action: () => void): HTMLElement {
  const made = html("button", { type: "button", title }, text);
  made.addEventListener("click", action);
  return made;
}

const THEMES = ["", "light", "dark"] as const;
let theme = 0;

const legend = html("ul", { class: "legend", "aria-label": "legend" },
  ...([["product", "product: costs multiply-adds"], ["folded", "made by a fold or a rewrite"], ["site", "site: a fold can name it"], ["input", "input or output"], ...(panes.length > 1 ? [["changed", "differs from the other graph"], ["only", "only in this graph"]] as const : [])] as const)
    .map(([name, says]) => html("li", {}, html("span", { class: `key ${name}` }), says)));

document.body.append(
  html("header", {}, html("h1", {}, document.title), search,
    html("div", { class: "buttons" },
      button("Open all", "show every node", () => { for (const pane of panes) for (const key of pane.keys()) shared.open.add(key); drawAll(); for (const pane of panes) pane.fit(); }),
      button("Close all", "show the outermost boxes", () => { shared.open.clear(); start(); drawAll(); for (const pane of panes) pane.fit(); }),
      button("Fit", "bring the graph into sight (0)", () => panes.forEach((p) => { p.fit(); })),
      button("+", "larger (+)", () => panes.forEach((p) => { p.zoom(1.25); })), button("−", "smaller (-)", () => panes.forEach((p) => { p.zoom(0.8); })),
      button("◐", "light or dark", () => { theme = (theme + 1) % THEMES.length; document.documentElement.dataset.theme = THEMES[theme] ?? ""; })),
    legend),
  html("main", {}, ...panes.map((p) => p.element),
    html("aside", {}, found, details, html("h3", {}, byLines ? "Costs by line" : "Costs by place"), costs(),
      html("p", { class: "hint" }, "Keys: arrows walk through boxes, → and ← open and close, Shift and arrows move, + − 0 zoom, / searches."))));

/** What is open at first: the model itself, so that its blocks are seen. */
function start(): void {
  for (const { tree } of panes) {
    for (let level = tree.children, depth = 0; depth < 4; depth++) {
      const inner = level.filter(isContainer);
      // One box around everything says nothing.
      const only = inner.length > 0 && inner.length <= 2 ? inner : tree.nodes <= SMALL ? inner : [];
      for (const container of only) shared.open.add(container.key);
      level = only.flatMap((c) => c.children);
    }
  }
}
start();
drawAll();
for (const pane of panes) pane.fit();
