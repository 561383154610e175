// One pass over the endpoints of all Services that select pods: reads on in the log, decides, writes what has changed.
import { endpointsObject, isManaged, serviceFacts, serviceNameLabel, sliceObject } from "../core/endpoint-objects.ts";
import type { Placed, ServiceFacts, Slice, SlicePlan } from "../core/endpoints.ts";
import { endpointOf, endpointSubsets, placeEndpoints, selects } from "../core/endpoints.ts";
import { generatedName, nameSuffix } from "../core/hash.ts";
import type { EndpointSlice } from "../model/endpoint-slice.ts";
import { semanticEqual } from "../model/equality.ts";
import { parseTimeMs } from "../model/instant.ts";
import type { KubeObject } from "../model/meta.ts";
import { podFromTemplate } from "../model/pod-template.ts";
import type { Service } from "../model/service.ts";
import { runBatch } from "../store/batch.ts";
import type { EndpointsLedger, Kept, KeptSlice, Tracked } from "../store/endpoints-ledger.ts";
import { trackedKey } from "../store/endpoints-ledger.ts";
import type { Change } from "../store/log.ts";
import { readHead, readLog } from "../store/log.ts";
import type { NewObject } from "../store/objects.ts";
import { insertObjects, readObject, readObjects, removeObjects, updateObjects, writtenKey } from "../store/objects.ts";
import type { PodRow } from "../store/pod-rows.ts";
import { loggedPodRow } from "../store/pod-rows.ts";
import { readPods } from "../store/pods.ts";
import type { TemplateCache } from "../store/template-cache.ts";

const endpointsOrigin = "endpoints";
const sliceResource = "endpointslices.discovery.k8s.io";
const changesAtOnce = 2_000;
const podsAtOnce = 5_000;
const mostServices = 10_000;
const cursorKey = "cursor";
const passedOver = 1_000;

export type EndpointsOutcome = {
  /** How many objects were written. */
  readonly written: number;
  /** True: somebody else wrote in between, and it has to be tried again. */
  readonly isBehind: boolean;
};

/** What is to be done about a Service: endpoints to place, by pod; or everything anew. */
type Work = { readonly changes: Map<string, Placed | null>; anew: boolean };

export class EndpointsPass {
  readonly #db: D1Database;
  readonly #storage: DurableObjectStorage;
  readonly #ledger: EndpointsLedger;
  readonly #templates: TemplateCache;
  readonly #work = new Map<string, Work>();
  #written = 0;

  constructor(db: D1Database, storage: DurableObjectStorage, ledger: EndpointsLedger, templates: TemplateCache) {
    this.#db = db;
    this.#storage = storage;
    this.#ledger = ledger;
    this.#templates = templates;
  }

  async run(nowMs: number): Promise<EndpointsOutcome> {
    this.#written = 0;
    const cursor = this.#storage.kv.get<number>(cursorKey) ?? null;
    // The few Services are quicker read than the log, as long as none of them selects anything.
    const mustBegin = cursor === null || this.#ledger.namespaces().length === 0;
    const reached = mustBegin ? await this.#begin(nowMs) : await this.#follow(cursor, nowMs);
    const busy = [...this.#work].filter(([, { anew, changes }]) => anew || changes.size > 0);
    for (const [key, work] of busy) {
      if (await this.#carryOut(key, work, nowMs)) this.#work.delete(key);
      else work.anew = true;
    }
    // What was acted on has to be remembered; the rest is passed over again, as long as it is little.
    const isWorthKeeping = cursor === null || busy.length > 0 || (!mustBegin && reached - cursor >= passedOver);
    const isBehind = this.#work.size > 0;
    if (isWorthKeeping && !isBehind) this.#storage.kv.put(cursorKey, reached);
    return { written: this.#written, isBehind };
  }

  /** The log does not tell: everything is looked at as it is. */
  async #begin(nowMs: number): Promise<number> {
    const query = { resource: "services", namespace: null, after: null, limit: mostServices };
    const [head, services] = await runBatch(this.#db, [readHead(this.#db), readObjects(this.#db, query)]);
    const present = new Set<string>();
    for (const object of services) {
      // Stored as a Service, so it is one.
      const facts = serviceFacts(object as Service);
      if (facts === null) continue;
      present.add(trackedKey(facts));
      this.#track(facts);
      this.#workOn(trackedKey(facts)).anew = true;
    }
    for (const { service } of [...this.#ledger.all()]) {
      if (!present.has(trackedKey(service))) await this.#drop(service, nowMs);
    }
    return head;
  }

  async #follow(from: number, nowMs: number): Promise<number> {
    let cursor = from;
    for (;;) {
      const concern = {
        kind: "selected",
        always: "services",
        within: ["pods", "endpoints", sliceResource],
        namespaces: this.#ledger.namespaces(),
        exceptOrigin: endpointsOrigin,
      } as const;
      const [page] = await runBatch(this.#db, [readLog(this.#db, { cursor, limit: changesAtOnce, concern })]);
      if (page.hasGap) return this.#begin(nowMs);
      const rows = page.changes.filter(({ resource }) => resource === "pods").map(loggedPodRow);
      await this.#templates.load(rows.map(({ template }) => template));
      for (const change of page.changes) await this.#take(change, nowMs);
      cursor = page.reached;
      if (!page.hasMore) return cursor;
    }
  }

  async #take(change: Change, nowMs: number): Promise<void> {
    const { resource, namespace, name } = change;
    switch (resource) {
      case "services":
        return this.#takeService(change, nowMs);
      case "pods":
        return this.#takePod(change);
      case "endpoints":
        if (this.#ledger.get({ namespace, name }) !== undefined) this.#workOn(`${namespace}/${name}`).anew = true;
        return;
      default: {
        // Somebody else wrote a slice of a Service that is looked after here.
        const { metadata } = JSON.parse(change.body) as KubeObject;
        const service = metadata.labels?.[serviceNameLabel] ?? "";
        const isOurs = isManaged(metadata) && this.#ledger.get({ namespace, name: service }) !== undefined;
        if (isOurs) this.#workOn(`${namespace}/${service}`).anew = true;
      }
    }
  }

  async #takeService(change: Change, nowMs: number): Promise<void> {
    // Stored as a Service, so it is one.
    const facts = change.type === "DELETED" ? null : serviceFacts(JSON.parse(change.body) as Service);
    const known = this.#ledger.get(change);
    if (change.type === "DELETED") {
      if (known !== undefined) await this.#drop(known.service, nowMs);
      return;
    }
    if (facts === null) return this.#forget(change);
    if (JSON.stringify(known?.service) === JSON.stringify(facts)) return;
    this.#track(facts);
    this.#workOn(trackedKey(facts)).anew = true;
  }

  #takePod(change: Change): void {
    const row = loggedPodRow(change);
    const { labels } = this.#templates.get(row.template).metadata;
    for (const { service } of this.#ledger.all()) {
      if (service.namespace !== change.namespace) continue;
      const isMeant = change.type !== "DELETED" && selects(service, labels);
      // One that was picked before by other labels is taken out; of one that never was this changes nothing.
      this.#workOn(trackedKey(service)).changes.set(change.uid, isMeant ? this.#placed(service, row) : null);
    }
  }

  #placed(service: ServiceFacts, row: PodRow): Placed | null {
    return endpointOf(service, podFromTemplate(this.#templates.get(row.template), row));
  }

  #workOn(key: string): Work {
    const work = this.#work.get(key) ?? { changes: new Map<string, Placed | null>(), anew: false };
    this.#work.set(key, work);
    return work;
  }

  #track(service: ServiceFacts): void {
    const known = this.#ledger.get(service);
    this.#ledger.keep({ service, slices: known?.slices ?? [], endpoints: known?.endpoints ?? null }, new Set());
  }

  #forget(key: { readonly namespace: string; readonly name: string }): void {
    this.#work.delete(trackedKey(key));
    this.#ledger.forget(key);
  }

  /** The slices have the Service for their owner and go with it; Endpoints have none. */
  async #drop(service: ServiceFacts, nowMs: number): Promise<void> {
    const { namespace, name } = service;
    this.#forget(service);
    const key = { resource: "endpoints", namespace, name };
    const [object] = await runBatch(this.#db, [readObject(this.#db, key)]);
    if (object === null) return;
    const removal = { ...key, uid: object.metadata.uid ?? "", expectRv: null, owners: [] };
    await runBatch(this.#db, [removeObjects(this.#db, [removal], { nowMs, origin: endpointsOrigin })]);
    this.#written += 1;
  }

  /** False: somebody else wrote in between. */
  async #carryOut(key: string, { changes, anew }: Work, nowMs: number): Promise<boolean> {
    const [namespace = "", name = ""] = key.split("/");
    const known = this.#ledger.get({ namespace, name });
    if (known === undefined) return true;
    const newName = () => this.#newName(known.service);
    if (!anew) return this.#write(known, { plan: placeEndpoints(known.slices, changes, newName), stored: null }, nowMs);
    const { tracked, stored } = await this.#read(known);
    const plan = placeEndpoints(tracked.slices, await this.#wanted(tracked), newName);
    return this.#write(tracked, { plan, stored }, nowMs);
  }

  #newName({ name }: ServiceFacts): string {
    return generatedName(
      `${name}-`,
      nameSuffix((below) => Math.floor(Math.random() * below)),
    );
  }

  /** The Service's slices and Endpoints as they are stored. */
  async #read({ service }: Tracked): Promise<{ readonly tracked: Tracked; readonly stored: Stored }> {
    const { namespace, name } = service;
    const [slices, endpoints] = await runBatch(this.#db, [
      readObjects(this.#db, { resource: sliceResource, namespace, after: null, limit: mostServices }),
      readObject(this.#db, { resource: "endpoints", namespace, name }),
    ]);
    const own = slices.filter(({ metadata }) => isManaged(metadata) && metadata.labels?.[serviceNameLabel] === name);
    const stored = new Map(
      [...own, ...(endpoints === null ? [] : [endpoints])].map((object) => [idOf(object), object]),
    );
    const tracked = { service, slices: own.map(keptSlice), endpoints: endpoints === null ? null : kept(endpoints) };
    return { tracked, stored };
  }

  /** Every endpoint that there should be, and null for those that stand in a slice and should not. */
  async #wanted({ service, slices }: Tracked): Promise<ReadonlyMap<string, Placed | null>> {
    const wanted = new Map<string, Placed | null>(
      slices.flatMap(({ endpoints }) => endpoints.map(({ targetRef }) => [targetRef?.uid ?? "", null] as const)),
    );
    const { namespace } = service;
    let after: { readonly namespace: string; readonly name: string } | null = null;
    for (;;) {
      const [rows]: [readonly PodRow[]] = await runBatch(this.#db, [
        readPods(this.#db, { namespace, after, limit: podsAtOnce }),
      ]);
      await this.#templates.load(rows.map(({ template }) => template));
      for (const row of rows) {
        const isMeant = selects(service, this.#templates.get(row.template).metadata.labels);
        const placed = isMeant ? this.#placed(service, row) : null;
        if (placed !== null) wanted.set(row.uid, placed);
      }
      if (rows.length < podsAtOnce) return wanted;
      after = rows.at(-1) ?? null;
    }
  }

  async #write(before: Tracked, { plan, stored }: Writing, nowMs: number): Promise<boolean> {
    const { service } = before;
    const { namespace } = service;
    const known = new Map(before.slices.map((slice) => [slice.name, slice]));
    const next = plan.slices.map((slice) => {
      const old = known.get(slice.name);
      const isOther =
        plan.changed.has(slice.name) || !isAsStored(stored, sliceObject(service, slice, old ?? unwritten));
      return { isOther, slice: nextSlice(slice, old, isOther, nowMs) };
    });
    const slices = next.map(({ slice }) => slice);
    const changed = next.filter(({ isOther }) => isOther).map(({ slice }) => slice);
    const endpoints = before.endpoints ?? { uid: crypto.randomUUID(), rv: 0, createdMs: nowMs };
    const endpointsNow = endpointsObject(service, slices, endpoints);
    const writesEndpoints =
      before.endpoints === null || !isAsStored(stored, endpointsNow) || !sameSubsets(before.slices, slices);
    const context = { nowMs, origin: endpointsOrigin };
    const [newSlices, oldSlices, newEndpoints, oldEndpoints] = await runBatch(this.#db, [
      insertObjects(
        this.#db,
        changed.filter(({ rv }) => rv === 0).map((slice) => rowOf(service, slice)),
        context,
      ),
      updateObjects(
        this.#db,
        changed
          .filter(({ rv }) => rv > 0)
          .map((slice) => ({ ...rowOf(service, slice), expectRv: slice.rv, previous: null })),
        context,
      ),
      insertObjects(this.#db, writesEndpoints && endpoints.rv === 0 ? [row("endpoints", endpointsNow)] : [], context),
      updateObjects(
        this.#db,
        writesEndpoints && endpoints.rv > 0
          ? [{ ...row("endpoints", endpointsNow), expectRv: endpoints.rv, previous: null }]
          : [],
        context,
      ),
      removeObjects(
        this.#db,
        before.slices
          .filter(({ name }) => plan.removed.has(name))
          .map(({ name, uid }) => ({
            resource: sliceResource,
            namespace,
            name,
            uid,
            expectRv: null,
            owners: [service.uid],
          })),
        context,
      ),
    ]);
    const slicesWritten = new Map([...newSlices, ...oldSlices]);
    const endpointsWritten = new Map([...newEndpoints, ...oldEndpoints]);
    this.#written += slicesWritten.size + endpointsWritten.size + plan.removed.size;
    const numbered = slices.map((slice) => ({
      ...slice,
      rv: slicesWritten.get(writtenKey({ namespace, name: slice.name })) ?? slice.rv,
    }));
    const rv = endpointsWritten.get(writtenKey(service));
    const after = writesEndpoints ? { ...endpoints, rv: rv ?? endpoints.rv } : before.endpoints;
    // What is read anew may be other than what was remembered even where nothing had to be written.
    const names = new Set((stored === null ? changed : slices).map(({ name }) => name));
    this.#ledger.keep({ service, slices: numbered, endpoints: after }, names);
    return slicesWritten.size === changed.length && (!writesEndpoints || rv !== undefined);
  }
}

/** Objects as they are stored, by `kind name`. */
type Stored = ReadonlyMap<string, KubeObject>;

type Writing = {
  readonly plan: SlicePlan;
  /** Null: as the ledger has it, which is as it was written. */
  readonly stored: Stored | null;
};

const unwritten = { uid: "", generation: 1, createdMs: 0 };

function idOf({ kind, metadata }: KubeObject): string {
  return `${kind} ${metadata.name ?? ""}`;
}

/** Whether an object that is not known to have changed is stored as it should be. */
function isAsStored(stored: Stored | null, object: KubeObject): boolean {
  if (stored === null) return true;
  const found = stored.get(idOf(object));
  if (found === undefined) return false;
  const { metadata: a, ...body } = object;
  const { metadata: b, ...foundBody } = found;
  const fields = ["labels", "annotations", "ownerReferences"] as const;
  return semanticEqual(body, foundBody) && fields.every((field) => semanticEqual(a[field], b[field]));
}

function rowOf(service: ServiceFacts, slice: KeptSlice): NewObject {
  return row(sliceResource, sliceObject(service, slice, slice));
}

function keptSlice(object: KubeObject): KeptSlice {
  // Read as an EndpointSlice, so it is one.
  const { metadata, ports, endpoints } = object as unknown as EndpointSlice;
  return {
    ...kept(object),
    name: metadata.name ?? "",
    generation: metadata.generation ?? 1,
    ports: ports ?? [],
    endpoints: endpoints ?? [],
  };
}

function nextSlice(slice: Slice, known: KeptSlice | undefined, isOther: boolean, nowMs: number): KeptSlice {
  if (known === undefined) return { ...slice, uid: crypto.randomUUID(), rv: 0, createdMs: nowMs, generation: 1 };
  const { uid, rv, createdMs, generation } = known;
  return { ...slice, uid, rv, createdMs, generation: generation + (isOther ? 1 : 0) };
}

function kept({ metadata }: KubeObject): Kept {
  return {
    uid: metadata.uid ?? "",
    rv: Number(metadata.resourceVersion),
    createdMs: parseTimeMs(metadata.creationTimestamp) ?? 0,
  };
}

function row(resource: string, object: KubeObject): NewObject {
  return { resource, namespace: object.metadata.namespace ?? "", name: object.metadata.name ?? "", object };
}

function sameSubsets(a: readonly Slice[], b: readonly Slice[]): boolean {
  return JSON.stringify(endpointSubsets(a)) === JSON.stringify(endpointSubsets(b));
}
