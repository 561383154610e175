// The pictures that the control plane has of the pods that the node runs by itself: made through it, told of like any
// other pod, and made anew when somebody deletes them. Source: pkg/kubelet/pod/mirror_client.go.
import type { AssignedPod, MirrorRequest } from "../../../src/sync/messages.ts";
import type { PodDefinition } from "../pod/definition.ts";
import { definitionOf } from "../pod/definition.ts";
import type { PodEvent } from "../pod/pod-event.ts";
import { warning } from "../pod/pod-event.ts";
import type { Clock, Log } from "../ports.ts";
import type { Wanted } from "../worker/pod-host.ts";
import type { PodWorker } from "../worker/pod-worker.ts";
import type { StaticPod, StaticPods } from "./static-pod.ts";
import { mirrorAnnotation } from "./static-pod.ts";

/** Brings the mirrors in line with the pods given; the answer says what could not be. Throws when nobody answers. */
export type MirrorPost = (pods: MirrorRequest["pods"]) => Promise<readonly string[]>;

type Parts = {
  readonly source: StaticPods;
  readonly post: MirrorPost;
  readonly clock: Clock;
  readonly log: Log;
  readonly workerOf: (uid: string) => PodWorker | undefined;
  /** About the node itself. */
  readonly happened: (event: PodEvent) => void;
};

const firstRetryMs = 1_000;
const longestRetryMs = 120_000;

export function isMirror({ template }: PodDefinition): boolean {
  return template.metadata.annotations?.[mirrorAnnotation] !== undefined;
}

export class Mirrors {
  readonly #parts: Parts;
  /** By the uid of the pod that each is of. */
  readonly #mirrors = new Map<string, Mirror>();
  /** Mirrors of pods that are not run here any more. */
  #orphans: readonly string[] = [];
  #before: ReadonlySet<string> = new Set();
  #isAssigned = false;
  #isStopped = false;
  #isPosting = false;
  #tries = 0;
  #cancelTimer: (() => void) | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    // There is no pod to tell it of.
    parts.source.onProblem(({ file, problem }) => {
      parts.happened(warning("FailedValidation", `Error validating the static pod of ${file}: ${problem}`));
    });
  }

  wanted(): readonly Wanted[] {
    return this.#parts.source
      .current()
      .map((pod) => ({ assigned: assignedOf(pod), definition: definitionOf(pod.template) }));
  }

  /** Pods whose manifest is gone since this was last asked. */
  dropped(): readonly string[] {
    const now = new Set(this.#parts.source.current().map(({ uid }) => uid));
    const gone = [...this.#before].filter((uid) => !now.has(uid));
    this.#before = now;
    return gone;
  }

  /** Takes in what the control plane has. True: it is to be told something. */
  assign(given: readonly Wanted[]): boolean {
    this.#isAssigned = true;
    const here = new Set(this.#parts.source.current().map(({ uid }) => uid));
    const seen = new Set<string>();
    const orphans: string[] = [];
    let isNews = false;
    for (const { assigned, definition } of given) {
      const uid = definition.template.metadata.annotations?.[mirrorAnnotation] ?? "";
      const worker = here.has(uid) ? this.#parts.workerOf(uid) : undefined;
      if (worker === undefined) {
        orphans.push(assigned.uid);
        continue;
      }
      seen.add(uid);
      const known = this.#mirrors.get(uid);
      if (known?.uid === assigned.uid) known.assigned = assigned;
      else {
        this.#mirrors.set(uid, new Mirror(assigned, worker));
        worker.unacknowledge();
        isNews = true;
      }
      if (assigned.deletion !== undefined) isNews = true;
    }
    for (const uid of this.#mirrors.keys()) if (!seen.has(uid)) this.#mirrors.delete(uid);
    this.#orphans = orphans;
    this.check();
    return isNews;
  }

  /** Those that are told of in place of the pods that they are of. */
  reporters(): Iterable<Mirror> {
    return this.#mirrors.values();
  }

  uidFor(podUid: string): string {
    return this.#mirrors.get(podUid)?.uid ?? podUid;
  }

  /** The pod that a mirror is of; undefined: it is none of ours. */
  ownUidOf(mirrorUid: string): string | undefined {
    return [...this.#mirrors].find(([, { uid }]) => uid === mirrorUid)?.[0];
  }

  /** Whether the pod is one that the node runs by itself. */
  isStatic(uid: string): boolean {
    return this.#parts.source.current().some((pod) => pod.uid === uid);
  }

  /** Asks for what is missing, more and more seldom while nothing comes of it. */
  check(): void {
    const isMissing = this.#parts.source.current().some(({ uid }) => !this.#mirrors.has(uid));
    if (!this.#isAssigned || (!isMissing && this.#orphans.length === 0)) {
      this.#tries = 0;
      return;
    }
    if (this.#isStopped || this.#isPosting || this.#cancelTimer !== undefined) return;
    const delayMs = this.#tries === 0 ? 0 : Math.min(longestRetryMs, firstRetryMs * 2 ** Math.min(this.#tries, 10));
    this.#tries += 1;
    this.#cancelTimer = this.#parts.clock.setTimer(delayMs, () => {
      this.#cancelTimer = undefined;
      void this.#post();
    });
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelTimer?.();
  }

  async #post(): Promise<void> {
    this.#isPosting = true;
    const { post, source, log, happened } = this.#parts;
    try {
      const problems = await post(source.current().map(mirrorOf));
      for (const problem of problems) {
        log.warn("a pod of this node's own cannot be shown", { problem });
        happened(warning("FailedMirrorPod", `Cannot show a static pod: ${problem}`));
      }
    } catch (error) {
      log.warn("the pods of this node's own cannot be shown", { problem: String(error) });
    }
    this.#isPosting = false;
    this.check();
  }
}

function assignedOf({ uid, namespace, name, createdAtMs }: StaticPod): AssignedPod {
  return { uid, namespace, name, template: `static ${uid}`, createdAtMs, observation: 0 };
}

function mirrorOf({ uid, namespace, name, template }: StaticPod): MirrorRequest["pods"][number] {
  const { labels, annotations } = template.metadata;
  return {
    namespace,
    name,
    hash: uid,
    ...(labels === undefined ? {} : { labels: { ...labels } }),
    annotations: { ...annotations },
    spec: { ...template.spec },
  };
}

/** Stands for a worker before the control plane, under the name that it has there. */
class Mirror {
  assigned: AssignedPod;
  readonly #worker: PodWorker;
  #isEndTold = false;

  constructor(assigned: AssignedPod, worker: PodWorker) {
    this.assigned = assigned;
    this.#worker = worker;
  }

  get uid(): string {
    return this.assigned.uid;
  }

  /** Somebody deletes the mirror: nothing ends but the mirror. */
  get report(): PodWorker["report"] {
    if (this.assigned.deletion === undefined) {
      const { report } = this.#worker;
      return report === undefined ? undefined : { ...report, ended: false };
    }
    const status = this.#worker.memory.status ?? {};
    return this.#isEndTold ? undefined : { status, ended: true };
  }

  acknowledge({ status }: NonNullable<PodWorker["report"]>): void {
    if (this.assigned.deletion !== undefined) this.#isEndTold = true;
    // The end of the mirror is not the worker's to tell.
    this.#worker.acknowledge({ status, ended: true });
  }

  unacknowledge(): void {
    this.#isEndTold = false;
    this.#worker.unacknowledge();
  }
}
