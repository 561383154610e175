// Events: those that were written, and those of the ordinary start of pods, which are made up from the pods.
import { eventTtlMs } from "../core/event-object.ts";
import type { Pulls } from "../core/lifecycle-events.ts";
import { lifecycleEvents, pullsIn } from "../core/lifecycle-events.ts";
import { parseTimeMs } from "../model/instant.ts";
import { pageObjects } from "../model/limits.ts";
import type { KubeObject } from "../model/meta.ts";
import type { Pod } from "../model/pod.ts";
import type { ObjectStorage } from "./object-storage.ts";
import type { PodStorage } from "./pod-storage.ts";
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

export class EventStorage implements Storage {
  readonly #written: ObjectStorage;
  readonly #pods: PodStorage;
  readonly #nowMs: number;
  /** The one pod whose events are wanted; null: those of all. */
  readonly #pod: Place | null;

  constructor(written: ObjectStorage, pods: PodStorage, nowMs: number, pod: Place | null) {
    this.#written = written;
    this.#pods = pods;
    this.#nowMs = nowMs;
    this.#pod = pod;
  }

  read(place: Place): Promise<KubeObject | null> {
    return this.#written.read(place);
  }

  /** Of the pod that the name is made from; clients that show Events one by one ask for each by its name. */
  async makeUp({ namespace, name }: Place): Promise<KubeObject | null> {
    const podName = podOfMadeUp(name);
    if (podName === null) return null;
    const pods = asPods([await this.#pods.read({ namespace, name: podName })]);
    // Only those about images depend on what was written, which is looked through as a whole.
    const pulls = pods.length > 0 && isOfPull(name) ? await this.#pullsOfAll(namespace) : null;
    const all = pods.flatMap((pod) => lifecycleEvents(pod, pulls, this.#nowMs));
    return all.find(({ metadata }) => metadata.name === name) ?? null;
  }

  async list(request: ListRequest): Promise<Listing> {
    const listing = await this.#written.list(request);
    // Made up ones stand before all others, on the first page.
    if (request.after !== null || request.name !== null) return listing;
    const isWhole = listing.objects.length < request.limit;
    const pulls = isWhole ? pullsIn(listing.objects) : await this.#pulls(request);
    const young = await this.#youngPods(request.namespace);
    const madeUp = young.flatMap((pod) => lifecycleEvents(pod, pulls, this.#nowMs));
    // A list that goes on goes on from its last object, so only a whole one may be put in another order.
    if (!isWhole) return { ...listing, preceding: madeUp };
    // Within one second readers go by the order of the list.
    const all = [...listing.objects, ...madeUp];
    const preceding = [...all.filter(isScheduling), ...listing.objects.filter(isPull), ...madeUp.filter(isLater)];
    return { ...listing, preceding, objects: listing.objects.filter((event) => isLater(event) && !isPull(event)) };
  }

  /** For one pod all Events are looked through, as its reader does too; for all pods that would be too much. */
  async #pulls({ namespace }: ListRequest): Promise<Pulls> {
    return this.#pod === null ? null : this.#pullsOfAll(namespace);
  }

  async #pullsOfAll(namespace: string | null): Promise<Pulls> {
    const found: KubeObject[] = [];
    for (let after: Place | null = null; ; ) {
      const { objects }: Listing = await this.#written.list({
        ...{ namespace, name: null, nodeName: null, after, limit: pageObjects },
      });
      found.push(...objects.filter(({ reason }) => reason === "Pulled"));
      const last = objects.at(-1)?.metadata;
      if (objects.length < pageObjects || last === undefined) return pullsIn(found);
      after = { namespace: last.namespace ?? "", name: last.name ?? "" };
    }
  }

  async #youngPods(namespace: string | null): Promise<readonly Pod[]> {
    if (this.#pod !== null) return asPods([await this.#pods.read(this.#pod)]);
    const young: Pod[] = [];
    for (let after: Place | null = null; ; ) {
      const { objects }: Listing = await this.#pods.list({
        namespace,
        name: null,
        nodeName: null,
        after,
        limit: pageObjects,
      });
      young.push(...asPods(objects).filter((pod) => this.#mayHaveEvents(pod)));
      const last = objects.at(-1)?.metadata;
      if (objects.length < pageObjects || last === undefined) return young;
      after = { namespace: last.namespace ?? "", name: last.name ?? "" };
    }
  }

  /** A pod that has not changed for as long as Events live has none of these any more. */
  #mayHaveEvents({ metadata, status }: Pod): boolean {
    const starts = (status.containerStatuses ?? []).map(({ state }) => parseTimeMs(state?.running?.startedAt) ?? 0);
    const latestMs = Math.max(parseTimeMs(metadata.creationTimestamp) ?? 0, ...starts);
    return this.#nowMs - latestMs < eventTtlMs;
  }

  create(object: KubeObject, nowMs: number): Promise<CreateOutcome> {
    return this.#written.create(object, nowMs);
  }

  update(before: KubeObject, after: KubeObject, nowMs: number): Promise<UpdateOutcome> {
    return this.#written.update(before, after, nowMs);
  }

  remove(objects: readonly KubeObject[], how: RemovalOptions, nowMs: number): Promise<readonly Removed[]> {
    return this.#written.remove(objects, how, nowMs);
  }
}

/** The pod's name in that of an Event as `lifecycleEvents` names them; names of containers have no dots. */
function podOfMadeUp(name: string): string | null {
  return /^(.+)\.(?:scheduled|(?:pulled|created|started)\.[^.]+)$/.exec(name)?.[1] ?? null;
}

function isOfPull(name: string): boolean {
  return /\.pulled\.[^.]+$/.test(name);
}

function isScheduling(event: KubeObject): boolean {
  return event["reason"] === "Scheduled";
}

function isLater(event: KubeObject): boolean {
  return !isScheduling(event);
}

function isPull(event: KubeObject): boolean {
  return event["reason"] === "Pulling" || event["reason"] === "Pulled";
}

function asPods(objects: readonly (KubeObject | null)[]): readonly Pod[] {
  // Stored as pods, so they are.
  return objects.flatMap((object) => (object === null ? [] : [object as Pod]));
}
