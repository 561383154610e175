// One pass at a time: calls to a Durable Object interleave at every await, so a pass runs only through this.

/** Runs `pass` now, or once more after the running one. Resolves when a pass that began after the call has ended. */
export class Latch {
  readonly #pass: () => Promise<void>;
  #running: Promise<void> | null = null;
  #next: Promise<void> | null = null;

  constructor(pass: () => Promise<void>) {
    this.#pass = pass;
  }

  run(): Promise<void> {
    if (this.#next !== null) return this.#next;
    if (this.#running === null) return this.#start();
    const start = () => this.#start();
    this.#next = this.#running.then(start, start);
    return this.#next;
  }

  #start(): Promise<void> {
    this.#next = null;
    const running = this.#pass().finally(() => {
      if (this.#running === running) this.#running = null;
    });
    this.#running = running;
    return running;
  }
}
