// What the messages of agents ask to be written.
import { bucketOf } from "../core/buckets.ts";
import type { Node } from "../model/node.ts";
import { nodes } from "../model/node.ts";
import { heldUntilMs } from "../model/node-hold.ts";
import type { Told } from "../store/event-recorder.ts";
import type { ChangedObject, NewObject } from "../store/objects.ts";
import type { PodDeletion, PodKey, StatusUpdate } from "../store/pods.ts";
import { previousOfObject } from "../store/previous.ts";

type OnNode = { readonly node: string };

/** `placementChanged`: labels, taints or a hold are others than before, so daemon pods may come or go. */
export type ChangedNode = ChangedObject & { readonly object: Node; readonly placementChanged: boolean };

/** A condition of the control plane's own that says why a pod goes. */
type Disruption = PodKey &
  OnNode & {
    readonly condition: { readonly type: string; readonly [field: string]: unknown };
    /** Null: as it is. */
    readonly phase: string | null;
  };

export type ShardWrites = {
  readonly statuses: readonly (StatusUpdate & OnNode)[];
  /** Apart from the statuses, for an agent's report on the same pod may be written with them. */
  readonly disruptions: readonly Disruption[];
  /** Pods that are deleted, or go for good when their grace is 0. */
  readonly removals: readonly (PodDeletion & OnNode)[];
  readonly newNodes: readonly (NewObject & { readonly object: Node })[];
  readonly changedNodes: readonly ChangedNode[];
  readonly events: readonly Told[];
};

export const noWrites: ShardWrites = {
  statuses: [],
  disruptions: [],
  removals: [],
  newNodes: [],
  changedNodes: [],
  events: [],
};

export function isNothing(writes: ShardWrites): boolean {
  return Object.values(writes).every(({ length }) => length === 0);
}

/** All writes as one; of several statuses of a pod, or states of a Node, the last counts. */
export function merged(all: readonly ShardWrites[]): ShardWrites {
  return {
    statuses: lastOf(
      all.flatMap(({ statuses }) => statuses),
      ({ uid }) => uid,
    ),
    disruptions: lastOf(
      all.flatMap(({ disruptions }) => disruptions),
      ({ uid }) => uid,
    ),
    removals: lastOf(
      all.flatMap(({ removals }) => removals),
      ({ uid }) => uid,
    ),
    newNodes: lastOf(
      all.flatMap(({ newNodes }) => newNodes),
      ({ name }) => name,
    ),
    changedNodes: lastOf(
      all.flatMap(({ changedNodes }) => changedNodes),
      ({ name }) => name,
    ),
    events: all.flatMap(({ events }) => events),
  };
}

function lastOf<T>(rows: readonly T[], key: (row: T) => string): readonly T[] {
  return [...new Map(rows.map((row) => [key(row), row])).values()];
}

/** The change of a Node from one state to another. */
export function changedNode(before: Node, object: Node): ChangedNode {
  const placement = ({ metadata, spec }: Node) =>
    JSON.stringify([metadata.labels, spec.taints, heldUntilMs(metadata.annotations)]);
  const name = object.metadata.name ?? "";
  return {
    resource: "nodes",
    namespace: "",
    name,
    bucket: bucketOf(name),
    object,
    expectRv: Number(before.metadata.resourceVersion),
    previous: previousOfObject(nodes, before, object),
    placementChanged: placement(before) !== placement(object),
  };
}
