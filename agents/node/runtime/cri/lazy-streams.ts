// Sessions of people are few: what they take is loaded with the first one.
import type { RuntimeStreams, StreamOptions } from "../runtime.ts";
import type { CriClient } from "./service.ts";
import type { CriStreams } from "./streams.ts";

export class LazyCriStreams implements RuntimeStreams {
  readonly #client: CriClient;
  #streams: CriStreams | undefined;

  constructor(client: CriClient) {
    this.#client = client;
  }

  async exec(id: string, command: readonly string[], options: StreamOptions) {
    return (await this.#load()).exec(id, command, options);
  }

  async attach(id: string, options: StreamOptions) {
    return (await this.#load()).attach(id, options);
  }

  async portForward(sandboxId: string, port: number) {
    return (await this.#load()).portForward(sandboxId, port);
  }

  async #load(): Promise<CriStreams> {
    const { CriStreams: Loaded } = await import("./streams.ts");
    this.#streams ??= new Loaded(this.#client);
    return this.#streams;
  }
}
