// One graph on the page: boxes and lines, moved with the mouse or the keys, containers opened and closed.
import { large } from "../../amounts.ts";
import type { Drawing, DrawnNode } from "../drawing.ts";
import { type Box, type Layout, labelOf, layoutOf, type Line } from "../layout.ts";
import { aroundOf, type Container, isContainer, treeOf } from "../tree.ts";
import { milliseconds } from "./numbers.ts";
import { html, svg } from "./svg.ts";

/** What all panes share. */
export interface Shared {
  /** Keys of open containers. */
  readonly open: Set<string>;
  toggled(key: string): void;
  selected(pane: Pane, item: Container | DrawnNode): void;
}

const NARROWEST = 0.02;
const WIDEST = 3;
/** A scale at which labels can be read. */
const READABLE = 0.7;

export class Pane {
  readonly element: HTMLElement;
  readonly drawing: Drawing;
  readonly tree: Container;
  readonly #around: ReadonlyMap<number, readonly Container[]>;
  readonly #shared: Shared;
  readonly #canvas: SVGSVGElement;
  readonly #scene: SVGGElement;
  #layout: Layout = { width: 0, height: 0, boxes: [], lines: [] };
  #groups = new Map<Box, SVGGElement>();
  #paths: { readonly line: Line; readonly path: SVGPathElement }[] = [];
  #view = { x: 0, y: 0, scale: 1 };
  /** The tree of the graph that this one is compared with. */
  #other: ReadonlyMap<string, Container> | undefined;
  /** Layouts of levels that were seen before. */
  readonly #levels: Parameters<typeof layoutOf>[3] = new Map();
  #isAfter = false;
  #selected = "";
  #marked: ReadonlySet<number> = new Set();

  constructor(drawing: Drawing, shared: Shared) {
    this.drawing = drawing;
    this.#shared = shared;
    this.tree = treeOf(drawing.nodes);
    this.#around = aroundOf(this.tree);
    this.#scene = svg("g");
    this.#canvas = svg("svg", { role: "tree", "aria-label": `graph of ${drawing.title}`, tabindex: 0 },
      svg("defs", {}, svg("marker", { id: "tip", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 6, markerHeight: 6, orient: "auto-start-reverse" }, svg("path", { d: "M0 0 8 4 0 8z", class: "tip" }))),
      this.#scene);
    this.element = html("section", { class: "pane" }, html("h2", {}, drawing.title), html("p", { class: "facts" }, drawing.facts.join(" · ")), this.#canvas);
    this.#listen();
  }

  /** Says which containers differ from those of another graph; costs are told as changes where that one is `before` this one. */
  compare(other: Pane, isBefore: boolean): void {
    this.#other = containers(other.tree);
    this.#isAfter = isBefore;
  }

  draw(): void {
    this.#layout = layoutOf(this.tree, this.drawing.nodes, this.#shared.open, this.#levels);
    this.#groups = new Map(this.#layout.boxes.map((box) => [box, this.#group(box)]));
    this.#paths = this.#layout.lines.map((line) => ({ line, path: svg("path", { d: curve(line.points), class: "line", "marker-end": "url(#tip)", "stroke-width": Math.min(4, 1 + Math.log2(line.values) / 2) }, svg("title", {}, line.values === 1 ? "one value" : `${line.values} values`)) }));
    const isFrame = (box: Box): boolean => box.isOpen;
    // Frames lie under lines, and lines under boxes.
    this.#scene.replaceChildren(
      ...this.#layout.boxes.filter(isFrame).map((b) => this.#groups.get(b) as SVGGElement), ...this.#paths.map((p) => p.path),
      ...this.#layout.boxes.filter((b) => !isFrame(b)).map((b) => this.#groups.get(b) as SVGGElement));
    this.#mark();
  }

  /** All of it in sight, as far as it can still be read there. */
  fit(): void {
    const { width, height } = this.#canvas.getBoundingClientRect();
    const scale = Math.min(1, (width - 40) / Math.max(1, this.#layout.width), (height - 40) / Math.max(1, this.#layout.height));
    // A long chain at a size that can be read, from its beginning, tells more than all of it as a thread.
    const readable = Math.max(scale, Math.min(READABLE, Math.max(0.3, (width - 40) / Math.max(1, this.#layout.width))));
    const first = this.#layout.boxes.find((b) => b.depth === 0);
    const middle = readable > scale && first ? first.x + first.width / 2 : this.#layout.width / 2;
    this.#view = { scale: readable, x: width / 2 - middle * readable, y: readable > scale ? 20 : (height - this.#layout.height * readable) / 2 };
    this.#move();
  }

  zoom(factor: number): void {
    const { width, height } = this.#canvas.getBoundingClientRect();
    this.#zoom(factor, width / 2, height / 2);
  }

  /** Brings a node into sight, opening what is around it; false where this graph does not have it. */
  reveal(node: DrawnNode): void {
    for (const around of this.#around.get(node.id) ?? []) this.#shared.open.add(around.key);
  }

  /** After `reveal` and `draw`. */
  center(item: Container | DrawnNode): void {
    const box = this.#layout.boxes.find((b) => keyOf(b.item) === keyOf(item));
    if (!box) return;
    const { width, height } = this.#canvas.getBoundingClientRect();
    const scale = Math.max(this.#view.scale, 0.8);
    this.#view = { scale, x: width / 2 - (box.x + box.width / 2) * scale, y: height / 2 - (box.y + Math.min(box.height, 120) / 2) * scale };
    this.#move();
    this.select(box, true);
  }

  select(box: Box, focus: boolean): void {
    this.#selected = keyOf(box.item);
    this.#mark();
    if (focus) this.#groups.get(box)?.focus({ preventScroll: true });
    this.#shared.selected(this, box.item);
  }

  /** Nodes that stand out: those of a line of the source. */
  highlight(ids: ReadonlySet<number>): void {
    this.#marked = ids;
    this.#mark();
  }

  /** Every container's key. */
  keys(): string[] {
    return [...containers(this.tree).keys()].filter((key) => key !== "");
  }

  #group(box: Box): SVGGElement {
    const { item, isOpen, x, y, width, height } = box;
    const inner = isContainer(item);
    const classes = inner ? ["box", "container", isOpen ? "open" : "closed", ...(item.folded > 0 ? ["folded"] : []), ...this.#difference(item)]
      : ["box", item.kind, ...(item.multiplyAdds > 0 ? ["product"] : []), ...(item.by.length > 0 ? ["folded"] : [])];
    const second = inner ? this.#containerText(item) : "";
    const label = inner ? item.label : labelOf(item);
    const room = (width - 20) / 6.7;
    const group = svg("g", {
      class: classes.join(" "), transform: `translate(${x} ${y})`, tabindex: -1, role: "treeitem", "aria-level": box.depth + 1,
      "aria-label": inner ? `${label}, ${second}` : [label, item.type, ...item.sites.map((s) => `site ${s}`), ...item.by.map((b) => `made by ${b}`)].filter(Boolean).join(", "),
      ...(inner ? { "aria-expanded": String(isOpen) } : {}),
    }, svg("title", {}, inner ? item.key : [item.name, item.type].filter(Boolean).join("\n") || item.op), svg("rect", { width, height, rx: inner ? 8 : 5 }));
    const middle = isOpen ? 10 : width / 2;
    if (inner) group.append(svg("text", { x: middle, y: isOpen ? 16 : 16, class: isOpen ? "label left" : "label" }, shortened(`${isOpen ? "▾ " : "▸ "}${label}`, room)), svg("text", { x: middle, y: isOpen ? 31 : 31, class: isOpen ? "small left" : "small" }, shortened(second, room * 1.15)));
    else group.append(svg("text", { x: middle, y: height / 2 + 4, class: "label" }, shortened(label, room)));
    const sites = inner ? (isOpen ? 0 : item.sites) : item.sites.length;
    if (sites > 0) group.append(svg("circle", { cx: width - 8, cy: 8, r: 4, class: "site" }, svg("title", {}, inner ? `${sites} sites` : item.sites.join("\n"))));
    group.addEventListener("click", (event) => {
      event.stopPropagation();
      if (this.#moved) return;
      this.select(box, true);
      if (inner) this.#toggle(item);
    });
    return group;
  }

  #containerText(item: Container): string {
    const before = this.#isAfter ? this.#other?.get(item.key) : undefined;
    const change = before && before.multiplyAdds !== item.multiplyAdds && before.multiplyAdds > 0 ? ` (${item.multiplyAdds < before.multiplyAdds ? "−" : "+"}${Math.round(Math.abs(1 - item.multiplyAdds / before.multiplyAdds) * 100)} %)` : "";
    return [`${item.nodes} node${item.nodes === 1 ? "" : "s"}`, ...(item.multiplyAdds > 0 ? [`${large(item.multiplyAdds)}${change}`] : []), ...(item.milliseconds === undefined ? [] : [milliseconds(item.milliseconds)])].join(" · ");
  }

  #difference(item: Container): string[] {
    if (!this.#other) return [];
    const other = this.#other.get(item.key);
    if (!other) return ["only"];
    return other.nodes !== item.nodes || other.multiplyAdds !== item.multiplyAdds ? ["changed"] : [];
  }

  #toggle(item: Container): void {
    const place = this.#layout.boxes.find((b) => keyOf(b.item) === keyOf(item));
    this.#shared.toggled(item.key);
    // What was clicked stays under the pointer.
    const now = this.#layout.boxes.find((b) => keyOf(b.item) === keyOf(item));
    if (place && now) {
      this.#view.x += (place.x + place.width / 2 - now.x - now.width / 2) * this.#view.scale;
      this.#view.y += (place.y - now.y) * this.#view.scale;
      this.#move();
      this.#groups.get(now)?.focus({ preventScroll: true });
    }
  }

  #mark(): void {
    const selected = this.#layout.boxes.find((b) => keyOf(b.item) === this.#selected);
    for (const [box, group] of this.#groups) {
      const isSelected = box === selected;
      group.classList.toggle("selected", isSelected);
      group.setAttribute("tabindex", isSelected || (!selected && box === this.#layout.boxes[0]) ? "0" : "-1");
      group.classList.toggle("marked", this.#marked.size > 0 && (isContainer(box.item) ? !box.isOpen && holds(box.item, this.#marked) : this.#marked.has(box.item.id)));
    }
    for (const { line, path } of this.#paths) path.classList.toggle("selected", selected !== undefined && (line.from === selected || line.to === selected));
  }

  #moved = false;

  #listen(): void {
    const canvas = this.#canvas;
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      const { left, top } = canvas.getBoundingClientRect();
      if (event.ctrlKey || !event.shiftKey) this.#zoom(Math.exp(-event.deltaY / 400), event.clientX - left, event.clientY - top);
      else this.#shift(-event.deltaX || -event.deltaY, 0);
    }, { passive: false });
    let from: { x: number; y: number } | undefined;
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      from = { x: event.clientX, y: event.clientY };
      this.#moved = false;
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!from || event.buttons === 0) return;
      const [dx, dy] = [event.clientX - from.x, event.clientY - from.y];
      if (!this.#moved && Math.hypot(dx, dy) < 4) return;
      if (!this.#moved) canvas.setPointerCapture(event.pointerId);
      this.#moved = true;
      from = { x: event.clientX, y: event.clientY };
      this.#shift(dx, dy);
    });
    canvas.addEventListener("pointerup", () => { from = undefined; });
    canvas.addEventListener("keydown", (event) => this.#key(event));
  }

  #key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const at = this.#layout.boxes.find((b) => keyOf(b.item) === this.#selected);
    const ordered = [...this.#layout.boxes].sort((a, b) => a.y - b.y || a.x - b.x);
    const step = (by: number): void => {
      const next = ordered[at ? Math.min(ordered.length - 1, Math.max(0, ordered.indexOf(at) + by)) : 0];
      if (next) {
        this.select(next, true);
        this.#keepInSight(next);
      }
    };
    const inner = at && isContainer(at.item) ? at.item : undefined;
    const actions: Readonly<Record<string, () => void>> = {
      ArrowDown: () => (event.shiftKey ? this.#shift(0, -60) : step(1)), ArrowUp: () => (event.shiftKey ? this.#shift(0, 60) : step(-1)),
      ArrowRight: () => { if (event.shiftKey) this.#shift(-60, 0); else if (inner && !at?.isOpen) this.#toggle(inner); else step(1); },
      ArrowLeft: () => { if (event.shiftKey) this.#shift(60, 0); else if (inner && at?.isOpen) this.#toggle(inner); else this.#up(at); },
      Enter: () => { if (inner) this.#toggle(inner); }, " ": () => { if (inner) this.#toggle(inner); },
      "+": () => this.zoom(1.25), "=": () => this.zoom(1.25), "-": () => this.zoom(0.8), 0: () => this.fit(),
    };
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  }

  /** To the container around. */
  #up(at: Box | undefined): void {
    if (!at) return;
    const around = this.#layout.boxes.filter((b) => b.isOpen && b.depth === at.depth - 1 && b.x <= at.x && b.y <= at.y && b.x + b.width >= at.x + at.width && b.y + b.height >= at.y + at.height)[0];
    if (around) {
      this.select(around, true);
      this.#keepInSight(around);
    }
  }

  #keepInSight(box: Box): void {
    const { width, height } = this.#canvas.getBoundingClientRect();
    const { x, y, scale } = this.#view;
    const [left, top] = [box.x * scale + x, box.y * scale + y];
    const [right, bottom] = [left + box.width * scale, top + Math.min(box.height * scale, height / 2)];
    this.#shift(left < 20 ? 20 - left : right > width - 20 ? width - 20 - right : 0, top < 20 ? 20 - top : bottom > height - 20 ? height - 20 - bottom : 0);
  }

  #shift(dx: number, dy: number): void {
    this.#view.x += dx;
    this.#view.y += dy;
    this.#move();
  }

  #zoom(factor: number, x: number, y: number): void {
    const scale = Math.min(WIDEST, Math.max(NARROWEST, this.#view.scale * factor));
    const by = scale / this.#view.scale;
    this.#view = { scale, x: x - (x - this.#view.x) * by, y: y - (y - this.#view.y) * by };
    this.#move();
  }

  #move(): void {
    const { x, y, scale } = this.#view;
    this.#scene.setAttribute("transform", `translate(${x} ${y}) scale(${scale})`);
  }
}

const keyOf = (item: Container | DrawnNode): string => (isContainer(item) ? `c ${item.key}` : `n ${item.id}`);

function containers(root: Container): ReadonlyMap<string, Container> {
  const found = new Map<string, Container>([[root.key, root]]);
  for (const child of root.children) if (isContainer(child)) for (const [key, inner] of containers(child)) found.set(key, inner);
  return found;
}

const holds = (item: Container, ids: ReadonlySet<number>): boolean => item.children.some((child) => (isContainer(child) ? holds(child, ids) : ids.has(child.id)));

const shortened = (text: string, letters: number): string => ([...text].length <= letters ? text : `${[...text].slice(0, Math.max(1, Math.floor(letters) - 1)).join("")}…`);

/** A smooth way along the points. */
function curve(points: readonly { readonly x: number; readonly y: number }[]): string {
  const [first, ...rest] = points;
  if (!first) return "";
  const at = (p: { readonly x: number; readonly y: number }): string => `${p.x.toFixed(1)} ${p.y.toFixed(1)}`;
  if (rest.length === 3) return `M${at(first)}C${rest.map(at).join(" ")}`;
  let path = `M${at(first)}`;
  for (let i = 0; i < rest.length - 1; i++) {
    const [here, next] = [rest[i], rest[i + 1]];
    if (here && next) path += `Q${at(here)} ${at(i === rest.length - 2 ? next : { x: (here.x + next.x) / 2, y: (here.y + next.y) / 2 })}`;
  }
  return rest.length === 1 && rest[0] ? `${path}L${at(rest[0])}` : path;
}
