// One batch of a node shard: writes what agents reported, takes the result into the shard's picture, and says who is to
// be woken.
import { daemonSetOf, everyDaemonSet } from "../pokes.ts";
import { runBatch } from "../store/batch.ts";
import type { EventRecorder, Told } from "../store/event-recorder.ts";
import type { Written } from "../store/objects.ts";
import { insertObjects, updateObjects, writtenKey } from "../store/objects.ts";
import type { PodRow } from "../store/pod-rows.ts";
import type { DeletedPods, Owner } from "../store/pods.ts";
import { deletePods, updatePodStatuses } from "../store/pods.ts";
import type { TemplateCache } from "../store/template-cache.ts";
import type { PodOf } from "../sync/disruptions.ts";
import { statusesWithReasons } from "../sync/disruptions.ts";
import type { ShardWrites } from "../sync/shard-writes.ts";
import type { ShardImage } from "./shard-image.ts";

export type Committing = {
  readonly db: D1Database;
  readonly image: ShardImage;
  readonly templates: TemplateCache;
  readonly events: EventRecorder;
  readonly origin: string;
};

/** Makes the writes durable; returns the DaemonSets that they concern. */
export async function commitWrites(context: Committing, asked: ShardWrites, nowMs: number): Promise<readonly Owner[]> {
  const { db, image, origin } = context;
  const podOf: PodOf = ({ node, uid }) => image.nodes.get(node)?.pods.get(uid);
  const writes = { ...asked, statuses: statusesWithReasons(asked, podOf) };
  const write = { nowMs, origin };
  const [missed, created, changed, statuses, removed] = await runBatch(db, [
    // What others wrote before: own writes are taken in on top of that, not in its place.
    image.missed(),
    insertObjects(db, writes.newNodes, write),
    updateObjects(db, writes.changedNodes, write),
    updatePodStatuses(db, writes.statuses, write),
    deletePods(db, writes.removals, write),
    context.events.record(db, [...writes.newNodes.map(registered), ...writes.events], write),
  ]);
  await image.catchUp(missed);
  const touched = touchedPods(image, writes);
  takeNodes(image, writes, new Map([...created, ...changed]));
  takeStatuses(image, writes, statuses);
  takeRemovals(image, writes, removed);
  return concerned(
    context,
    touched,
    created.size > 0 || writes.changedNodes.some(({ placementChanged }) => placementChanged),
  );
}

/** Source: pkg/controller/nodelifecycle, event RegisteredNode. */
function registered({ name, object }: ShardWrites["newNodes"][number]): Told {
  const subject = { kind: "Node", namespace: "", name, uid: object.metadata.uid ?? "", apiVersion: "v1" };
  const message = `Node ${name} event: Registered Node ${name} in Controller`;
  const source = { component: "node-controller" };
  return { happening: { subject, type: "Normal", reason: "RegisteredNode", message }, source };
}

function touchedPods(image: ShardImage, { statuses, removals }: ShardWrites): readonly PodRow[] {
  return [...statuses, ...removals].flatMap(({ node, uid }) => image.nodes.get(node)?.pods.get(uid) ?? []);
}

function takeNodes(image: ShardImage, { newNodes, changedNodes }: ShardWrites, written: Written): void {
  for (const row of [...newNodes, ...changedNodes]) {
    const rv = written.get(writtenKey(row));
    if (rv === undefined) continue;
    image.setNode({ ...row.object, metadata: { ...row.object.metadata, resourceVersion: String(rv) } });
  }
}

function takeStatuses(image: ShardImage, { statuses }: ShardWrites, written: Written): void {
  for (const { namespace, name, uid, node, phase, status, observation } of statuses) {
    const rv = written.get(writtenKey({ namespace, name }));
    const row = image.nodes.get(node)?.pods.get(uid);
    if (rv !== undefined && row !== undefined) image.setPod({ ...row, phase, status, observation, rv });
  }
}

function takeRemovals(image: ShardImage, { removals }: ShardWrites, deleted: DeletedPods): void {
  for (const { namespace, name, uid, node } of removals) {
    const row = image.nodes.get(node)?.pods.get(uid);
    const outcome = deleted.get(writtenKey({ namespace, name }));
    if (row === undefined || outcome === undefined) continue;
    if (outcome.marked === null) image.dropPod(node, uid, outcome.rv);
    else image.setPod({ ...row, ...outcome.marked, rv: outcome.rv });
  }
}

async function concerned(context: Committing, pods: readonly PodRow[], everySet: boolean): Promise<readonly Owner[]> {
  const { db, templates } = context;
  if (everySet) return everyDaemonSet(db);
  await templates.load(pods.map(({ template }) => template));
  const owners = pods.flatMap(
    ({ namespace, template }) => daemonSetOf({ ...templates.get(template).metadata, namespace }) ?? [],
  );
  return [...new Map(owners.map((owner) => [owner.uid, owner])).values()];
}
