// L1, L2, I3, I6, D5, A4: what must be true once nothing goes wrong any more and everything has had its time.

import { isHealthy } from "../world/images.ts";
import type { Machine } from "../world/machine.ts";
import { eligibility, isAvailable, isCurrent, isLive } from "./oracle.ts";
import { differences, recount } from "./recount.ts";
import { currentHash, podsOn } from "./rules/daemon-pods.ts";
import { revisionsOf } from "./rules/revisions.ts";
import type { ClusterState, DaemonSetBody, NodeBody, PodState } from "./state.ts";
import { keyOf } from "./state.ts";

export type Scene = {
  readonly state: ClusterState;
  readonly machines: readonly Machine[];
  /** By the control plane's clock. */
  readonly nowMs: number;
  /** Uid of a set whose controller always fails; null: there is none. */
  readonly failing: string | null;
};

/** Why the world is not at rest yet; null: it is, as far as this can be seen. */
export function unsettled(scene: Scene): string | null {
  return nodesUnsettled(scene) ?? leftovers(scene) ?? setsUnsettled(scene) ?? machinesUnsettled(scene);
}

function first<T>(items: Iterable<T>, problem: (item: T) => string | null): string | null {
  for (const item of items) {
    const found = problem(item);
    if (found !== null) return found;
  }
  return null;
}

function nodesUnsettled({ state, machines }: Scene): string | null {
  return first(machines, ({ name }) => {
    const node = state.node(name);
    if (node === null) return `machine ${name} is no node`;
    const ready = node.status.conditions?.find(({ type }) => type === "Ready")?.status;
    return ready === "True" ? null : `node ${name} is not ready (${ready})`;
  });
}

/** What is going, or has nobody any more. */
function leftovers({ state }: Scene): string | null {
  const uids = new Set([...state.latest.values()].map(({ uid }) => uid));
  return (
    first(state.latest.values(), ({ resource, namespace, name, subject }) => {
      const isGoing =
        subject.kind === "pod"
          ? subject.pod.deletionMs !== null
          : subject.body.metadata.deletionTimestamp !== undefined;
      if (isGoing) return `${resource} ${namespace}/${name} is still going`;
      const owners = subject.kind === "pod" ? subject.pod.owners : (subject.body.metadata.ownerReferences ?? []);
      const orphaned = owners.length > 0 && owners.every(({ uid }) => !uids.has(uid));
      return orphaned ? `${resource} ${namespace}/${name} is left behind by its owner` : null;
    }) ??
    first(state.pods.values(), ({ name, node }) =>
      state.node(node) === null ? `pod ${name} is on no node (${node})` : null,
    )
  );
}

function setsUnsettled(scene: Scene): string | null {
  const { state, failing } = scene;
  return first(state.sets(), (set) => {
    const { uid, name, generation = 0 } = set.metadata;
    if (uid === failing) return null;
    if ((set.status["observedGeneration"] ?? 0) !== generation)
      return `set ${name} has not been observed at ${generation}`;
    const hash = currentHash(state, uid);
    const onNodes = first(state.nodes(), (node) => nodeUnsettled(scene, set, node, hash));
    if (onNodes !== null) return onNodes;
    const counted = recount({ set, hash, nodes: state.nodes(), pods: state.podsOf(uid), atMs: scene.nowMs });
    const wrong = differences(set.status, counted);
    return wrong === "" ? historyUnsettled(state, set, hash) : `status of set ${name}: ${wrong}`;
  });
}

function nodeUnsettled({ state, nowMs }: Scene, set: DaemonSetBody, node: NodeBody, hash: string): string | null {
  const where = `set ${set.metadata.name} on node ${node.metadata.name}`;
  const { run, stay } = eligibility(set.spec.template.spec, node);
  const pods = podsOn(state, set.metadata.uid, node.metadata.name);
  if (pods.length > 1) return `${where}: ${pods.length} pods`;
  const [pod] = pods;
  if (pod === undefined) return run ? `${where}: no pod` : null;
  if (!run) return stay ? null : `${where}: a pod that must leave`;
  if (!isLive(pod)) return `${where}: pod ${pod.name} is ${pod.phase}`;
  const rolls = set.spec.updateStrategy.type === "RollingUpdate";
  if (rolls && !isCurrent(pod, set, hash)) return `${where}: pod ${pod.name} is of an old template`;
  const mustServe = isHealthy(pod.image);
  return !mustServe || isAvailable(pod, set, nowMs) ? null : `${where}: pod ${pod.name} is not available`;
}

/** I5 at rest. */
function historyUnsettled(state: ClusterState, set: DaemonSetBody, hash: string): string | null {
  const revisions = revisionsOf(state, set.metadata.uid);
  const used = new Set([...state.podsOf(set.metadata.uid)].map(({ labels }) => labels["controller-revision-hash"]));
  const idle = revisions.filter(({ metadata }) => {
    const own = metadata.labels?.["controller-revision-hash"];
    return own !== hash && !used.has(own);
  });
  const { name } = set.metadata;
  const { revisionHistoryLimit } = set.spec;
  if (idle.length > revisionHistoryLimit)
    return `set ${name} keeps ${idle.length} idle revisions of ${revisionHistoryLimit}`;
  // One that was adopted keeps the number that its first owner gave it.
  const own = revisions.filter(({ metadata }) => metadata.name.startsWith(`${name}-`));
  const numbers = new Set(own.map((revision) => revision["revision"]));
  return numbers.size === own.length ? null : `set ${name} has two revisions of one number`;
}

function machinesUnsettled({ state, machines, failing }: Scene): string | null {
  return first(machines, (machine) => {
    const { name, agent } = machine;
    const pods = [...state.pods.values()].filter(({ node }) => node === name);
    const assigned = new Set(machine.disk.loaded().assignment?.pods.map(({ uid }) => uid));
    const isRight = assigned.size === pods.length && pods.every(({ uid }) => assigned.has(uid));
    if (!isRight) return `${name} is assigned ${assigned.size} pods, not the ${pods.length} that it should`;
    if (agent?.summary().isSettled !== true) return `the agent of ${name} is not settled`;
    const lagging = first(namedObjects(machine), ({ kind, namespace, name: object, version }) => {
      const latest = state.latest.get(keyOf({ resource: "configmaps", namespace, name: object }))?.seq;
      const held = agent.objects.get(kind, namespace, object);
      const isLatest = version === String(latest ?? "") && (held?.version ?? "") === version;
      return isLatest ? null : `${name} has ${held?.version} of ${namespace}/${object}, and ${latest} is the latest`;
    });
    if (lagging !== null) return lagging;
    return first(pods, (pod) => (pod.ownerUid === failing ? null : containerUnsettled(machine, pod)));
  });
}

/** The ConfigMaps that the agent of the machine was told of. */
export function namedObjects({ disk }: Machine) {
  return disk.loaded().assignment?.objects ?? [];
}

function containerUnsettled({ name, runtime }: Machine, pod: PodState): string | null {
  const running = runtime.running(pod.uid, "main");
  if (running > 1) return `pod ${pod.name} runs ${running} times on ${name}`;
  return isHealthy(pod.image) && running === 0 ? `pod ${pod.name} does not run on ${name}` : null;
}
