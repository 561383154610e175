// What a user sees whose daemons are real ones in real containers, on machines that things happen to.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { logCollectorImage, nodeExporterImage } from "../containers/daemons.ts";
import { busyboxImage } from "../containers/image.ts";
import { until } from "./support/cluster.ts";
import { EdgeNode } from "./support/edge-node.ts";
import type { Kubectl } from "./support/kubectl.ts";
import { LogServer } from "./support/log-server.ts";
import { Site } from "./support/site.ts";

let site: Site;
let logs: LogServer;
let kubectl: Kubectl;
let nodes: readonly EdgeNode[] = [];

beforeAll(async () => {
  site = await Site.open({
    "prom/node-exporter:v1.5.0": nodeExporterImage("1.5.0"),
    "rsyslog/rsyslog:8.2302.0": logCollectorImage("8.2302.0"),
    "library/busybox:1.36": busyboxImage(),
  });
  kubectl = site.kubectl;
  logs = await LogServer.start(site.segment.gateway);
  nodes = await Promise.all(["edge-1", "edge-2", "edge-3"].map((name) => EdgeNode.set(site, name)));
  await Promise.all(
    nodes.map(async (node) => {
      await node.startRuntime();
      await node.startAgent();
    }),
  );
  await until(async () => (await kubectl.ok("get nodes -o name")).split("\n").length > nodes.length);
  await kubectl.ok("wait node --all --for=condition=Ready --timeout=30s");
}, 120_000);

afterAll(async () => {
  if (process.env["LARES_KEEP_LOGS"] !== undefined) site?.keepLogs(process.env["LARES_KEEP_LOGS"]);
  await logs?.stop();
  await site?.remove();
}, 120_000);

function manifest(name: string): string {
  const file = fileURLToPath(new URL(`daemons/${name}.yaml`, import.meta.url));
  return readFileSync(file, "utf8")
    .replaceAll("logs.example.com", site.segment.gateway)
    .replaceAll("6514", String(logs.port));
}

function node(name: string): EdgeNode {
  const found = nodes.find((it) => it.name === name);
  if (found === undefined) throw new Error(`there is no node ${name}`);
  return found;
}

type PodSeen = {
  readonly name: string;
  readonly uid: string;
  readonly ready: boolean;
  readonly restarts: number;
  readonly containerId: string;
};

async function podsOn(name: string): Promise<readonly PodSeen[]> {
  const list = JSON.parse(await kubectl.ok(`get pods -A --field-selector spec.nodeName=${name} -o json`));
  // Of the API's own objects, the fields that this is about.
  type Listed = {
    metadata: { name: string; uid: string };
    status: { containerStatuses?: { restartCount: number; containerID: string; ready: boolean }[] };
  };
  return (list.items as Listed[]).map(({ metadata, status }) => {
    const [first] = status.containerStatuses ?? [];
    return {
      name: metadata.name,
      uid: metadata.uid,
      ready: first?.ready ?? false,
      restarts: first?.restartCount ?? -1,
      containerId: first?.containerID ?? "",
    };
  });
}

function random(fromMs: number, toMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, fromMs + Math.random() * (toMs - fromMs)));
}

it("node-exporter, the log collector and a daemon with something to say are applied and get ready", async () => {
  for (const name of ["ticker"]) await kubectl.ok("apply -f -", manifest(name));
  await kubectl.ok("rollout status ds/ticker --timeout=60s");
}, 200_000);

it("containerd is killed and comes back, and no container has noticed", async () => {
  const edge = node("edge-3");
  const before = edge.running();
  const podsBefore = await podsOn(edge.name);
  await edge.killRuntime();
  await random(2000, 3000);
  await edge.startRuntime();
  await until(async () => (await edge.machine.run("ctr", "version")).code === 0);
  await random(3000, 3000);
  await kubectl.ok(`wait node/${edge.name} --for=condition=Ready --timeout=30s`);
  expect(edge.running()).toEqual(before);
  expect(await podsOn(edge.name)).toEqual(podsBefore);
}, 60_000);

it("an agent that is killed 50 times restarts nothing and starts nothing twice", async () => {
  const edge = node("edge-1");
  const before = edge.running();
  const podsBefore = await podsOn(edge.name);
  expect(before.length).toBeGreaterThan(0);
  for (let kill = 0; kill < 50; kill += 1) {
    await random(0, 1500);
    await edge.killAgent();
    await edge.startAgent();
  }
  await kubectl.ok(`wait node/${edge.name} --for=condition=Ready --timeout=30s`);
  await until(() => edge.logged("assignment").length > 0);
  expect(edge.running()).toEqual(before);
  expect(await podsOn(edge.name)).toEqual(podsBefore);
}, 120_000);
