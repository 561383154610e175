// Room on the disk that is given back when there is none left, so that what must be kept can be.
import { rm, stat, writeFile } from "node:fs/promises";

/** Enough for several times what an agent of a few dozen pods keeps. */
const reserveBytes = 1024 * 1024;

export class Reserve {
  readonly #path: string;
  #isWhole = false;

  constructor(path: string) {
    this.#path = path;
  }

  /** Takes up room again; as much as there is where there is not enough. */
  async keep(): Promise<void> {
    if (this.#isWhole) return;
    const found = await stat(this.#path).catch(() => undefined);
    this.#isWhole = found?.size === reserveBytes;
    if (this.#isWhole) return;
    // What does not fit is left out: it is room that others have taken.
    this.#isWhole = await writeFile(this.#path, Buffer.alloc(reserveBytes), { mode: 0o600 }).then(
      () => true,
      () => false,
    );
  }

  /** Does `write`; once more with the room given back when the disk was full. */
  async spend(write: () => Promise<void>): Promise<void> {
    try {
      await write();
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
      this.#isWhole = false;
      await rm(this.#path, { force: true });
      await write();
    }
  }
}
