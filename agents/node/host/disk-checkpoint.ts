// The agent's checkpoint on disk: one file for what it is to run, one for what it remembers, and a sealed one for the
// ConfigMaps and Secrets of its pods.
import { join } from "node:path";

import type { HeldObject } from "../assignment/objects.ts";
import type { StoredAssignment, StoredMemory } from "../assignment/stored.ts";
import type { Checkpoint, Loaded } from "../ports.ts";
import { Reserve } from "./reserve.ts";
import { SealedFile } from "./sealed-file.ts";
import { WholeFile } from "./whole-file.ts";

export class DiskCheckpoint implements Checkpoint {
  readonly #assignment: WholeFile;
  readonly #memory: WholeFile;
  readonly #objects: SealedFile;
  readonly #reserve: Reserve;

  constructor(directory: string) {
    this.#assignment = new WholeFile(join(directory, "assignment"));
    this.#memory = new WholeFile(join(directory, "memory"));
    this.#objects = new SealedFile(join(directory, "objects"));
    this.#reserve = new Reserve(join(directory, "reserve"));
  }

  async load(): Promise<Loaded> {
    const [assignment, memory, objects] = await Promise.all([
      this.#assignment.read(),
      this.#memory.read(),
      this.#objects.read(),
    ]);
    // Their checksums say that they are as this class wrote them.
    return {
      assignment: assignment === undefined ? undefined : (JSON.parse(assignment) as StoredAssignment),
      memory: memory === undefined ? undefined : (JSON.parse(memory) as StoredMemory),
      objects: objects === undefined ? undefined : (JSON.parse(objects) as readonly HeldObject[]),
    };
  }

  saveAssignment(assignment: StoredAssignment): Promise<void> {
    return this.#write(this.#assignment, JSON.stringify(assignment));
  }

  saveMemory(memory: StoredMemory): Promise<void> {
    return this.#write(this.#memory, JSON.stringify(memory));
  }

  saveObjects(objects: readonly HeldObject[]): Promise<void> {
    return this.#write(this.#objects, JSON.stringify(objects));
  }

  /** A disk that pods have filled must not keep the agent from hearing that they are to go. */
  async #write(file: WholeFile | SealedFile, body: string): Promise<void> {
    await this.#reserve.spend(() => file.write(body));
    await this.#reserve.keep();
  }
}
