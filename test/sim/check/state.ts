// The cluster as its change log tells it: what the checkers judge by, kept apart from the code that is judged.
import type { ActorKind } from "../engine/actor.ts";

export type Labels = Readonly<Record<string, string>>;
export type Owner = {
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
};
type Meta = {
  readonly name: string;
  readonly namespace?: string;
  readonly uid: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Labels;
  readonly annotations?: Labels;
  readonly finalizers?: readonly string[];
  readonly ownerReferences?: readonly Owner[];
};

/** An object as the log has it. */
export type Body = { readonly metadata: Meta; readonly [field: string]: unknown };

export type Requirement = { readonly key: string; readonly operator: string; readonly values?: readonly string[] };
export type Selector = { readonly matchLabels?: Labels; readonly matchExpressions?: readonly Requirement[] };
export type Toleration = {
  readonly key?: string;
  readonly operator?: string;
  readonly value?: string;
  readonly effect?: string;
  readonly tolerationSeconds?: number;
};
export type Taint = { readonly key: string; readonly value?: string; readonly effect: string };

export type Affinity = {
  readonly nodeAffinity?: {
    readonly requiredDuringSchedulingIgnoredDuringExecution?: {
      readonly nodeSelectorTerms?: readonly { readonly matchExpressions?: readonly Requirement[] }[];
    };
  };
  readonly podAffinity?: object;
  readonly podAntiAffinity?: object;
};

export type TemplateSpec = {
  readonly nodeSelector?: Labels;
  readonly tolerations?: readonly Toleration[];
  readonly affinity?: Affinity;
  readonly containers: readonly { readonly image: string }[];
};

export type DaemonSetBody = Body & {
  readonly spec: {
    readonly selector: Selector;
    readonly template: { readonly metadata: { readonly labels?: Labels }; readonly spec: TemplateSpec };
    readonly updateStrategy: {
      readonly type: string;
      readonly rollingUpdate?: { readonly maxUnavailable?: number | string; readonly maxSurge?: number | string };
    };
    readonly minReadySeconds?: number;
    readonly revisionHistoryLimit: number;
  };
  readonly status: Readonly<Record<string, number>>;
};

export type NodeBody = Body & {
  readonly spec: { readonly taints?: readonly Taint[]; readonly unschedulable?: boolean };
  readonly status: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
};

/** A pod with what its template says of it. */
export type PodState = {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly rv: number;
  readonly node: string;
  readonly ownerUid: string | null;
  readonly template: string;
  readonly createdMs: number;
  readonly deletionMs: number | null;
  readonly graceSeconds: number | null;
  readonly phase: string;
  readonly observation: number;
  /** Its node has no place for it, and its agent is not given it. */
  readonly isWaiting: boolean;
  readonly readySinceMs: number | null;
  readonly labels: Labels;
  readonly finalizers: readonly string[];
  readonly owners: readonly Owner[];
  readonly tolerations: readonly Toleration[];
  readonly image: string;
  /** It asks for resources or for host ports, of which there may not be enough, or for others to be there or not. */
  readonly isDemanding: boolean;
  readonly priority: number;
  /** It is to make room for a more important one. */
  readonly isPreempted: boolean;
  /** What the pod asks for by itself. */
  readonly ownGraceSeconds: number;
};

export type Subject =
  | { readonly kind: "pod"; readonly pod: PodState }
  | { readonly kind: "object"; readonly body: Body };

/** One row of the log. */
export type Entry = {
  readonly seq: number;
  /** By the writer's clock, which is the control plane's. */
  readonly atMs: number;
  /** When it was committed. */
  readonly committedMs: number;
  readonly type: string;
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly writer: ActorKind;
  readonly writerName: string;
  readonly subject: Subject;
  /** As the log has it. */
  readonly raw: Readonly<Record<string, unknown>>;
};

export function keyOf({ resource, namespace, name }: Pick<Entry, "resource" | "namespace" | "name">): string {
  return `${resource}/${namespace}/${name}`;
}

/** Everything that exists after some row of the log. */
export class ClusterState {
  readonly latest = new Map<string, Entry>();
  readonly pods = new Map<string, PodState>();
  /** All versions of an object in their order, its ends included. */
  readonly #versions = new Map<string, Entry[]>();
  readonly everUid = new Set<string>();
  readonly #gone: Entry[] = [];
  seq = 1;

  apply(entry: Entry): void {
    const key = keyOf(entry);
    const versions = this.#versions.get(key);
    if (versions === undefined) this.#versions.set(key, [entry]);
    else versions.push(entry);
    this.seq = entry.seq;
    this.everUid.add(entry.uid);
    if (entry.type === "DELETED") {
      this.latest.delete(key);
      this.#gone.push(entry);
      if (entry.resource === "pods") this.pods.delete(entry.uid);
      return;
    }
    this.latest.set(key, entry);
    if (entry.subject.kind === "pod") this.pods.set(entry.uid, entry.subject.pod);
  }

  find(resource: string, namespace: string, name: string): Body | null {
    const subject = this.latest.get(keyOf({ resource, namespace, name }))?.subject;
    return subject?.kind === "object" ? subject.body : null;
  }

  *ofResource(resource: string): Generator<Body> {
    for (const { resource: own, subject } of this.latest.values()) {
      if (own === resource && subject.kind === "object") yield subject.body;
    }
  }

  /** As they were when they went, which was not before `sinceMs`. */
  *goneSince(resource: string, sinceMs: number): Generator<Body> {
    for (const { resource: own, subject, committedMs } of this.#gone.toReversed()) {
      if (committedMs < sinceMs) return;
      if (own === resource && subject.kind === "object") yield subject.body;
    }
  }

  *sets(): Generator<DaemonSetBody> {
    // Stored under the DaemonSets, so they are.
    for (const body of this.ofResource("daemonsets.apps")) yield body as DaemonSetBody;
  }

  set(uid: string): DaemonSetBody | null {
    for (const set of this.sets()) if (set.metadata.uid === uid) return set;
    return null;
  }

  *nodes(): Generator<NodeBody> {
    // Stored under the nodes, so they are.
    for (const body of this.ofResource("nodes")) yield body as NodeBody;
  }

  node(name: string): NodeBody | null {
    // As above.
    return this.find("nodes", "", name) as NodeBody | null;
  }

  *podsOf(setUid: string): Generator<PodState> {
    for (const pod of this.pods.values()) if (pod.ownerUid === setUid) yield pod;
  }

  /** The versions that were in force at some time since `sinceMs`; null among them: there was none. */
  versionsSince(
    key: { readonly resource: string; readonly namespace: string; readonly name: string },
    sinceMs: number,
  ) {
    const versions = this.#versions.get(keyOf(key)) ?? [];
    const found: (Body | null)[] = [];
    let before: Entry | null = null;
    for (const entry of versions) {
      if (entry.committedMs < sinceMs) before = entry;
      else found.push(bodyAfter(entry));
    }
    return [before === null ? null : bodyAfter(before), ...found];
  }

  /** The versions of one object, the oldest first. */
  history(key: { readonly resource: string; readonly namespace: string; readonly name: string }): readonly Entry[] {
    return this.#versions.get(keyOf(key)) ?? [];
  }
}

function bodyAfter({ type, subject }: Entry): Body | null {
  return type === "DELETED" || subject.kind !== "object" ? null : subject.body;
}
