// Byte streams as the Workers platform has them, resolving in microtasks alone: Node's own take turns of the event loop,
// which would let real time into the simulated one.

type Written = { readonly bytes: Uint8Array; readonly resolve: () => void; readonly reject: (error: unknown) => void };
type Chunk = { readonly done: false; readonly value: Uint8Array } | { readonly done: true; value?: undefined };

/** One end writes, the other reads; a write is done when it has been read. */
class Pipe {
  readonly writes: Written[] = [];
  readonly closed: Promise<void>;
  #settle: { resolve: () => void; reject: (error: unknown) => void } | null = null;
  #state: "open" | "closing" | "closed" | "failed" = "open";
  #error: unknown = null;
  #wake: (() => void) | null = null;

  constructor() {
    this.closed = new Promise<void>((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    // Whoever minds looks at it.
    this.closed.catch(() => {});
  }

  write(bytes: Uint8Array): Promise<void> {
    if (this.#state !== "open") return Promise.reject(new TypeError("the stream takes no more writes"));
    return new Promise((resolve, reject) => {
      this.writes.push({ bytes, resolve, reject });
      this.#wake?.();
    });
  }

  async close(): Promise<void> {
    if (this.#state !== "open") throw new TypeError("the stream is closed");
    this.#state = "closing";
    this.#wake?.();
    await this.closed;
  }

  fail(error: unknown): void {
    if (this.#state === "closed" || this.#state === "failed") return;
    this.#state = "failed";
    this.#error = error;
    for (const { reject } of this.writes.splice(0)) reject(error);
    this.#settle?.reject(error);
    this.#wake?.();
  }

  async read(): Promise<Chunk> {
    for (;;) {
      const next = this.writes.shift();
      if (next !== undefined) {
        next.resolve();
        return { done: false, value: next.bytes };
      }
      if (this.#state === "failed") throw this.#error;
      if (this.#state !== "open") {
        this.#state = "closed";
        this.#settle?.resolve();
        return { done: true };
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

export class SimReadable {
  readonly #pipe: Pick<Pipe, "read" | "fail">;

  constructor(pipe: Pick<Pipe, "read" | "fail">) {
    this.#pipe = pipe;
  }

  getReader() {
    return {
      read: () => this.#pipe.read(),
      cancel: async (reason?: unknown) => this.#pipe.fail(reason ?? new Error("the reader went away")),
      releaseLock: () => {},
    };
  }

  async cancel(reason?: unknown): Promise<void> {
    this.#pipe.fail(reason ?? new Error("the reader went away"));
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (;;) {
      const chunk = await this.#pipe.read();
      if (chunk.done) return;
      yield chunk.value;
    }
  }
}

/** What is written comes out as it is. */
export class IdentityTransformStream {
  readonly readable: SimReadable;
  readonly writable: {
    getWriter(): {
      readonly closed: Promise<void>;
      write(bytes: Uint8Array): Promise<void>;
      close(): Promise<void>;
      abort(reason?: unknown): Promise<void>;
    };
  };

  constructor() {
    const pipe = new Pipe();
    this.readable = new SimReadable(pipe);
    this.writable = {
      getWriter: () => ({
        closed: pipe.closed,
        write: (bytes) => pipe.write(bytes),
        close: () => pipe.close(),
        abort: async (reason) => pipe.fail(reason ?? new Error("the writer gave up")),
      }),
    };
  }
}

/** A stream of one piece. */
export function streamOf(bytes: Uint8Array): SimReadable {
  const pipe = new Pipe();
  if (bytes.byteLength > 0) void pipe.write(bytes);
  void pipe.close();
  return new SimReadable(pipe);
}
