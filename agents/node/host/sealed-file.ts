// A file that is there whole or not at all, and tells nothing to who has not its key.
import type { SealedStore } from "../assignment/kept-tokens.ts";
import { Seal } from "./seal.ts";
import { WholeFile } from "./whole-file.ts";

const formatVersion = "1";

export class SealedFile implements SealedStore {
  readonly #file: WholeFile;
  readonly #seal: Seal;

  /** The key is at `<path>-key`. */
  constructor(path: string) {
    this.#file = new WholeFile(path);
    this.#seal = new Seal(`${path}-key`);
  }

  /** Undefined when there is nothing, or nothing that can be opened. */
  async read(): Promise<string | undefined> {
    const [format, sealed = ""] = (await this.#file.read())?.split(" ") ?? [];
    return format === formatVersion ? this.#seal.open(Buffer.from(sealed, "base64")) : undefined;
  }

  async write(text: string): Promise<void> {
    await this.#file.write(`${formatVersion} ${this.#seal.close(text).toString("base64")}`);
  }
}
