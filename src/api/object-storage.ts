// Objects of the kinds that are kept whole.
import { bucketOf } from "../core/buckets.ts";
import { isReleased, planDeletion } from "../core/deletion.ts";
import { eventTtlMs } from "../core/event-object.ts";
import { qualifiedResource } from "../model/api-error.ts";
import type { CertificateSigningRequest } from "../model/certificate-signing-request.ts";
import { requestExpiryMs } from "../model/certificate-signing-request.ts";
import { parseTimeMs } from "../model/instant.ts";
import type { JoinToken } from "../model/join-token.ts";
import type { KubeObject } from "../model/meta.ts";
import type { Node } from "../model/node.ts";
import type { Resource } from "../model/resource.ts";
import { runBatch } from "../store/batch.ts";
import { deleteObjects, writeOrRelease } from "../store/deletions.ts";
import { readHead } from "../store/log.ts";
import type { NewObject } from "../store/objects.ts";
import { countObjects, insertObjects, readObject, readObjects, updateObjects, writtenKey } from "../store/objects.ts";
import { previousOfObject } from "../store/previous.ts";
import { withLifecycleTaints } from "../sync/node-object.ts";
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

export class ObjectStorage implements Storage {
  readonly #db: D1Database;
  readonly #resource: Resource;
  readonly #name: string;

  constructor(db: D1Database, resource: Resource) {
    this.#db = db;
    this.#resource = resource;
    this.#name = qualifiedResource(resource);
  }

  async read({ namespace, name }: Place): Promise<KubeObject | null> {
    const [object] = await runBatch(this.#db, [readObject(this.#db, { resource: this.#name, namespace, name })]);
    return object === null ? null : this.#resource.fromStorage(object);
  }

  async list(request: ListRequest): Promise<Listing> {
    const namespace = this.#resource.namespaced ? request.namespace : "";
    const resource = this.#name;
    if (request.name !== null) {
      const key = { resource, namespace: namespace ?? "", name: request.name };
      const [rv, object] = await runBatch(this.#db, [readHead(this.#db), readObject(this.#db, key)]);
      return { objects: object === null ? [] : [this.#resource.fromStorage(object)], rv };
    }
    const { after, limit } = request;
    const query = { resource, namespace, after, limit };
    const [rv, objects] = await runBatch(this.#db, [readHead(this.#db), readObjects(this.#db, query)]);
    return { objects: objects.map((object) => this.#resource.fromStorage(object)), rv };
  }

  async count(request: Pick<ListRequest, "namespace" | "after" | "limit">): Promise<number> {
    const namespace = this.#resource.namespaced ? request.namespace : "";
    const [count] = await runBatch(this.#db, [countObjects(this.#db, { ...request, resource: this.#name, namespace })]);
    return count;
  }

  async create(object: KubeObject, nowMs: number): Promise<CreateOutcome> {
    const row = this.#row(object, nowMs);
    const key = { resource: this.#name, namespace: row.namespace, name: row.name };
    const [written, existing, namespace] = await runBatch(this.#db, [
      insertObjects(this.#db, [row], { nowMs }),
      readObject(this.#db, key),
      readObject(this.#db, { resource: "namespaces", namespace: "", name: row.namespace }),
    ]);
    const rv = written.get(writtenKey(row));
    if (rv !== undefined) return { outcome: "created", object: withRv(row.object, rv) };
    if (existing !== null) return { outcome: "exists" };
    return { outcome: namespace === null ? "namespace missing" : "namespace terminating" };
  }

  async update(before: KubeObject, after: KubeObject, nowMs: number): Promise<UpdateOutcome> {
    const row = this.#row(after, nowMs);
    const key = { resource: this.#name, namespace: row.namespace, name: row.name };
    const held = {
      ...row.object,
      metadata: { ...row.object.metadata, resourceVersion: before.metadata.resourceVersion },
    };
    if (isReleased(held)) {
      const written = await writeOrRelease(this.#db, [{ key, object: held }], nowMs);
      return outcomeOf(written.get(writtenKey(key)), held, "removed");
    }
    const [written] = await runBatch(this.#db, [
      updateObjects(
        this.#db,
        [
          {
            ...row,
            expectRv: Number(before.metadata.resourceVersion),
            previous: previousOfObject(this.#resource, before, row.object),
          },
        ],
        { nowMs },
      ),
    ]);
    return outcomeOf(written.get(writtenKey(key)), row.object, "updated");
  }

  async remove(objects: readonly KubeObject[], { policy }: RemovalOptions, nowMs: number): Promise<readonly Removed[]> {
    const keyed = objects.map((object) => ({ key: this.#key(object), object }));
    const [written] = await runBatch(this.#db, [deleteObjects(this.#db, keyed, policy, nowMs)]);
    return keyed.flatMap(({ key, object }) => {
      const plan = planDeletion(object, policy, nowMs);
      if (plan.do === "wait") return [{ object, gone: false }];
      const rv = written.get(writtenKey(key));
      if (rv === undefined) return [];
      return [{ object: plan.do === "mark" ? withRv(plan.object, rv) : object, gone: plan.do === "remove" }];
    });
  }

  #key({ metadata }: KubeObject) {
    return { resource: this.#name, namespace: metadata.namespace ?? "", name: metadata.name ?? "" };
  }

  /** The row of an object, with what its kind keeps beside it. */
  #row(object: KubeObject, nowMs: number): NewObject {
    const key = this.#key(object);
    switch (this.#name) {
      case "nodes":
        // Decoded as a Node before it came here.
        return { ...key, object: withLifecycleTaints(object as Node, nowMs), bucket: bucketOf(key.name) };
      case "events":
        return { ...key, object, expiresMs: nowMs + eventTtlMs };
      case "jointokens.lares.dev":
        // Decoded as a JoinToken before it came here.
        return { ...key, object, expiresMs: expiryMs(object as JoinToken) };
      case "certificatesigningrequests.certificates.k8s.io":
        // Decoded as one before it came here.
        return { ...key, object, expiresMs: requestExpiryMs(object as CertificateSigningRequest) };
      default:
        return { ...key, object };
    }
  }
}

function expiryMs({ metadata, spec }: JoinToken): number {
  return (parseTimeMs(metadata.creationTimestamp) ?? 0) + spec.expirationSeconds * 1000;
}

function withRv(object: KubeObject, rv: number): KubeObject {
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(rv) } };
}

function outcomeOf(rv: number | undefined, object: KubeObject, outcome: "updated" | "removed"): UpdateOutcome {
  return rv === undefined ? { outcome: "conflict" } : { outcome, object: withRv(object, rv) };
}
