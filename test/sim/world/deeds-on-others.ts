// What people do to nodes, pods and namespaces, and what they look at.
import type { NodeBody, PodState } from "../check/state.ts";
import { barePod, nodeLabels, podLabels, userTaintKey, zones } from "./specs.ts";
import type { Users } from "./users.ts";
import { mergePatch, nodePath, podPath } from "./users.ts";

type Deed = (users: Users) => Promise<unknown>;

function onNode(deed: (users: Users, node: NodeBody) => Promise<unknown>): Deed {
  return async (users) => {
    const node = users.aNode();
    return node === undefined ? undefined : deed(users, node);
  };
}

function onPod(deed: (users: Users, pod: PodState) => Promise<unknown>): Deed {
  return async (users) => {
    const pod = users.aPod();
    return pod === undefined ? undefined : deed(users, pod);
  };
}

/** As kubectl does it: read, change, and write what was read. */
async function taintNode(users: Users, node: NodeBody): Promise<unknown> {
  const read = await users.read(nodePath(node));
  if (read === null) return;
  // Nodes have a spec.
  const spec = read["spec"] as NodeBody["spec"];
  const others = (spec.taints ?? []).filter(({ key }) => key !== userTaintKey);
  const had = others.length < (spec.taints ?? []).length;
  const effect = users.random.pick(["NoSchedule", "NoExecute", "PreferNoSchedule"]);
  const taints = had ? others : [...others, { key: userTaintKey, value: "yes", effect }];
  return users.send({ method: "PUT", path: nodePath(node), body: { ...read, spec: { ...spec, taints } } });
}

/** The machine's agent learns that it is nobody any more, and is started again by its owner. */
async function deleteNode(users: Users, node: NodeBody): Promise<unknown> {
  await users.send({ method: "DELETE", path: nodePath(node) });
  const machine = users.world.machine(node.metadata.name);
  if (machine === undefined || !users.random.chance(0.8)) return;
  await users.sleep(users.random.between(10_000, 150_000));
  machine.crash("is restarted by its owner");
  machine.start();
}

function deletePod(pod: PodState, gracePeriodSeconds: number | null) {
  const options = { kind: "DeleteOptions", apiVersion: "v1" };
  const body = gracePeriodSeconds === null ? options : { ...options, gracePeriodSeconds };
  return { method: "DELETE" as const, path: podPath(pod), body };
}

/** Away from its set, or back. */
async function relabelPod(users: Users, pod: PodState): Promise<unknown> {
  const app = pod.labels["app"] ?? "";
  const labels = { app: app.startsWith("not-") ? app.slice(4) : `not-${app}` };
  const patch = (body: unknown) => ({ method: "PATCH" as const, path: podPath(pod), body, contentType: mergePatch });
  await users.send(patch({ metadata: { labels } }));
  if (!users.random.chance(0.5)) return;
  await users.sleep(users.random.between(500, 30_000));
  return users.send(patch({ metadata: { labels: { app } } }));
}

export const holdFinalizer = "sim.lares.dev/hold";

async function holdPod(users: Users, pod: PodState): Promise<unknown> {
  const patch = (finalizers: readonly string[]) => ({
    method: "PATCH" as const,
    path: podPath(pod),
    body: { metadata: { finalizers } },
    contentType: mergePatch,
  });
  await users.send(patch([holdFinalizer]));
  await users.sleep(users.random.between(5_000, 90_000));
  return users.send(patch([]));
}

async function endNamespace(users: Users): Promise<unknown> {
  const namespace = users.aNamespace();
  if (namespace === "default") return;
  return users.send({ method: "DELETE", path: `/api/v1/namespaces/${namespace}` });
}

async function makeNamespace(users: Users): Promise<unknown> {
  const name = users.newName("ns");
  const body = { apiVersion: "v1", kind: "Namespace", metadata: { name } };
  await users.send({ method: "POST", path: "/api/v1/namespaces", body });
  return users.createSet(name);
}

async function createBarePod(users: Users): Promise<unknown> {
  const node = users.aNode();
  if (node === undefined) return;
  const set = users.aSet();
  const app = set?.spec.template.metadata.labels?.["app"];
  const isLookalike = app !== undefined && users.random.chance(0.5);
  const namespace = isLookalike ? (set?.metadata.namespace ?? "default") : "default";
  const labels = isLookalike ? podLabels(app) : { loner: "yes" };
  const wish = { namespace, name: users.newName("bare"), labels };
  const body = barePod(wish, node.metadata.name, users.world.swarm.isTight ? users.random : null);
  return users.send({ method: "POST", path: `/api/v1/namespaces/${namespace}/pods`, body });
}

async function probeReads(users: Users): Promise<unknown> {
  const zone = users.random.pick(zones);
  const path = users.random.pick([
    "/api/v1/pods",
    "/api/v1/namespaces/default/pods",
    "/api/v1/nodes",
    `/api/v1/nodes?labelSelector=zone%3D${zone}`,
    `/api/v1/nodes?labelSelector=tier%20notin%20(gold)`,
    "/api/v1/pods?fieldSelector=status.phase%3DRunning",
    "/api/v1/pods?labelSelector=flavour!%3Dsweet",
    "/apis/apps/v1/daemonsets",
    "/apis/apps/v1/controllerrevisions",
    "/api/v1/pods?limit=2",
  ]);
  const list = await users.read(path);
  const set = users.aSet();
  if (set !== undefined)
    await users.read(`/apis/apps/v1/namespaces/${set.metadata.namespace}/daemonsets/${set.metadata.name}`);
  return list;
}

export const deedsOnOthers = {
  "label node": onNode((users, node) => {
    const labels = users.random.chance(0.3) ? { tier: null } : nodeLabels(users.random);
    return users.send({
      method: "PATCH",
      path: nodePath(node),
      body: { metadata: { labels } },
      contentType: mergePatch,
    });
  }),
  "taint node": onNode(taintNode),
  "cordon node": onNode((users, node) => {
    const unschedulable = node.spec.unschedulable !== true;
    return users.send({
      method: "PATCH",
      path: nodePath(node),
      body: { spec: { unschedulable } },
      contentType: mergePatch,
    });
  }),
  "delete node": onNode(deleteNode),
  "delete pod": onPod((users, pod) => users.send(deletePod(pod, null))),
  "force delete pod": onPod((users, pod) => users.send(deletePod(pod, 0))),
  "evict pod": onPod((users, pod) => {
    const body = { apiVersion: "policy/v1", kind: "Eviction", metadata: { name: pod.name, namespace: pod.namespace } };
    return users.send({ method: "POST", path: `${podPath(pod)}/eviction`, body });
  }),
  "relabel pod": onPod(relabelPod),
  "hold pod": onPod(holdPod),
  "create set": (users) => users.createSet(users.aNamespace()),
  "make namespace": makeNamespace,
  "end namespace": endNamespace,
  "bare pod": createBarePod,
  "probe reads": probeReads,
} as const satisfies Readonly<Record<string, Deed>>;
