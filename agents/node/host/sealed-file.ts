// A file that is there whole or not at all, and tells nothing to who has not its key.
import type { SealedStore } from "../kept-tokens.ts";
import { Seal } from "./seal.ts";
import { WholeFile } from "./whole-file.ts";

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
    const sealed = await this.#file.read();
    return sealed === undefined ? undefined : this.#seal.open(sealed);
  }

  async write(text: string): Promise<void> {
    await this.#file.write(await this.#seal.close(text));
  }
}
