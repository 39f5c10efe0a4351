// The cheapest way to tell points apart: a least cut of a network, found by pushing flow along shortest paths (Dinic).

/** Where a point must lie. */
export const SOURCE = 0;
export const SINK = 1;

export class Network {
  /** Edges that leave a point, as places in the lists below; an edge and its way back are neighbours. */
  readonly #out: number[][] = [[], []];
  readonly #to: number[] = [];
  readonly #room: number[] = [];

  /** One more point; free unless edges tie it to `SOURCE` or `SINK`. */
  point(): number {
    return this.#out.push([]) - 1;
  }

  /** What it costs where `from` lies with the source and `to` with the sink; `Infinity` forbids it. */
  edge(from: number, to: number, cost: number): void {
    for (const [a, b, room] of [[from, to, cost], [to, from, 0]] as const) {
      (this.#out[a] as number[]).push(this.#to.push(b) - 1);
      this.#room.push(room);
    }
  }

  /** Whether each point lies with the sink in a cheapest cut; of equal ones that with the fewest points there. */
  withSink(): boolean[] {
    for (let levels = this.#levels(); levels[SINK] !== -1; levels = this.#levels()) this.#fill(levels);
    const reaches = this.#out.map(() => false);
    const open = [SINK];
    reaches[SINK] = true;
    for (let at = open.pop(); at !== undefined; at = open.pop())
      for (const edge of this.#out[at] as number[]) {
        const before = this.#to[edge] as number;
        if (reaches[before] || (this.#room[edge ^ 1] as number) === 0) continue;
        reaches[before] = true;
        open.push(before);
      }
    return reaches;
  }

  /** Steps from the source along edges with room; -1: there is no way. */
  #levels(): number[] {
    const levels = this.#out.map(() => -1);
    levels[SOURCE] = 0;
    const queue = [SOURCE];
    for (const at of queue)
      for (const edge of this.#out[at] as number[]) {
        const to = this.#to[edge] as number;
        if (levels[to] !== -1 || (this.#room[edge] as number) === 0) continue;
        levels[to] = (levels[at] as number) + 1;
        queue.push(to);
      }
    return levels;
  }

  /** Pushes flow along paths that descend level by level, until none is left. Iterative: networks are deeper than the stack. */
  #fill(levels: readonly number[]): void {
    const next = this.#out.map(() => 0);
    const path: number[] = [];
    for (;;) {
      const at = path.length === 0 ? SOURCE : (this.#to[path.at(-1) as number] as number);
      if (at === SINK) {
        const flow = Math.min(...path.map((edge) => this.#room[edge] as number));
        if (flow === Infinity) throw new Error("a point is tied to both sides");
        for (const edge of path) {
          this.#room[edge] = (this.#room[edge] as number) - flow;
          this.#room[edge ^ 1] = (this.#room[edge ^ 1] as number) + flow;
        }
        path.length = 0;
        continue;
      }
      const edges = this.#out[at] as number[];
      let step = next[at] as number;
      while (step < edges.length && !this.#leads(edges[step] as number, at, levels)) step++;
      next[at] = step;
      if (step < edges.length) path.push(edges[step] as number);
      else if (path.length === 0) return;
      else {
        // A dead end: the edge that led here is passed over from now on.
        const last = path.pop() as number;
        const before = this.#to[last ^ 1] as number;
        next[before] = (next[before] as number) + 1;
      }
    }
  }

  #leads(edge: number, at: number, levels: readonly number[]): boolean {
    return (this.#room[edge] as number) > 0 && levels[this.#to[edge] as number] === (levels[at] as number) + 1;
  }
}
