// What a test has set up, so that all of it goes again, however far it came.

export class Undo {
  readonly #steps: (() => unknown)[] = [];

  /** What was set up last goes first. */
  add(step: () => unknown): void {
    this.#steps.push(step);
  }

  /** One step that fails keeps none of the others from being made. Throws in the end if there was one. */
  async all(): Promise<void> {
    const problems: unknown[] = [];
    for (const step of this.#steps.splice(0).reverse()) {
      try {
        await step();
      } catch (error) {
        problems.push(error);
      }
    }
    if (problems.length > 0) throw new AggregateError(problems, `not all was taken away: ${problems.join("; ")}`);
  }
}
