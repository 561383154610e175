// What the agent itself knows of its node and pods, as objects of the API.
import type { PodStatus } from "../../../src/model/pod-status.ts";
import type { PodTemplate } from "../../../src/model/pod-template.ts";
import { podFromTemplate } from "../../../src/model/pod-template.ts";
import type { AssignedPod, NodeReport } from "../../../src/sync/messages.ts";
import type { Json } from "./answers.ts";

export type LivePod = {
  readonly assigned: AssignedPod;
  readonly template: PodTemplate;
  /** Another object when it has changed. */
  readonly status: PodStatus | undefined;
};

/** The agent, to those who serve what it knows. */
export type NodeState = {
  readonly node: string;
  /** False: which pods are to be here is not known, or not yet. */
  isKnown(): boolean;
  /** Those that the node is to run or to end. */
  livePods(): Iterable<LivePod>;
  nodeReport(): NodeReport;
  /** The control plane does not answer the agent. */
  isAway(): boolean;
  /** Pods, or what is known of one, have changed. */
  onPodsChange(listener: () => void): () => void;
};

export type Account = { readonly namespace: string; readonly name: string };

export function accountOf({ assigned, template }: LivePod): Account {
  return { namespace: assigned.namespace, name: template.spec.serviceAccountName ?? "default" };
}

/** Above every resourceVersion of the control plane's, and still an integer to every reader. */
const firstLocalVersion = 8_000_000_000_000_000;

/** Whether a resourceVersion was made up here, while the control plane was away. */
export function isLocalVersion(version: string): boolean {
  return /^\d+$/.test(version) && Number(version) >= firstLocalVersion;
}

type Seen = { readonly pod: LivePod; readonly object: Json };

/** The node's pods as objects, with resourceVersions that rise with each change. */
export class PodObjects {
  readonly #state: NodeState;
  readonly #nowMs: () => number;
  readonly #seen = new Map<string, Seen>();
  #version = firstLocalVersion;

  constructor(state: NodeState, nowMs: () => number) {
    this.#state = state;
    this.#nowMs = nowMs;
  }

  /** The newest of the resourceVersions. */
  get version(): string {
    return String(this.#version);
  }

  /** All as they are now; the same object for as long as nothing of it changes. */
  current(): ReadonlyMap<string, Json> {
    const objects = new Map<string, Json>();
    for (const pod of this.#state.livePods()) objects.set(pod.assigned.uid, this.#objectOf(pod));
    for (const uid of this.#seen.keys()) {
      if (objects.has(uid)) continue;
      this.#seen.delete(uid);
      this.#advance();
    }
    if (this.#version === firstLocalVersion) this.#advance();
    return objects;
  }

  #advance(): number {
    // The time in it keeps the versions of one life of the agent apart from those of the next.
    this.#version = Math.max(this.#version + 1, firstLocalVersion + Math.max(0, this.#nowMs()));
    return this.#version;
  }

  #objectOf(pod: LivePod): Json {
    const { uid, namespace, name, createdAtMs, deletion } = pod.assigned;
    const seen = this.#seen.get(uid);
    if (seen !== undefined && isAlike(seen.pod, pod)) return seen.object;
    const object = podFromTemplate(pod.template, {
      namespace,
      name,
      uid,
      rv: this.#advance(),
      node: this.#state.node,
      createdMs: createdAtMs,
      deletionMs: deletion?.atMs ?? null,
      graceSeconds: deletion?.gracePeriodSeconds ?? null,
      observation: 1,
      status: pod.status ?? null,
    });
    this.#seen.set(uid, { pod, object });
    return object;
  }
}

function isAlike(a: LivePod, b: LivePod): boolean {
  return a.status === b.status && a.template === b.template && a.assigned.deletion?.atMs === b.assigned.deletion?.atMs;
}

/** A copy of the Node, with what the agent itself knows to be so now. */
export function liveNode(copy: Json, { addresses, capacity, allocatable, nodeInfo }: NodeReport): Json {
  const status = { ...(copy["status"] as Json | undefined), addresses, capacity, allocatable, nodeInfo };
  return { ...copy, status };
}
