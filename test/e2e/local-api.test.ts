// A daemon's client library before its node's API, with the real control plane behind it, and then without.
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { CoreV1Api, KubeConfig, Watch } from "@kubernetes/client-node";
import { afterAll, beforeAll, expect, test } from "vitest";

import { HttpClient } from "../../agents/node/connection/http-client.ts";
import { controlPlaneReviewer } from "../../agents/node/connection/reviews.ts";
import { ControlPlaneTokens } from "../../agents/node/connection/tokens.ts";
import { Seal } from "../../agents/node/host/seal.ts";
import { systemClock } from "../../agents/node/host/system.ts";
import { NodeApi } from "../../agents/node/local-api/node-api.ts";
import type { LivePod, NodeState } from "../../agents/node/local-api/node-state.ts";
import { recorded } from "../../agents/node/local-api/tokens.ts";
import { FakeRuntime } from "../../agents/node/runtime/fake.ts";
import type { NodeReport } from "../../src/sync/messages.ts";
import { ownDirectory } from "../containers/own-directory.ts";
import { Cluster, until } from "./support/cluster.ts";

const node = "edge-1";
const report: NodeReport = {
  ...{ labels: {}, addresses: [], capacity: {}, allocatable: {}, conditions: [], nodeInfo: {} },
};
const nodeFacts = {
  current: () => report,
  onChange: () => () => {},
  usage: () => ({ usageCoreNanoSeconds: 0, workingSetBytes: 0 }),
};

const manifests = `
apiVersion: v1
kind: ServiceAccount
metadata: {name: monitor, namespace: default}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: monitor}
rules:
  - {apiGroups: [""], resources: [pods], verbs: [get, list, watch]}
  - {apiGroups: [""], resources: [nodes/metrics], verbs: [get]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: monitor}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: monitor}
subjects: [{kind: ServiceAccount, name: monitor, namespace: default}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: settings, namespace: default}
rules: [{apiGroups: [""], resources: [configmaps], resourceNames: [settings], verbs: [get]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: settings, namespace: default}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: settings}
subjects: [{kind: ServiceAccount, name: monitor, namespace: default}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: default}
data: {every: "10s"}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: monitor, namespace: default}
spec:
  selector: {matchLabels: {app: monitor}}
  template:
    metadata: {labels: {app: monitor}}
    spec:
      serviceAccountName: monitor
      containers: [{name: main, image: none, command: [sleep, "10000"]}]
`;

let cluster: Cluster;
let directory: string;
let api: NodeApi;
let client: HttpClient;
let pod: LivePod;
const listeners = new Set<() => void>();

/** The agent that runs the pod is a process of its own; this one shows the same pod. */
const state: NodeState = {
  node,
  isKnown: () => true,
  livePods: () => [pod],
  nodeReport: () => report,
  isAway: () => false,
  onPodsChange: (listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
};

beforeAll(async () => {
  cluster = await Cluster.start({ runtime: "fake", nodes: 1 });
  directory = ownDirectory("local-api");
}, 90_000);

afterAll(async () => {
  api?.close();
  client?.close();
  await cluster?.remove();
  if (directory !== undefined) rmSync(directory, { recursive: true, force: true });
});

test("a daemon lists and watches its node's pods and reads its ConfigMap, and goes on without the control plane", async () => {
  const { kubectl } = cluster;
  await kubectl.ok("apply -f -", manifests);
  await kubectl.ok("rollout status ds/monitor --timeout=60s");
  const [own] = JSON.parse(await kubectl.ok("get pods -l app=monitor -o json")).items;
  const { metadata, spec, status } = own;
  const { credential } = JSON.parse(readFileSync(join(cluster.dir, "nodes", node, "credential"), "utf8"));
  const server = `https://127.0.0.1:${cluster.port}`;
  const { clusters } = JSON.parse(await kubectl.ok("config view --raw -o json"));
  const ca = Buffer.from(clusters[0].cluster["certificate-authority-data"], "base64").toString("utf8");
  client = new HttpClient({ server, ca, maxSockets: 2 });
  const credentials = { get: async () => ({ ok: true as const, credential }), refused: () => {} };
  const assigned = {
    uid: metadata.uid,
    namespace: "default",
    name: metadata.name,
    template: "t",
    createdAtMs: 0,
    observation: 0,
  };
  pod = { assigned, template: { metadata: { labels: metadata.labels }, spec }, status };
  const clock = systemClock;
  api = await NodeApi.open({
    ...{ node, stateDirectory: directory, client, address: undefined, port: 0, kubeletPort: 0 },
    ...{ hasPodNetworks: false, seal: new Seal(join(directory, "key")), clock, nodeFacts },
    log: { info: () => {}, warn: () => {} },
  });
  const runtime = new FakeRuntime({ clock });
  api.serve({ state, review: controlPlaneReviewer(client, credentials), runtime });
  const source = recorded(new ControlPlaneTokens({ client, credentials, clock }), api.tokens);
  const { token } = await source.token({ podUid: metadata.uid, audience: "", expirationSeconds: 3600 });

  const config = new KubeConfig();
  const { host, port } = api.address({ sharesNetwork: true });
  config.loadFromClusterAndUser(
    {
      name: "node",
      server: `https://${host}:${port}`,
      caData: Buffer.from(api.ca()).toString("base64"),
      skipTLSVerify: false,
    },
    { name: "daemon", token },
  );
  const core = config.makeApiClient(CoreV1Api);
  const ofNode = { fieldSelector: `spec.nodeName=${node}` };
  const pods = await core.listPodForAllNamespaces(ofNode);
  expect(pods.items.map((item) => item.metadata?.name)).toEqual([metadata.name]);
  const settings = { namespace: "default", name: "settings" };
  expect((await core.readNamespacedConfigMap(settings)).data).toEqual({ every: "10s" });
  await expect(core.listNamespacedSecret({ namespace: "default" })).rejects.toMatchObject({ code: 403 });

  const told: string[] = [];
  let isOver = false;
  const resourceVersion = pods.metadata?.resourceVersion ?? "";
  const watching = await new Watch(config).watch(
    "/api/v1/pods",
    { ...ofNode, resourceVersion },
    (type, object) => void told.push(`${type} ${object.metadata?.labels?.round ?? ""} ${object.status?.phase}`),
    () => {
      isOver = true;
    },
  );
  await kubectl.ok(`label pod ${metadata.name} round=one`);
  await until(() => told.includes("MODIFIED one Running"));

  await cluster.interrupt();
  pod = { ...pod, status: { ...status, phase: "Failed" } };
  for (const listener of listeners) listener();
  await until(() => told.includes("MODIFIED  Failed"));
  expect(isOver).toBe(false);
  const still = await core.listPodForAllNamespaces(ofNode);
  expect(still.items.map((item) => [item.metadata?.name, item.status?.phase])).toEqual([[metadata.name, "Failed"]]);
  expect((await core.readNamespacedConfigMap(settings)).data).toEqual({ every: "10s" });
  await expect(core.listNamespacedSecret({ namespace: "default" })).rejects.toMatchObject({ code: 503 });
  watching.abort();
}, 180_000);
