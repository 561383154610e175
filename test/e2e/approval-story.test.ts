// What a user sees who lets machines in one by one: requests, and nodes once they are approved.
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";

import { Cluster, until } from "./support/cluster.ts";

const program = fileURLToPath(new URL("../../agents/node/main.ts", import.meta.url));
const requestsJsonPath = '{range .items[*]}{.metadata.name} {.spec.username}{"\\n"}{end}';

let cluster: Cluster;
const agents: ChildProcess[] = [];

beforeAll(async () => {
  cluster = await Cluster.start({ nodes: 0 });
  const token = {
    apiVersion: "lares.dev/v1alpha1",
    kind: "JoinToken",
    metadata: { name: "shops" },
    spec: { nodeNames: ["shop-*"], maxUses: 0, approval: "Required", labels: { site: "north" } },
  };
  const created = await cluster.kubectl.ok(
    ["create", "-o", "jsonpath={.status.token}", "-f", "-"],
    JSON.stringify(token),
  );
  writeFileSync(join(cluster.dir, "join-token"), created, { mode: 0o600 });
}, 90_000);

afterAll(async () => {
  for (const agent of agents) agent.kill("SIGTERM");
  await cluster?.remove();
}, 60_000);

/** Starts an agent; what it logs. */
function startAgent(node: string): () => string {
  const args = [
    ...["--server", `https://127.0.0.1:${cluster.port}`, "--ca-file", join(cluster.dir, "pki", "ca.crt")],
    ...["--node", node, "--runtime", "fake", "--state-dir", join(cluster.dir, node)],
    ...["--log-dir", join(cluster.dir, node, "log"), "--join-token-file", join(cluster.dir, "join-token")],
  ];
  const agent = spawn(process.execPath, [program, ...args], { stdio: ["ignore", "ignore", "pipe"] });
  agents.push(agent);
  let logged = "";
  agent.stderr.on("data", (data) => {
    logged += data;
  });
  return () => logged;
}

async function requestOf(node: string): Promise<string | undefined> {
  const printed = await cluster.kubectl.ok(["get", "csr", "-o", `jsonpath=${requestsJsonPath}`]);
  return printed
    .split("\n")
    .find((line) => line.startsWith(`${node}-`) && line.endsWith(" lares:join-token:shops"))
    ?.split(" ")[0];
}

async function nodeNames(): Promise<string> {
  return cluster.kubectl.ok(["get", "nodes", "-o", "name"]);
}

it("a machine waits, is approved, and is a node", async () => {
  const log = startAgent("shop-1");
  await until(async () => (await requestOf("shop-1")) !== undefined, 20_000);
  const name = (await requestOf("shop-1")) ?? "";
  await until(() => log().includes("waiting to be let in"), 10_000);
  expect(log()).toContain(`kubectl certificate approve ${name}`);
  expect(await nodeNames()).toBe("");
  const described = await cluster.kubectl.ok(["describe", "csr", name]);
  expect(described).toMatch(/Common Name: +system:node:shop-1\n/);
  expect(described).toMatch(/Serial Number: +[0-9a-f]{64}\n/);
  expect(described).toMatch(/Organization: +system:nodes\n/);
  await cluster.kubectl.ok(["certificate", "approve", name]);
  await until(async () => (await nodeNames()).includes("shop-1"), 40_000);
  await cluster.kubectl.ok(["wait", "--for=condition=Ready", "node/shop-1", "--timeout=20s"]);
  expect(await cluster.kubectl.ok(["get", "node", "shop-1", "-o", "jsonpath={.metadata.labels.site}"])).toBe("north");
}, 90_000);

it("a machine that is denied is told so, and is none", async () => {
  const log = startAgent("shop-2");
  await until(async () => (await requestOf("shop-2")) !== undefined, 20_000);
  await cluster.kubectl.ok(["certificate", "deny", (await requestOf("shop-2")) ?? ""]);
  await until(() => log().includes("was denied"), 40_000);
  expect(log()).toContain("the control plane refuses this node");
  expect(await nodeNames()).not.toContain("shop-2");
}, 90_000);
