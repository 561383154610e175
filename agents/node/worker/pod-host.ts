// What a pod's worker needs of its agent.
import type { AssignedPod } from "../../../src/sync/messages.ts";
import type { ObjectLookup, TokenSource } from "../assignment/objects.ts";
import type { NodeView } from "../node-view.ts";
import type { Directories } from "../pod/container-config.ts";
import type { PodDefinition } from "../pod/definition.ts";
import type { Circumstances } from "../pod/plan.ts";
import type { PodEvent } from "../pod/pod-event.ts";
import type { Clock, LocalApi, Log, Network, Random } from "../ports.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { Volumes } from "../volume/volumes.ts";
import type { PodWorker } from "./pod-worker.ts";

export type Wanted = { readonly assigned: AssignedPod; readonly definition: PodDefinition };

export type PodHost = {
  readonly ports: {
    readonly clock: Clock;
    readonly random: Random;
    readonly runtime: Runtime;
    readonly network: Network;
    readonly volumes: Volumes;
    readonly log: Log;
    readonly tokens: TokenSource;
  };
  readonly directories: Directories;
  readonly objects: ObjectLookup;
  readonly localApi: LocalApi | undefined;
  /** Wall time at which the agent started. */
  readonly startedAtMs: number;
  isStopped(): boolean;
  node(): NodeView;
  circumstances(): Circumstances;
  /** The time that plans are made by: it starts as wall time and never jumps. */
  planNowMs(): number;
  /** There is something new to save, and, if `status` is set, to report. */
  changed(news: { readonly status: boolean }): void;
  /** Has what it remembers on the disk, if there is room for it. */
  save(): Promise<void>;
  /** The worker has come to rest, or has left it. */
  busyChanged(isBusy: boolean): void;
  happened(podUid: string, event: PodEvent): void;
  /** Nothing is left of the pod. */
  forget(worker: PodWorker): void;
};
