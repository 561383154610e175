// What daemons in real containers are answered that ask the API as every client library does: by the variables of their
// environment, and the token and certificates that are mounted. On each runtime, in the node's network and in one of their
// own, with the control plane and without.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";

import { askingImage } from "../containers/daemons.ts";
import { busyboxImage } from "../containers/image.ts";
import { AskingDaemon } from "./support/asking-daemon.ts";
import { until } from "./support/cluster.ts";
import { EdgeNode } from "./support/edge-node.ts";
import { readExposition } from "./support/exposition.ts";
import { findKubectl, type Kubectl } from "./support/kubectl.ts";
import { containerd, docker, podman } from "./support/node-runtimes.ts";
import { Site } from "./support/site.ts";

let site: Site;
let kubectl: Kubectl;
let nodes: readonly EdgeNode[] = [];
let daemons: readonly AskingDaemon[] = [];

const mounted = "/var/run/secrets/kubernetes.io/serviceaccount";

beforeAll(async () => {
  site = await Site.open({ "tools/asking:1": askingImage(findKubectl()), "library/busybox:1.36": busyboxImage() });
  kubectl = site.kubectl;
  nodes = await Promise.all([
    EdgeNode.set(site, "containerd", containerd),
    EdgeNode.set(site, "docker", docker),
    EdgeNode.set(site, "podman", podman),
  ]);
  await Promise.all(
    nodes.map(async (node) => {
      await node.startRuntime();
      await node.startAgent();
    }),
  );
  const file = fileURLToPath(new URL("daemons/asking.yaml", import.meta.url));
  const manifest = readFileSync(file, "utf8");
  await kubectl.ok("apply -f -", manifest);
  const inNodes = manifest
    .replaceAll("in-its-own-network", "in-its-nodes-network")
    .replace("hostNetwork: false", "hostNetwork: true");
  await kubectl.ok("apply -f -", inNodes);
  await until(async () => (await kubectl.ok("get nodes -o name")).split("\n").length > nodes.length);
  for (const set of ["in-its-own-network", "in-its-nodes-network"]) {
    await kubectl.ok(`rollout status ds/${set} -n inside --timeout=60s`);
  }
  const path = "{range .items[*]}{.metadata.name} {.spec.nodeName}{'\\n'}{end}";
  const pods = await kubectl.ok(["get", "pods", "-n", "inside", "-o", `jsonpath=${path}`]);
  daemons = pods.split("\n").flatMap((line) => {
    const [pod = "", name = ""] = line.split(" ");
    const node = nodes.find((it) => it.name === name);
    return node === undefined ? [] : [new AskingDaemon(node, pod)];
  });
}, 180_000);

afterAll(async () => {
  if (process.env["LARES_KEEP_LOGS"] !== undefined) site?.keepLogs(process.env["LARES_KEEP_LOGS"]);
  await site?.remove();
}, 60_000);

/** Of every daemon at once. */
function ofEach<Found>(what: (daemon: AskingDaemon) => Promise<Found>): Promise<readonly Found[]> {
  return Promise.all(daemons.map(what));
}

it("there is a daemon in each network of each node", () => {
  const found = daemons.map(({ node, sharesNetwork }) => `${node.name} ${sharesNetwork}`);
  expect(found.sort()).toEqual(nodes.flatMap(({ name }) => [`${name} false`, `${name} true`]).sort());
});

it("a daemon is told where its API is, by an address that is its node's alone", async () => {
  await ofEach(async (daemon) => {
    const told = await daemon.ok('echo "$KUBERNETES_SERVICE_HOST $KUBERNETES_SERVICE_PORT"');
    expect(told).toBe(`${daemon.sharesNetwork ? "127.0.0.1" : "169.254.77.1"} 10443\n`);
    expect(await daemon.ok(`cat ${mounted}/namespace`)).toBe("inside");
  });
});

it("a daemon reads itself, its Node and what its account may read, and is refused the rest", async () => {
  await ofEach(async (daemon) => {
    const own = "kubectl get pod $POD_NAME -o jsonpath='{.metadata.name} {.spec.nodeName} {.status.phase}'";
    expect(await daemon.ok(own)).toBe(`${daemon.pod} ${daemon.node.name} Running`);
    const kernel = await daemon.ok("kubectl get node $NODE_NAME -o jsonpath='{.status.nodeInfo.kernelVersion}'");
    expect(kernel).toBe(await daemon.ok("printf %s $(uname -r)"));
    expect(await daemon.ok("kubectl get configmap settings -o jsonpath='{.data.every}'")).toBe("10s");
    for (const what of ["secret private", "configmap other", "configmaps"]) {
      expect(await daemon.refused(`kubectl get ${what}`)).toContain("(Forbidden)");
    }
  });
}, 120_000);

/** With what is to be written by a daemon, as it says it itself. */
function written(object: object): string {
  return `cat <<EOF | kubectl VERB --validate=false -f - -o name\n${JSON.stringify(object)}\nEOF\n`;
}

function eventOf({ pod }: AskingDaemon, reason: string): string {
  const event = {
    apiVersion: "v1",
    kind: "Event",
    metadata: { generateName: "asking-" },
    involvedObject: { apiVersion: "v1", kind: "Pod", name: pod, namespace: "inside" },
    ...{ reason, message: "Said from inside.", type: "Normal", source: { component: "asking" } },
  };
  return written(event).replace("VERB", "create");
}

function leaseOf({ pod }: AskingDaemon, renewTime: string): string {
  const apiVersion = "coordination.k8s.io/v1";
  const spec = { holderIdentity: pod, leaseDurationSeconds: 15, renewTime };
  return written({ apiVersion, kind: "Lease", metadata: { name: pod }, spec });
}

const renewals = ["2026-01-01T00:00:00.000000Z", "2026-01-01T00:00:05.000000Z", "2026-01-01T00:00:10.000000Z"] as const;
const renewTime = (pod: string) => `kubectl get lease ${pod} -n inside -o jsonpath={.spec.renewTime}`;

async function eventsTold(reason: string): Promise<readonly string[]> {
  const path = "{.items[*].involvedObject.name}";
  const select = `reason=${reason}`;
  const names = await kubectl.ok([
    "get",
    "events",
    "-n",
    "inside",
    "--field-selector",
    select,
    "-o",
    `jsonpath=${path}`,
  ]);
  return names.split(" ").sort();
}

it("a daemon tells an event and holds a lease, and the world sees it", async () => {
  await ofEach(async (daemon) => {
    await daemon.ok(eventOf(daemon, "SaidInside"));
    await daemon.ok(leaseOf(daemon, renewals[0]).replace("VERB", "create"));
    await daemon.ok(leaseOf(daemon, renewals[1]).replace("VERB", "replace"));
    expect(await daemon.ok(renewTime(daemon.pod))).toBe(renewals[1]);
    expect(await kubectl.ok(renewTime(daemon.pod).replace("kubectl ", ""))).toBe(renewals[1]);
    expect(await daemon.refused("kubectl delete lease $POD_NAME")).toContain("(Forbidden)");
  });
  expect(await eventsTold("SaidInside")).toEqual(daemons.map(({ pod }) => pod).sort());
}, 120_000);

/** Of what a kubelet serves, as a node monitor asks for it. */
function ofKubelet(path: string, token = `$(cat ${mounted}/token)`): string {
  const server = "--server=https://$HOST_IP:10250";
  return `kubectl ${server} --certificate-authority=${mounted}/ca.crt --token="${token}" get --raw ${path}`;
}

async function expectScrape(daemon: AskingDaemon): Promise<void> {
  const { pod, node } = daemon;
  expect(await daemon.ok(ofKubelet("/healthz"))).toBe("ok");
  const pods = JSON.parse(await daemon.ok(ofKubelet("/pods")));
  const names = daemons.filter((it) => it.node === node).map((it) => it.pod);
  expect(pods.items.map((item: { metadata: { name: string } }) => item.metadata.name).sort()).toEqual(names.sort());
  const summary = JSON.parse(await daemon.ok(ofKubelet("/stats/summary")));
  expect(summary.node).toMatchObject({ nodeName: node.name, cpu: { usageCoreNanoSeconds: expect.any(Number) } });
  const own = summary.pods.find(({ podRef }: { podRef: { name: string } }) => podRef.name === pod);
  expect(own.containers[0].memory.workingSetBytes).toBeGreaterThan(100_000);

  const agent = readExposition(await daemon.ok(ofKubelet("/metrics")));
  expect(agent.get("kubelet_running_pods")?.samples).toEqual([{ labels: {}, value: names.length }]);
  expect(agent.get("process_resident_memory_bytes")?.samples[0]?.value).toBeGreaterThan(10_000_000);
}

/** What its own container uses, as Prometheus reads it. */
async function expectUse(daemon: AskingDaemon): Promise<void> {
  const { pod } = daemon;
  const labels = { namespace: "inside", pod, container: "asking" };
  const families = readExposition(await daemon.ok(ofKubelet("/metrics/cadvisor")));
  for (const family of ["container_memory_working_set_bytes", "container_cpu_usage_seconds_total"]) {
    const found = families.get(family)?.samples.filter((sample) => sample.labels["pod"] === pod);
    expect(found).toEqual([{ labels: expect.objectContaining(labels), value: expect.any(Number) }]);
    expect(found?.[0]?.value).toBeGreaterThan(0);
  }
}

it("a daemon scrapes what a kubelet serves with its token, and nobody does without", async () => {
  const stranger = (await kubectl.ok("create token default -n default")).trim();
  await ofEach(async (daemon) => {
    await expectScrape(daemon);
    await expectUse(daemon);
    expect(await daemon.refused(ofKubelet("/metrics", "invented"))).toContain("Unauthorized");
    expect(await daemon.refused(ofKubelet("/metrics/cadvisor", stranger))).toContain("Forbidden");
  });
  for (const { machine } of nodes) {
    await expect(fetch(`https://${machine.address}:10250/healthz`)).rejects.toThrow();
    await expect(fetch(`https://${machine.address}:10443/version`)).rejects.toThrow();
  }
}, 120_000);

it("daemons go on as they were while their nodes are cut off, and what they said meanwhile is heard afterwards", async () => {
  const path = `'{.type} {.object.metadata.name} {.object.metadata.labels.round}{"\\n"}'`;
  const watch = `kubectl get pods -w --output-watch-events -o jsonpath=${path} --field-selector=spec.nodeName=$NODE_NAME`;
  const watches = daemons.map((daemon) => ({ daemon, told: daemon.begin(watch) }));
  const round = (number: number) => () =>
    watches.every(({ daemon, told }) => told().stdout.includes(`MODIFIED ${daemon.pod} ${number}\n`));
  await until(() => watches.every(({ daemon, told }) => told().stdout.includes(`ADDED ${daemon.pod}`)));
  await kubectl.ok("label pods -n inside --all round=1");
  await until(round(1));

  await Promise.all(nodes.map((node) => node.cut("both")));
  await ofEach(async (daemon) => {
    const own = "kubectl --cache-dir=/tmp/new get pod $POD_NAME -o jsonpath='{.spec.nodeName} {.status.phase}'";
    expect(await daemon.ok(own)).toBe(`${daemon.node.name} Running`);
    const kernel = await daemon.ok("kubectl get node $NODE_NAME -o jsonpath='{.status.nodeInfo.kernelVersion}'");
    expect(kernel).toBe(await daemon.ok("printf %s $(uname -r)"));
    expect(await daemon.ok("kubectl get configmap settings -o jsonpath='{.data.every}'")).toBe("10s");
    expect(await daemon.refused("kubectl get secret private")).toContain("(ServiceUnavailable)");
    await daemon.ok(eventOf(daemon, "SaidAlone"));
    await daemon.ok(leaseOf(daemon, renewals[2]).replace("VERB", "replace"));
    expect(await daemon.ok(renewTime(daemon.pod))).toBe(renewals[2]);
    await expectUse(daemon);
  });
  expect(watches.map(({ told }) => told().code)).toEqual(watches.map(() => null));

  await Promise.all(nodes.map((node) => node.mend()));
  await until(async () => (await eventsTold("SaidAlone")).length === daemons.length, 60_000);
  await kubectl.ok("label pods -n inside --all --overwrite round=2");
  await until(round(2));
  expect(watches.map(({ told }) => told().code)).toEqual(watches.map(() => null));
}, 240_000);
