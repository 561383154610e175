// What a user sees whose daemons are real ones in real containers, on machines that things happen to.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
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
  nodes = await Promise.all(["edge-1", "edge-2", "edge-3", "edge-4", "edge-5"].map((name) => EdgeNode.set(site, name)));
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

/** What a user who looks at a node all the time sees of its readiness; each change once. */
function watchReadiness(name: string) {
  const path = "{.status.conditions[?(@.type=='Ready')].status}{'\\n'}";
  const watch = kubectl.start(["get", "node", name, "-w", "-o", `jsonpath=${path}`]);
  const seen = () =>
    watch
      .output()
      .stdout.split("\n")
      .filter((status) => status !== "");
  return { seen: () => seen().filter((status, index, all) => status !== all[index - 1]), stop: watch.stop };
}

function barePod(name: string, nodeName: string): string {
  const command = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1 & wait $!; done"];
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name },
    spec: {
      nodeName,
      terminationGracePeriodSeconds: 1,
      containers: [{ name: "main", image: "busybox:1.36", command }],
    },
  });
}

/** The line is cut until the node counts as lost, with something for it to hear of when it is back. */
async function loseAndFind(edge: EdgeNode, lose: () => Promise<void>, find: () => Promise<void>): Promise<void> {
  const before = edge.running();
  const podsBefore = await podsOn(edge.name);
  const assignmentsBefore = edge.logged("assignment").length;
  const readiness = watchReadiness(edge.name);
  try {
    await until(() => readiness.seen().length === 1);
    await lose();
    await kubectl.ok("create -f -", barePod(`news-for-${edge.name}`, edge.name));
    await until(() => readiness.seen().length === 2, 120_000);
    // News may still come in where nothing gets out.
    expect(edge.running().filter(({ pod }) => !pod.startsWith("news"))).toEqual(before);
    await find();
    await until(() => readiness.seen().length === 3, 60_000);
    await kubectl.ok(`wait pod/news-for-${edge.name} --for=condition=Ready --timeout=60s`);
    expect(edge.running().filter(({ pod }) => !pod.startsWith("news"))).toEqual(before);
    const pods = await podsOn(edge.name);
    expect(pods.filter(({ name }) => !name.startsWith("news"))).toEqual(podsBefore);
    // All that had been missed was heard at once.
    expect(edge.logged("assignment").length - assignmentsBefore).toBe(1);
    expect(edge.logged("the control plane answers again")).toHaveLength(1);
    expect(readiness.seen()).toEqual(["True", "Unknown", "True"]);
  } finally {
    await readiness.stop();
  }
}

describe.concurrent("while nodes have troubles of all kinds", () => {
  it("an agent that is killed 50 times restarts nothing and starts nothing twice", async () => {
    const edge = node("edge-1");
    const before = edge.running();
    const podsBefore = await podsOn(edge.name);
    expect(before.length).toBeGreaterThan(0);
    const doubles = new Set<string>();
    for (let kill = 0; kill < 50; kill += 1) {
      // There is always a pod that is just coming or going.
      if (kill % 5 === 0) await kubectl.ok("create -f -", barePod(`between-kills-${kill}`, edge.name));
      if (kill % 5 === 4 && kill > 5) await kubectl.ok(`delete pod between-kills-${kill - 9} --wait=false`);
      await random(0, 1500);
      await edge.killAgent();
      await edge.startAgent();
      const names = edge.running().map(({ pod, name }) => `${pod}/${name}`);
      for (const name of names) if (names.filter((it) => it === name).length > 1) doubles.add(name);
    }
    await kubectl.ok("wait pod/between-kills-45 --for=condition=Ready --timeout=60s");
    await until(async () => !(await kubectl.ok("get pods -o name")).includes("between-kills-40"), 60_000);
    expect([...doubles]).toEqual([]);
    const others = ({ pod = "", name = "" }) => !pod.startsWith("between-kills") && !name.startsWith("between-kills");
    expect(edge.running().filter((it) => others({ pod: it.pod }))).toEqual(before);
    expect((await podsOn(edge.name)).filter(others)).toEqual(podsBefore);
    expect(
      edge
        .running()
        .filter(({ pod }) => pod.startsWith("between-kills"))
        .map(({ pod }) => pod),
    ).toEqual(["between-kills-45"]);
  }, 200_000);

  it.each([
    ["edge-2", "in"],
    ["edge-3", "out"],
    ["edge-4", "both"],
  ] as const)(
    "%s, which packets %s are lost of, keeps its daemons and catches up at once",
    async (name, direction) => {
      const edge = node(name);
      await loseAndFind(
        edge,
        () => edge.cut(direction),
        () => edge.mend(),
      );
    },
    240_000,
  );

  it("a machine that loses its power starts its daemons from its disk when nobody can be reached", async () => {
    const edge = node("edge-5");
    const before = await podsOn(edge.name);
    await edge.machine.cutPower();
    await kubectl.ok(`wait node/${edge.name} --for=condition=Ready=Unknown --timeout=120s`);
    await edge.boot({ withNetwork: false });
    const running = () => new Set(edge.running().map(({ pod }) => pod));
    await until(() => before.every(({ name }) => running().has(name)), 60_000);
    await edge.mend();
    await kubectl.ok(`wait node/${edge.name} --for=condition=Ready --timeout=90s`);
    await until(async () => (await podsOn(edge.name)).every(({ ready }) => ready), 60_000);
    const after = await podsOn(edge.name);
    expect(after.map(({ name, uid, restarts }) => ({ name, uid, restarts }))).toEqual(
      before.map(({ name, uid, restarts }) => ({ name, uid, restarts: restarts + 1 })),
    );
    expect(edge.running()).toHaveLength(before.length);
  }, 240_000);
});
