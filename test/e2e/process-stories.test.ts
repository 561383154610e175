// What a user sees whose daemons are real processes: they are restarted, they survive their agent, they go with their node.
import { execFileSync, spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";

import { bundleAgent } from "../../local/bundle.ts";
import { unmountBelow } from "../agents/support/mounts.ts";
import { Cluster, until } from "./support/cluster.ts";
import type { Kubectl } from "./support/kubectl.ts";
import { cells } from "./support/kubectl.ts";
import { ticker } from "./support/manifests.ts";

let cluster: Cluster;
let kubectl: Kubectl;

beforeAll(async () => {
  cluster = await Cluster.start({ runtime: "process", nodes: 3, example: true });
  kubectl = cluster.kubectl;
}, 90_000);

afterAll(async () => {
  await cluster?.remove();
}, 60_000);

type PodOnNode = { readonly name: string; readonly uid: string; readonly restarts: number };

async function podOn(node: string, selector: string): Promise<PodOnNode> {
  const list = JSON.parse(await kubectl.ok(`get pods -l ${selector} --field-selector spec.nodeName=${node} -o json`));
  const [pod] = list.items;
  return {
    name: pod.metadata.name,
    uid: pod.metadata.uid,
    restarts: pod.status.containerStatuses?.[0]?.restartCount ?? 0,
  };
}

/** The log of a container's first run, as the kubelet lays it out. */
function logOf(node: string, { name, uid }: PodOnNode, container: string, attempt = 0): string {
  const file = join(cluster.dir, "nodes", node, "log", "pods", `default_${name}_${uid}`, container, `${attempt}.log`);
  return existsSync(file) ? readFileSync(file, "utf8") : "";
}

/** The ids of processes whose command line has this in it. */
function processesWith(text: string): readonly number[] {
  return readdirSync("/proc").flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return [];
    try {
      return readFileSync(`/proc/${entry}/cmdline`, "utf8").includes(text) ? [Number(entry)] : [];
    } catch {
      return [];
    }
  });
}

function environmentOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, "utf8");
  } catch {
    return "";
  }
}

async function tickerOn(node: string): Promise<number> {
  const find = () => processesWith("echo tick on").find((pid) => environmentOf(pid).includes(`NODE_NAME=${node}`));
  await until(() => find() !== undefined);
  return find() ?? 0;
}

it("the example is rolled out by the time the command says so", async () => {
  expect(cluster.printed).toMatch(/everything is rolled out/);
  expect(cluster.printed).toContain("export KUBECONFIG=");
  const [row] = cells(await kubectl.ok("get daemonset node-reporter --no-headers"));
  expect(row?.slice(1, 6)).toEqual(["3", "3", "3", "3", "3"]);
});

it("a daemon runs as a process of each node, with its environment and its log", async () => {
  await kubectl.ok("apply -f -", ticker);
  await kubectl.ok("rollout status ds/ticker --timeout=30s");
  for (const node of ["edge-1", "edge-2", "edge-3"]) {
    const pod = await podOn(node, "app=ticker");
    await until(() => logOf(node, pod, "ticker").includes(`tick on ${node}`));
    expect(logOf(node, pod, "ticker")).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z stdout F tick on edge-\d$/m);
  }
});

it("a daemon whose process is killed is restarted in its pod", async () => {
  const before = await podOn("edge-1", "app=ticker");
  process.kill(await tickerOn("edge-1"), "SIGKILL");
  await until(async () => (await podOn("edge-1", "app=ticker")).restarts === 1);
  const after = await podOn("edge-1", "app=ticker");
  expect(after.uid).toBe(before.uid);
  await until(async () => /1\/1 +Running +1 \(/.test(await kubectl.ok(`get pod ${after.name}`)));
  const last = JSON.parse(await kubectl.ok(`get pod ${after.name} -o json`)).status.containerStatuses[0].lastState
    .terminated;
  expect({ exitCode: last.exitCode, reason: last.reason }).toEqual({ exitCode: 137, reason: "Error" });
  await until(() => logOf("edge-1", after, "ticker", 1).includes("tick on edge-1"));
});

it("an agent that is killed finds its daemons running and restarts none", async () => {
  const pid = await tickerOn("edge-2");
  const before = await podOn("edge-2", "app=ticker");
  const [agent] = processesWith("lares-agent.cjs").filter((candidate) =>
    readFileSync(`/proc/${candidate}/cmdline`, "utf8").includes("\0edge-2\0"),
  );
  process.kill(agent ?? 0, "SIGKILL");
  const log = join(cluster.dir, "nodes", "edge-2", "agent.log");
  const starts = () => readFileSync(log, "utf8").split('"started"').length;
  const startsBefore = starts();
  await until(() => starts() > startsBefore);
  await kubectl.ok("wait node/edge-2 --for=condition=Ready --timeout=20s");
  expect(await tickerOn("edge-2")).toBe(pid);
  expect(await podOn("edge-2", "app=ticker")).toEqual(before);
});

it("a container without a command says what is missing", async () => {
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "bare" },
    spec: { nodeName: "edge-1", containers: [{ name: "c", image: "busybox:1.36" }] },
  };
  await kubectl.ok("create -f -", JSON.stringify(pod));
  await until(
    async () =>
      (await kubectl.ok("get pod bare -o jsonpath={.status.containerStatuses[0].state.waiting.message}")) !== "",
  );
  const waiting = await kubectl.ok("get pod bare -o jsonpath={.status.containerStatuses[0].state.waiting.message}");
  expect(waiting).toMatch(/command/);
  await kubectl.ok("delete pod bare");
});

it("a machine joins with a token, gets its daemons, and they go with it when it leaves", async () => {
  const token = await kubectl.ok(
    ["create", "-f", "-", "-o", "jsonpath={.status.token}"],
    JSON.stringify({
      apiVersion: "lares.dev/v1alpha1",
      kind: "JoinToken",
      metadata: { generateName: "e2e-" },
      spec: { nodeNames: ["late-*"], labels: { site: "attic" } },
    }),
  );
  expect(token).toMatch(/^laresjoin_[a-z0-9]{12}_[a-z0-9]{64}$/);
  expect(await kubectl.ok("get jointokens -o json")).not.toContain(token);
  const dir = join(cluster.dir, "late-1");
  const file = join(cluster.dir, "bin", "late-agent.cjs");
  await bundleAgent("node", file);
  const agent = spawn(
    process.execPath,
    [
      file,
      "--server",
      `https://127.0.0.1:${cluster.port}`,
      "--ca-file",
      join(cluster.dir, "pki", "ca.crt"),
      "--node",
      "late-1",
      "--runtime",
      "process",
      "--state-dir",
      dir,
      "--log-dir",
      join(dir, "log"),
      "--join-token",
      token,
      "--label",
      "disk=none",
      "--stop-pods-on-exit",
    ],
    { stdio: "ignore" },
  );
  await until(async () => (await kubectl.run("get node late-1")).code === 0);
  await kubectl.ok("wait node/late-1 --for=condition=Ready --timeout=20s");
  expect(await kubectl.ok("get node late-1 -o jsonpath={.metadata.labels.site},{.metadata.labels.disk}")).toBe(
    "attic,none",
  );
  expect(execFileSync("stat", ["-c", "%a", join(dir, "credential")], { encoding: "utf8" }).trim()).toBe("600");
  await kubectl.ok("rollout status ds/ticker --timeout=30s");
  expect((await podOn("late-1", "app=ticker")).restarts).toBe(0);
  const ended = new Promise((resolve) => agent.on("exit", resolve));
  agent.kill("SIGTERM");
  await ended;
  await kubectl.ok("delete node late-1");
  // The quarantine, in which a node that returns would keep its pods.
  await until(async () => (await kubectl.ok("get pods --field-selector spec.nodeName=late-1 -o name")) === "", 60_000);
  expect(await kubectl.ok("get ds ticker -o jsonpath={.status.desiredNumberScheduled}")).toBe("3");
}, 120_000);

it("Ctrl-C stops every process, and the next start goes on from there", async () => {
  const before = await kubectl.ok("get pods -o custom-columns=N:.metadata.name,U:.metadata.uid --no-headers");
  expect(await cluster.interrupt()).toBe(0);
  expect(processesWith("echo tick on")).toEqual([]);
  expect(processesWith(cluster.dir)).toEqual([]);
  cluster = await Cluster.start({ runtime: "process", nodes: 3, example: true, dir: cluster.dir });
  kubectl = cluster.kubectl;
  await kubectl.ok("rollout status ds/ticker --timeout=30s");
  expect(await kubectl.ok("get pods -o custom-columns=N:.metadata.name,U:.metadata.uid --no-headers")).toBe(before);
  expect(await tickerOn("edge-3")).toBeGreaterThan(0);
  unmountBelow(join(cluster.dir, "late-1"));
  rmSync(join(cluster.dir, "late-1"), { recursive: true, force: true });
}, 120_000);
