// How often each thing was done, and how often each fault struck where: what no counter shows was not tested.

export class Coverage {
  readonly #counts = new Map<string, number>();

  count(what: string, times = 1): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + times);
  }

  of(what: string): number {
    return this.#counts.get(what) ?? 0;
  }

  /** Takes in what another run has counted. */
  add(other: Coverage): void {
    for (const [what, times] of other.#counts) this.count(what, times);
  }

  entries(): readonly (readonly [string, number])[] {
    return [...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1));
  }
}
