// The objects of a kind that another group shows as well, in that group's form.
import type { KubeObject } from "../model/meta.ts";
import type { Resource } from "../model/resource.ts";
import type {
  CreateOutcome,
  Listing,
  ListRequest,
  Place,
  RemovalOptions,
  Removed,
  Storage,
  UpdateOutcome,
} from "./storage.ts";

export class ConvertedStorage implements Storage {
  readonly #kept: Storage;
  readonly #resource: Resource;

  constructor(kept: Storage, resource: Resource) {
    this.#kept = kept;
    this.#resource = resource;
  }

  async read(place: Place): Promise<KubeObject | null> {
    return this.#shown(await this.#kept.read(place));
  }

  async makeUp(place: Place): Promise<KubeObject | null> {
    return this.#shown((await this.#kept.makeUp?.(place)) ?? null);
  }

  async list(request: ListRequest): Promise<Listing> {
    const { objects, preceding = [], rv } = await this.#kept.list(request);
    const shown = (all: readonly KubeObject[]) => all.map((object) => this.#resource.fromStorage(object));
    return { objects: shown(objects), preceding: shown(preceding), rv };
  }

  async create(object: KubeObject, nowMs: number): Promise<CreateOutcome> {
    const outcome = await this.#kept.create(this.#resource.toStorage(object), nowMs);
    if (outcome.outcome !== "created") return outcome;
    return { ...outcome, object: this.#resource.fromStorage(outcome.object) };
  }

  async update(before: KubeObject, after: KubeObject, nowMs: number): Promise<UpdateOutcome> {
    const { toStorage, fromStorage } = this.#resource;
    const outcome = await this.#kept.update(toStorage(before), toStorage(after), nowMs);
    return outcome.outcome === "conflict" ? outcome : { ...outcome, object: fromStorage(outcome.object) };
  }

  async remove(objects: readonly KubeObject[], how: RemovalOptions, nowMs: number): Promise<readonly Removed[]> {
    const { toStorage, fromStorage } = this.#resource;
    const removed = await this.#kept.remove(objects.map(toStorage), how, nowMs);
    return removed.map(({ object, gone }) => ({ object: fromStorage(object), gone }));
  }

  #shown(object: KubeObject | null): KubeObject | null {
    return object === null ? null : this.#resource.fromStorage(object);
  }
}
