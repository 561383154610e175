// What the node is to run, as the control plane said last: taken in, kept on disk, and what of it is still to come.
import type { SyncAnswer, SyncRequest } from "../../../src/sync/messages.ts";
import type { Checkpoint, Loaded, Log } from "../ports.ts";
import { HeldObjects, noHeldObjects } from "./held-objects.ts";
import type { HeldObject } from "./objects.ts";
import type { StoredAssignment } from "./stored.ts";
import { templatesFor } from "./templates.ts";

export const emptyAssignment: StoredAssignment = { revision: 0, etag: "", pods: [], templates: {} };

/**
 * `old`: the answer changes nothing; `unusable`: asking again may bring something that can be used; `whole`, `partial`:
 * it was taken in, and all of it was there or something is still to come. `gained`: something was there that was not
 * before.
 */
export type Taken =
  | { readonly kind: "old" }
  | { readonly kind: "unusable" }
  | { readonly kind: "whole" | "partial"; readonly gained: boolean };

export class Desired {
  readonly #checkpoint: Checkpoint;
  readonly #log: Log;
  /** Undefined: not known; nothing is started or ended by itself then. */
  #assignment: StoredAssignment | undefined;
  #objects = noHeldObjects;
  /** A revision that may be on the disk though its write failed: nothing older may take its place. */
  #perhapsSaved = 0;

  constructor(checkpoint: Checkpoint, log: Log) {
    this.#checkpoint = checkpoint;
    this.#log = log;
  }

  get assignment(): StoredAssignment | undefined {
    return this.#assignment;
  }

  get objects(): HeldObjects {
    return this.#objects;
  }

  /** What an earlier life of the agent left. */
  resume({ assignment, objects }: Pick<Loaded, "assignment" | "objects">): void {
    this.#objects = new HeldObjects(assignment?.objects, objectsNamedIn(assignment, objects ?? []));
    const isWhole = assignment === undefined || this.#objects.isComplete;
    // What the disk has lost comes again.
    this.#assignment = isWhole ? assignment : { ...assignment, etag: "" };
  }

  have(): SyncRequest["have"] {
    const { revision, etag, templates } = this.#assignment ?? emptyAssignment;
    return { revision, etag, templates: Object.keys(templates), objects: this.#objects.versions };
  }

  /** `have`: what the agent says that it has. Throws when the disk does not take it. */
  async take(answer: SyncAnswer, have: SyncRequest["have"], isStopped: () => boolean): Promise<Taken> {
    const { pods, revision, etag } = answer;
    if (pods === undefined) return { kind: revision > have.revision && etag !== have.etag ? "unusable" : "old" };
    // Late, repeated or out of a backup. An agent that has no etag of this revision asked for it.
    if (revision < this.#perhapsSaved || revision < have.revision) return { kind: "old" };
    if (revision === have.revision && have.etag !== "") return { kind: "old" };
    this.#perhapsSaved = revision;
    const { templates, missing } = templatesFor(pods, answer, this.#assignment?.templates ?? {});
    const isComplete = missing.length === 0;
    if (!isComplete) this.#log.warn("an assignment came without templates", { revision, missing });
    const objects = this.#objects.after(answer.objects);
    const isWhole = isComplete && objects.isComplete;
    // Without an etag the next message asks for everything again.
    const assignment: StoredAssignment = {
      revision,
      etag: isWhole ? etag : "",
      pods,
      templates,
      ...(objects.named === undefined ? {} : { objects: objects.named }),
    };
    await this.#save(assignment, objects);
    if (isStopped()) return { kind: "old" };
    const versions = new Set(this.#objects.versions);
    const gained = isComplete && objects.versions.some((version) => !versions.has(version));
    this.#assignment = assignment;
    this.#objects = objects;
    return { kind: isWhole ? "whole" : "partial", gained };
  }

  /** The node is gone from the cluster. Throws when the disk does not take it. */
  async retire(isStopped: () => boolean): Promise<void> {
    await this.#save(emptyAssignment, noHeldObjects);
    if (isStopped()) return;
    this.#assignment = emptyAssignment;
    this.#objects = noHeldObjects;
  }

  /** At no moment does the disk lack an object that the assignment on it names. */
  async #save(assignment: StoredAssignment, objects: HeldObjects): Promise<void> {
    const before = this.#objects.held;
    const kept = new Set(objects.held);
    const added = objects.held.some((object) => !before.includes(object));
    const named = new Set(objects.held.map(placeOf));
    const unnamed = before.filter((object) => !kept.has(object) && !named.has(placeOf(object)));
    if (added) await this.#checkpoint.saveObjects([...unnamed, ...objects.held]);
    await this.#checkpoint.saveAssignment(assignment);
    if (unnamed.length === 0) return;
    try {
      await this.#checkpoint.saveObjects(objects.held);
    } catch (error) {
      this.#log.warn("objects that no pod names are still on the disk", { problem: String(error) });
    }
  }
}

function placeOf({ kind, namespace, name }: Pick<HeldObject, "kind" | "namespace" | "name">): string {
  return `${kind}/${namespace}/${name}`;
}

/** What else is on the disk is left from before. */
function objectsNamedIn(assignment: StoredAssignment | undefined, held: readonly HeldObject[]): readonly HeldObject[] {
  const named = new Set((assignment?.objects ?? []).filter(({ version }) => version !== "").map(placeOf));
  return held.filter((object) => named.has(placeOf(object)));
}
