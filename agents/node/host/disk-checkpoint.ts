// The agent's checkpoint on disk: one file for what it is to run, one for what it remembers.
import { join } from "node:path";

import type { Checkpoint, Loaded } from "../ports.ts";
import type { StoredAssignment, StoredMemory } from "../stored.ts";
import { WholeFile } from "./whole-file.ts";

export class DiskCheckpoint implements Checkpoint {
  readonly #assignment: WholeFile;
  readonly #memory: WholeFile;

  constructor(directory: string) {
    this.#assignment = new WholeFile(join(directory, "assignment"));
    this.#memory = new WholeFile(join(directory, "memory"));
  }

  async load(): Promise<Loaded> {
    const [assignment, memory] = await Promise.all([this.#assignment.read(), this.#memory.read()]);
    // Their checksums say that they are as this class wrote them.
    return {
      assignment: assignment === undefined ? undefined : (JSON.parse(assignment) as StoredAssignment),
      memory: memory === undefined ? undefined : (JSON.parse(memory) as StoredMemory),
    };
  }

  saveAssignment(assignment: StoredAssignment): Promise<void> {
    return this.#assignment.write(JSON.stringify(assignment));
  }

  saveMemory(memory: StoredMemory): Promise<void> {
    return this.#memory.write(JSON.stringify(memory));
  }
}
