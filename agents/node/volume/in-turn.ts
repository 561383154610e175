// Lets one thing be done at a time for each key.

export class InTurn {
  readonly #last = new Map<string, Promise<unknown>>();

  async take<T>(key: string, run: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key) ?? Promise.resolve();
    const mine = before.then(run, run);
    const quiet = mine.catch(() => {});
    this.#last.set(key, quiet);
    try {
      return await mine;
    } finally {
      if (this.#last.get(key) === quiet) this.#last.delete(key);
    }
  }
}
