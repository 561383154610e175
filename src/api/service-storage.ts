// Services: objects like others, but each with an address that no other has.
import { invalidError } from "../model/api-error.ts";
import type { KubeObject } from "../model/meta.ts";
import type { Service } from "../model/service.ts";
import { services } from "../model/service.ts";
import { withNextAddress } from "../model/service-addresses.ts";
import { takenAddressError } from "../model/validation/service.ts";
import { runBatch } from "../store/batch.ts";
import { isAddressConflict, readAddressTaken } from "../store/services.ts";
import type { ObjectStorage } from "./object-storage.ts";
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

/** Of a million addresses: even if most are taken, a free one is found. */
const mostTries = 32;

export class ServiceStorage implements Storage {
  readonly #db: D1Database;
  readonly #objects: ObjectStorage;

  constructor(db: D1Database, objects: ObjectStorage) {
    this.#db = db;
    this.#objects = objects;
  }

  read(place: Place): Promise<KubeObject | null> {
    return this.#objects.read(place);
  }

  list(request: ListRequest): Promise<Listing> {
    return this.#objects.list(request);
  }

  remove(objects: readonly KubeObject[], how: RemovalOptions, nowMs: number): Promise<readonly Removed[]> {
    return this.#objects.remove(objects, how, nowMs);
  }

  create(object: KubeObject, nowMs: number): Promise<CreateOutcome> {
    return this.#withFreeAddress(object, async (service) => {
      const outcome = await this.#objects.create(service, nowMs);
      if (outcome.outcome === "created" || outcome.outcome === "exists") return outcome;
      return (await this.#isTaken(service)) ? null : outcome;
    });
  }

  update(before: KubeObject, after: KubeObject, nowMs: number): Promise<UpdateOutcome> {
    return this.#withFreeAddress(after, async (service) => {
      try {
        return await this.#objects.update(before, service, nowMs);
      } catch (error) {
        if (isAddressConflict(error)) return null;
        throw error;
      }
    });
  }

  preview(before: KubeObject | null, after: KubeObject): Promise<KubeObject> {
    // Stored as a Service, so it is one.
    const own = (before as Service | null)?.spec.clusterIP;
    return this.#withFreeAddress(after, async (service) => {
      const isFree = service.spec.clusterIP === own || !(await this.#isTaken(service));
      return isFree ? service : null;
    });
  }

  async #isTaken({ spec }: Service): Promise<boolean> {
    const [isTaken] = await runBatch(this.#db, [readAddressTaken(this.#db, spec.clusterIP ?? "")]);
    return isTaken;
  }

  /** Writes the Service with one address after the other, until there is one that no other has (`write` returns null). */
  async #withFreeAddress<Outcome>(
    object: KubeObject,
    write: (service: Service) => Promise<Outcome | null>,
  ): Promise<Outcome> {
    // Decoded as a Service before it came here.
    let service = object as Service;
    const { name = "", uid = "" } = service.metadata;
    for (let tries = 1; ; tries += 1) {
      const outcome = await write(service);
      if (outcome !== null) return outcome;
      const spec = tries === mostTries ? null : withNextAddress(service.spec, uid, tries);
      if (spec === null) throw invalidError(services, name, [takenAddressError(service.spec.clusterIPs ?? [])]);
      service = { ...service, spec };
    }
  }
}
