// A client that watches: reads the stream of events line by line.
import { exports } from "cloudflare:workers";
import { assert } from "vitest";

import type { KubeObject } from "../../../src/model/meta.ts";
import { request } from "./api.ts";
import { until } from "./until.ts";

export type SeenEvent = { readonly type: string; readonly object: KubeObject };

export class Watching {
  /** What came so far, blank lines left out. */
  readonly events: SeenEvent[] = [];
  /** Blank lines, which say that the watch is still there. */
  blanks = 0;
  readonly contentType: string;
  /** How the stream ended; null: it goes on. */
  ended: "in good order" | "cut off" | null = null;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #rest = "";

  private constructor(response: Response, reads: boolean) {
    assert(response.body !== null);
    this.contentType = response.headers.get("content-type") ?? "";
    this.#reader = response.body.getReader();
    if (reads) this.read();
  }

  /** Watches `path`, whose query may say where to start. */
  static async start(
    path: string,
    options: { readonly accept?: string; readonly reads?: boolean } = {},
  ): Promise<Watching> {
    const { accept, reads = true } = options;
    const separator = path.includes("?") ? "&" : "?";
    const call = accept === undefined ? {} : { accept };
    const response = await exports.default.fetch(request(`${path}${separator}watch=true`, call));
    assert(response.status === 200, `watching ${path}: ${response.status}`);
    return new Watching(response, reads);
  }

  /** Begins to read, for a client that did not. */
  read(): void {
    this.#readAll().then(
      () => {
        this.ended = "in good order";
      },
      () => {
        this.ended = "cut off";
      },
    );
  }

  async #readAll(): Promise<void> {
    const decoder = new TextDecoder();
    for (;;) {
      const { done, value } = await this.#reader.read();
      if (done) return;
      const lines = (this.#rest + decoder.decode(value, { stream: true })).split("\n");
      this.#rest = lines.pop() ?? "";
      // Events are written by the API.
      for (const line of lines) {
        if (line === "") this.blanks += 1;
        else this.events.push(JSON.parse(line) as SeenEvent);
      }
    }
  }

  /** All events up to the first that `isLast` picks. */
  async seen(what: string, isLast: (event: SeenEvent) => boolean): Promise<readonly SeenEvent[]> {
    return until(`the watch has seen ${what}`, () => (this.events.some(isLast) ? this.events : null));
  }

  async seenRv(rv: number): Promise<readonly SeenEvent[]> {
    return this.seen(`resourceVersion ${rv}`, ({ object }) => Number(object.metadata.resourceVersion) >= rv);
  }

  async stop(): Promise<void> {
    await this.#reader.cancel().catch(() => {});
  }

  async end(): Promise<"in good order" | "cut off"> {
    return until("the watch has ended", () => this.ended);
  }
}

/** `TYPE name` of each event. */
export function told(events: readonly SeenEvent[]): readonly string[] {
  return events.map(({ type, object }) => `${type} ${object.metadata.name}`);
}

export function rvsOf(events: readonly SeenEvent[]): readonly number[] {
  return events.map(({ object }) => Number(object.metadata.resourceVersion));
}
