// What the handling of one request works with.
import type { Env } from "../env.ts";
import { ApiError, notFoundError, qualifiedResource } from "../model/api-error.ts";
import { events } from "../model/event.ts";
import { parseFieldQuery } from "../model/field-query.ts";
import type { KubeObject } from "../model/meta.ts";
import { nodes } from "../model/node.ts";
import type { Pod } from "../model/pod.ts";
import { storedResource } from "../model/resource.ts";
import type { Touched } from "../pokes.ts";
import { isPolicy } from "../store/policy.ts";
import type { ServedKinds } from "../store/served-kinds.ts";
import type { TemplateCache } from "../store/template-cache.ts";
import type { Caller, Credentials } from "./authentication.ts";
import type { PolicySource } from "./authorization.ts";
import { ConvertedStorage } from "./converted-storage.ts";
import { EventStorage } from "./event-storage.ts";
import { LeaseStorage } from "./lease-storage.ts";
import { MetricsStorage } from "./metrics-storage.ts";
import { ObjectStorage } from "./object-storage.ts";
import { PodStorage } from "./pod-storage.ts";
import { ServiceStorage } from "./service-storage.ts";
import type { Place, Storage } from "./storage.ts";
import type { Target } from "./target.ts";
import type { WatchBacklogs } from "./watch-backlog.ts";

export type RequestContext = {
  readonly env: Env;
  readonly request: Request;
  readonly url: URL;
  readonly target: Target;
  readonly caller: Caller;
  /** The roles and bindings, which are read when they are needed. */
  readonly policy: PolicySource;
  readonly credentials: Credentials;
  /** When the request came, for everything that is dated. */
  readonly nowMs: number;
  readonly templates: TemplateCache;
  readonly backlogs: WatchBacklogs;
  /** Tells the client something beside the answer, also when that is a refusal. */
  warn(text: string): void;
  readonly kinds: ServedKinds;
  /** Wakes whoever acts on what was written, after the answer. */
  touched(touched: Touched): void;
  /** Roles or bindings were written: they count from now on. */
  policyChanged(): void;
};

export function storageOf(context: RequestContext): Storage {
  const { env, target, templates } = context;
  switch (qualifiedResource(target.resource)) {
    case "pods":
      return new PodStorage(env.DB, templates);
    case "nodes.metrics.k8s.io":
      return MetricsStorage.ofNodes(env, new ObjectStorage(env.DB, nodes));
    case "pods.metrics.k8s.io":
      return MetricsStorage.ofPods(env, new PodStorage(env.DB, templates));
    case "services":
      return new ServiceStorage(env.DB, new ObjectStorage(env.DB, target.resource));
    case "leases.coordination.k8s.io":
      return new LeaseStorage(env);
    case "events":
      return eventStorage(context);
    case "events.events.k8s.io":
      return new ConvertedStorage(eventStorage(context), target.resource);
    default:
      return new ObjectStorage(env.DB, target.resource);
  }
}

function eventStorage(context: RequestContext): EventStorage {
  const { env, templates, nowMs } = context;
  const written = new ObjectStorage(env.DB, events);
  return new EventStorage(written, new PodStorage(env.DB, templates), nowMs, podOfEvents(context));
}

/** The pod whose events a list is about, if its field selector says so: then no other pod has to be read. */
function podOfEvents({ url, target }: RequestContext): Place | null {
  const fields = parseFieldQuery(url.searchParams.get("fieldSelector") ?? "");
  const equal = (name: string) => fields.find(({ field, operator }) => field === name && operator === "=")?.value;
  const name = equal("involvedObject.name") ?? equal("regarding.name");
  const namespace = target.namespace ?? equal("involvedObject.namespace") ?? equal("regarding.namespace");
  return name === undefined || namespace === undefined ? null : { namespace, name };
}

/** Where the object of a request is. Throws when the request is about a collection. */
export function placeOf({ namespace, name }: Target): Place {
  if (name === null) throw methodNotAllowed();
  return { namespace: namespace ?? "", name };
}

export function methodNotAllowed(): ApiError {
  return new ApiError("MethodNotAllowed", "the server does not allow this method on the requested resource", {});
}

/** The object of a request. Throws NotFound. */
export async function existing(context: RequestContext): Promise<KubeObject> {
  const place = placeOf(context.target);
  const object = await storageOf(context).read(place);
  if (object === null) throw notFoundError(context.target.resource, place.name);
  return object;
}

/** The object of a request as it is shown, which may be one that is kept nowhere. Throws NotFound. */
export async function shown(context: RequestContext): Promise<KubeObject> {
  const made = await storageOf(context).makeUp?.(placeOf(context.target));
  return made ?? existing(context);
}

/** Tells of objects of the request's kind that were written; `gone`: some were removed, and may leave things behind. */
export function wrote(context: RequestContext, objects: readonly KubeObject[], gone = false): void {
  const resource = storedResource(context.target.resource);
  if (isPolicy(resource)) context.policyChanged();
  context.touched({
    gone,
    // Pods are decoded before they are stored.
    nodes: resource === "pods" ? objects.flatMap((object) => (object as Pod).spec.nodeName ?? []) : [],
    objects: objects.map((object) => ({
      key: { resource, namespace: object.metadata.namespace ?? "", name: object.metadata.name ?? "" },
      object,
    })),
  });
}
