// A machine's disk: what an agent keeps there, and copies of it from earlier that may be put back.
import type { Loaded } from "../../../agents/node/ports.ts";

/** Texts as they are on the disk; undefined: not there. */
export type DiskContent = {
  readonly assignment: string | undefined;
  readonly memory: string | undefined;
  readonly objects: string | undefined;
  readonly credential: string | undefined;
};

const blank: DiskContent = { assignment: undefined, memory: undefined, objects: undefined, credential: undefined };
const mostCopies = 4;

export class Disk {
  #content = blank;
  readonly #copies: DiskContent[] = [];
  isFull = false;

  get content(): DiskContent {
    return this.#content;
  }

  write(change: Partial<DiskContent>): void {
    this.#content = { ...this.#content, ...change };
  }

  loaded(): Loaded {
    const { assignment, memory, objects } = this.#content;
    return {
      // As the agent wrote them.
      assignment: assignment === undefined ? undefined : (JSON.parse(assignment) as Loaded["assignment"]),
      memory: memory === undefined ? undefined : (JSON.parse(memory) as Loaded["memory"]),
      objects: objects === undefined ? undefined : (JSON.parse(objects) as Loaded["objects"]),
    };
  }

  copy(): void {
    this.#copies.push(this.#content);
    if (this.#copies.length > mostCopies) this.#copies.shift();
  }

  /** Puts the oldest copy back; false when there is none. */
  restore(): boolean {
    const [oldest] = this.#copies;
    if (oldest !== undefined) this.#content = oldest;
    return oldest !== undefined;
  }

  wipe(): void {
    this.#content = blank;
  }
}
