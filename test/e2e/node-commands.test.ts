// The life of a node as somebody at the machine lives it: join, look, "not now", drain, leave. And kubectl's view of it.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";

import { readLock } from "../../agents/node/host/lock.ts";
import { bundleAgent } from "../../local/bundle.ts";
import { Cluster, until } from "./support/cluster.ts";

let cluster: Cluster;
let program: string;

type Output = { readonly code: number | null; readonly text: string };

/** Runs a command of the agent on a machine whose files are all below a directory of the test's. */
function lares(machine: string, ...args: readonly string[]): Promise<Output> {
  const installed = join(rootOf(machine), "usr/local/bin/lares");
  const file = existsSync(installed) ? installed : program;
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [file, "agent", ...args, "--root", rootOf(machine)]);
    let text = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk) => {
        text += chunk;
      });
    }
    child.on("close", (code) => resolve({ code, text }));
  });
}

function rootOf(machine: string): string {
  return join(cluster.dir, machine);
}

async function joinToken(spec: object): Promise<string> {
  const token = { apiVersion: "lares.dev/v1alpha1", kind: "JoinToken", metadata: { generateName: "t-" }, spec };
  return cluster.kubectl.ok(["create", "-o", "jsonpath={.status.token}", "-f", "-"], JSON.stringify(token));
}

async function joined(machine: string, spec: object = {}): Promise<Output> {
  mkdirSync(rootOf(machine));
  const token = await joinToken({ nodeNames: [machine], ...spec });
  const server = `https://127.0.0.1:${cluster.port}`;
  const ca = join(cluster.dir, "pki", "ca.crt");
  const options = ["--node", machine, "--runtime", "fake", "--ca-file", ca, "--timeout", "60s"];
  return lares(machine, "join", token, server, ...options);
}

const machines = ["till-1", "till-2", "till-3"] as const;

beforeAll(async () => {
  cluster = await Cluster.start({ nodes: 0 });
  program = join(cluster.dir, "lares-agent.cjs");
  await bundleAgent("node", program);
}, 90_000);

afterAll(async () => {
  for (const machine of machines) {
    // None where it has left; and 0 would be this very process and all that it started.
    const pid = Number(readLock(join(rootOf(machine), "var/lib/lares/lock")).split(" ")[0]);
    if (pid > 0) process.kill(pid, "SIGTERM");
  }
  await cluster?.remove();
}, 60_000);

async function imageOn(node: string): Promise<string> {
  const jsonPath = "jsonpath={.items[*].spec.containers[0].image}";
  return cluster.kubectl.ok([
    "get",
    "pods",
    "-l",
    "app=web",
    "--field-selector",
    `spec.nodeName=${node}`,
    "-o",
    jsonPath,
  ]);
}

function daemonSet(image: string): string {
  const template = {
    metadata: { labels: { app: "web" } },
    spec: { terminationGracePeriodSeconds: 1, containers: [{ name: "web", image }] },
  };
  return JSON.stringify({
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: { name: "web" },
    spec: { selector: { matchLabels: { app: "web" } }, template },
  });
}

it("a machine joins by one command, and says how it is", async () => {
  expect((await lares("till-1", "status")).code).toBe(5);
  const output = await joined("till-1");
  expect(output.text).toContain(`node till-1 has joined https://127.0.0.1:${cluster.port}`);
  expect(output.code).toBe(0);
  expect(readlinkSync(join(rootOf("till-1"), "opt/lares/current"))).toMatch(/^0\.1\.0-[0-9a-f]{12}$/);
  await cluster.kubectl.ok(["wait", "--for=condition=Ready", "node/till-1", "--timeout=20s"]);
  await cluster.kubectl.ok(["apply", "-f", "-"], daemonSet("example/web:1"));
  await cluster.kubectl.ok(["rollout", "status", "ds/web", "--timeout=30s"]);
  const status = await lares("till-1", "status");
  expect(status.code).toBe(0);
  expect(status.text).toMatch(/^ +connected for /m);
  expect(status.text).toMatch(/^pod +default\/web-\w+: Running, ready$/m);
  expect(status.text).toMatch(/^disk +.*\/var\/lib\/lares: /m);
}, 90_000);

it("a machine that needs approval says what is to be approved, and is in when that is done", async () => {
  const joining = joined("till-2", { approval: "Required" });
  const names = () => cluster.kubectl.ok(["get", "csr", "-o", "jsonpath={.items[*].metadata.name}"]);
  await until(async () => (await names()).includes("till-2-"), 20_000);
  const name = (await names()).split(" ").find((one) => one.startsWith("till-2-")) ?? "";
  await new Promise((resolve) => setTimeout(resolve, 1000));
  await cluster.kubectl.ok(["certificate", "approve", name]);
  const output = await joining;
  expect(output.text).toContain(`kubectl certificate approve ${name}`);
  expect(output.text).toContain("node till-2 has joined");
  expect(output.code).toBe(0);
}, 90_000);

it("a rollout leaves a held node alone, and comes to it when it is released", async () => {
  await joined("till-3");
  await cluster.kubectl.ok(["rollout", "status", "ds/web", "--timeout=30s"]);
  const held = await lares("till-1", "hold", "--reason", "stocktaking until noon", "--for", "2h");
  expect(held).toEqual({ code: 0, text: "held for 2h: stocktaking until noon\n" });
  expect((await lares("till-1", "status")).text).toMatch(/^held +for (2h|1h59m) more: stocktaking until noon$/m);
  const described = () => cluster.kubectl.ok(["describe", "node", "till-1"]);
  await until(async () => (await described()).includes("HeldAtNode"), 10_000);
  expect(await described()).toMatch(/lares.dev\/Held +True .* HeldAtNode +nothing new .*: stocktaking until noon/);
  await cluster.kubectl.ok(["set", "image", "ds/web", "web=example/web:2"]);
  await until(async () => (await imageOn("till-2")) === "example/web:2", 20_000);
  await until(async () => (await imageOn("till-3")) === "example/web:2", 20_000);
  await until(
    async () => (await cluster.kubectl.ok(["get", "ds/web", "-o", "jsonpath={.status.numberAvailable}"])) === "3",
    20_000,
  );
  expect(await imageOn("till-1")).toBe("example/web:1");
  const waiting = await cluster.kubectl.refused(["rollout", "status", "ds/web", "--timeout=2s"]);
  expect(waiting).toContain("timed out waiting");
  expect(await lares("till-1", "hold", "--release")).toEqual({ code: 0, text: "released\n" });
  await cluster.kubectl.ok(["rollout", "status", "ds/web", "--timeout=30s"]);
  expect(await imageOn("till-1")).toBe("example/web:2");
  expect(await described()).not.toContain("lares.dev/Held");
}, 120_000);

it("a drained node keeps its daemons, and loses what others can run", async () => {
  const bare = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "guest" },
    spec: {
      nodeName: "till-2",
      terminationGracePeriodSeconds: 1,
      containers: [{ name: "c", image: "example/guest:1" }],
    },
  };
  await cluster.kubectl.ok(["apply", "-f", "-"], JSON.stringify(bare));
  await cluster.kubectl.ok(["wait", "--for=condition=Ready", "pod/guest", "--timeout=20s"]);
  const output = await lares("till-2", "drain");
  expect(output.text).toContain("pod default/guest ends");
  expect(output.text).toMatch(/pod default\/web-\w+ stays/);
  expect(output.code).toBe(0);
  expect(await cluster.kubectl.refused(["get", "pod", "guest"])).toContain("NotFound");
  const unschedulable = () => cluster.kubectl.ok(["get", "node", "till-2", "-o", "jsonpath={.spec.unschedulable}"]);
  expect(await unschedulable()).toBe("true");
  expect(await imageOn("till-2")).toBe("example/web:2");
  expect((await lares("till-2", "drain", "--undo")).code).toBe(0);
  expect(await unschedulable()).toBe("");
}, 60_000);

it("a machine that leaves ends its pods, takes its Node along, and can join again", async () => {
  const output = await lares("till-3", "leave", "--purge");
  expect(output.text).toContain("node till-3 has left");
  expect(output.code).toBe(0);
  expect(await cluster.kubectl.refused(["get", "node", "till-3"])).toContain("NotFound");
  for (const path of ["var/lib/lares", "opt/lares", "etc/lares", "usr/local/bin/lares"]) {
    expect(existsSync(join(rootOf("till-3"), path)), path).toBe(false);
  }
  expect((await lares("till-3", "status")).code).toBe(5);
  const choice = join(rootOf("till-1"), "var/lib/lares/runtime.json");
  writeFileSync(choice, JSON.stringify({ kind: "docker", endpoint: "/var/run/docker.sock" }));
  const left = await lares("till-1", "leave");
  expect(left.code).toBe(0);
  // No pod is left in whatever it was: the next agent may choose anew.
  expect(existsSync(choice)).toBe(false);
  expect((await lares("till-1", "drain")).code).toBe(5);
  const token = await joinToken({ nodeNames: ["till-1"] });
  const again = await lares(
    "till-1",
    "join",
    token,
    `https://127.0.0.1:${cluster.port}`,
    "--runtime",
    "fake",
    "--node",
    "till-1",
    "--ca-file",
    join(cluster.dir, "pki", "ca.crt"),
  );
  expect(again.text).toContain("node till-1 has joined");
}, 120_000);
