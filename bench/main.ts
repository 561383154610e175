// `npm run bench`: how long things take, and how that compares with the least they could take, on this machine and now.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { cpus } from "node:os";
import { delimiter, join } from "node:path";
import { parseArgs } from "node:util";

import { parse } from "smol-toml";

import { projectRoot } from "../local/bundle.ts";
import { measureFlatness } from "./agent-flatness.ts";
import { measureFootprint } from "./agent-footprint.ts";
import type { PolledMemory } from "./agent-polls.ts";
import { measurePolls as measureAgentPolls, measureOfflineDay } from "./agent-polls.ts";
import { measureApi } from "./api-speed.ts";
import type { Bare } from "./baselines.ts";
import { exchangeMs, sqliteMs, startBareWorker } from "./baselines.ts";
import { measureContainerStarts } from "./container-starts.ts";
import { engineKinds } from "./engine-ground.ts";
import { measureWithEngine } from "./engine-memory.ts";
import type { Counters } from "./measured-cluster.ts";
import { engineMemoryMib, MeasuredCluster } from "./measured-cluster.ts";
import { requestRate } from "./request-rate.ts";

const tableHeaders = { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" } as const;
const idleMs = 10_000;
const rateMs = 3_000;
/** From this many nodes on the API's answers to people are measured too. */
const busyNodes = 10_000;

function row(what: string, value: string, remark = ""): void {
  console.log(`  ${what.padEnd(34)} ${value.padStart(12)}   ${remark}`);
}

function inSeconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}

/** How much longer than bare messages and raw SQLite it took, and how many nodes that is in a second. */
function ratio(ms: number, baselineMs: number, nodes: number): string {
  const rate = `${((nodes * 1000) / ms).toFixed(0)} nodes/s`;
  return `${(ms / baselineMs).toFixed(1)} x ${inSeconds(baselineMs)}, bare messages and raw SQLite; ${rate}`;
}

function difference(after: Counters, before: Counters): Counters {
  return {
    batches: after.batches - before.batches,
    rowsRead: after.rowsRead - before.rowsRead,
    rowsWritten: after.rowsWritten - before.rowsWritten,
  };
}

function rows({ rowsRead, rowsWritten, batches }: Counters, per: number): string {
  return `${(rowsWritten / per).toFixed(1)} written, ${(rowsRead / per).toFixed(1)} read, ${batches} batches in all`;
}

async function measureSize(nodes: number, bare: Bare): Promise<void> {
  console.log(`\n${nodes} nodes`);
  const bareMib = engineMemoryMib();
  const cluster = await MeasuredCluster.start(nodes);
  try {
    await measureRegistration(cluster, bare);
    await measureRollouts(cluster, bare);
    await measureOneNode(cluster);
    await measureReads(cluster, bare);
    await measurePolls(cluster, bare);
    await measureIdle(cluster);
    if (nodes >= busyNodes) await measureBusyApi(cluster, bare);
    const mib = engineMemoryMib();
    const perNode = `${((mib * 1024) / nodes).toFixed(0)} KiB per node`;
    row(
      "engine's memory",
      `${mib.toFixed(0)} MiB`,
      `${(mib / bareMib).toFixed(1)} x ${bareMib.toFixed(0)} MiB, a bare Worker; ${perNode}`,
    );
  } finally {
    await cluster.stop();
  }
}

async function measureRegistration(cluster: MeasuredCluster, bare: Bare): Promise<void> {
  const { nodes } = cluster;
  // Of each node one message that is answered, and a Node and its log row kept.
  const baselineMs = (await exchangeMs(bare, nodes)) + sqliteMs(nodes, 1);
  const before = await cluster.counters();
  const startedAtMs = performance.now();
  await cluster.addNodes(nodes, 0);
  const tookMs = performance.now() - startedAtMs;
  row("all nodes registered", inSeconds(tookMs), ratio(tookMs, baselineMs, nodes));
  row("  rows per node", "", rows(difference(await cluster.counters(), before), nodes));
}

async function measureRollouts(cluster: MeasuredCluster, bare: Bare): Promise<void> {
  const { nodes } = cluster;
  // To each node one message that it answers and that is answered; a pod and its log kept, and changed once.
  const firstBaselineMs = (await exchangeMs(bare, nodes)) + sqliteMs(nodes, 2);
  const before = await cluster.counters();
  const firstMs = await cluster.rollOut("example/daemon:1");
  const middle = await cluster.counters();
  row("apply -> all Ready", inSeconds(firstMs), ratio(firstMs, firstBaselineMs, nodes));
  row("  rows per pod", "", rows(difference(middle, before), nodes));
  const updateBaselineMs = (await exchangeMs(bare, 2 * nodes)) + sqliteMs(nodes, 4);
  const updateMs = await cluster.rollOut("example/daemon:2");
  const after = await cluster.counters();
  row("rolling update, all at once", inSeconds(updateMs), ratio(updateMs, updateBaselineMs, nodes));
  row("  compared with the first rollout", `${(updateMs / firstMs).toFixed(2)} x`);
  row("  rows per pod", "", rows(difference(after, middle), nodes));
}

async function measureOneNode(cluster: MeasuredCluster): Promise<void> {
  // What cron does each minute: nobody is behind when the node comes.
  await cluster.controlPlane.runCron();
  await settled(cluster);
  const before = await cluster.counters();
  const startedAtMs = performance.now();
  await cluster.addNodes(1, cluster.nodes);
  await cluster.allAvailable(cluster.nodes + 1);
  row("one node added, its pod Ready", inSeconds(performance.now() - startedAtMs));
  await settled(cluster);
  row("  rows", "", rows(difference(await cluster.counters(), before), 1));
}

/** Resolves once nothing more is asked of D1. */
async function settled(cluster: MeasuredCluster): Promise<void> {
  for (let before = await cluster.counters(); ; ) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    const after = await cluster.counters();
    if (after.batches === before.batches) return;
    before = after;
  }
}

async function measureReads(cluster: MeasuredCluster, bare: Bare): Promise<void> {
  const pods = "/api/v1/namespaces/default/pods";
  const bareMs = await medianMs(() => fetch(`${bare.url}/object`, { headers: { connection: "close" } }));
  for (const [what, path] of [
    ["kubectl get ds", "/apis/apps/v1/namespaces/default/daemonsets?limit=500"],
    ["kubectl get pods, 500 of them", `${pods}?limit=500`],
  ] as const) {
    const ms = await medianMs(() => cluster.call("GET", path, undefined, tableHeaders));
    const remark = `${(ms / bareMs).toFixed(1)} x ${bareMs.toFixed(1)} ms, a bare Worker asking a bare object`;
    row(what, `${ms.toFixed(1)} ms`, `median of 20, connection included; ${remark}`);
  }
}

/** The median of 20 requests, in milliseconds. */
async function medianMs(ask: () => Promise<Response>): Promise<number> {
  const tookMs: number[] = [];
  for (let count = 0; count < 20; count += 1) {
    const startedAtMs = performance.now();
    await (await ask()).arrayBuffer();
    tookMs.push(performance.now() - startedAtMs);
  }
  return tookMs.sort((a, b) => a - b)[10] ?? 0;
}

async function measurePolls(cluster: MeasuredCluster, bare: Bare): Promise<void> {
  const { node, credential } = cluster.credentialOf(0);
  const answered = await fetch(
    `${cluster.controlPlane.url}/agent/v1/sync`,
    pollOf(node, credential, { revision: 0, etag: "", templates: [] }),
  );
  const { revision, etag } = JSON.parse(await answered.text());
  const poll = pollOf(node, credential, { revision, etag, templates: [] });
  const url = `${cluster.controlPlane.url}/agent/v1/sync`;
  const rate = await requestRate({ url, method: "POST", headers: poll.headers, body: () => poll.body }, rateMs);
  const bareRate = await requestRate({ url: `${bare.url}/object`, method: "GET" }, rateMs);
  row(
    "polls without news",
    `${rate.toFixed(0)} /s`,
    `${(rate / bareRate).toFixed(2)} x ${bareRate.toFixed(0)} /s, a bare Worker asking a bare object`,
  );
}

function pollOf(node: string, credential: string, have: unknown) {
  return {
    method: "POST",
    headers: { authorization: `Bearer ${credential}`, "content-type": "application/json" },
    body: JSON.stringify({ protocol: 1, node, sequence: 1, have }),
  } as const;
}

async function measureIdle(cluster: MeasuredCluster): Promise<void> {
  await settled(cluster);
  const before = await cluster.counters();
  await new Promise((resolve) => setTimeout(resolve, idleMs));
  const { rowsWritten, rowsRead } = difference(await cluster.counters(), before);
  row(`idle for ${idleMs / 1000} s`, `${rowsWritten} rows`, `written; ${rowsRead} read`);
}

/** With two pods on each node. */
async function measureBusyApi(cluster: MeasuredCluster, bare: Bare): Promise<void> {
  await cluster.rollOut("example/second:1", { name: "second", nodes: cluster.nodes + 1 });
  await settled(cluster);
  await measureApi({ url: cluster.controlPlane.url, token: cluster.token }, bare, row);
}

const mebi = 1024 * 1024;

/** Node's programs by version: this project's, and the machine's own where that is another. Each takes its own memory. */
function engines(): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const places = (process.env["PATH"] ?? "").split(delimiter).map((place) => join(place, "node"));
  for (const program of [process.execPath, ...places.filter((place) => existsSync(place))]) {
    const version = execFileSync(program, ["--version"], { encoding: "utf8" }).trim();
    if (!found.has(version)) found.set(version, program);
  }
  return found;
}

type AgentOptions = { readonly seconds: number; readonly polls: number };

/** The agent alone, against what it may cost. */
async function measureAgent({ seconds, polls }: AgentOptions): Promise<void> {
  for (const [version, engine] of engines()) {
    console.log(`\nthe agent alone, by Node ${version}, 5 idle pods, ${seconds} s at rest`);
    await measureAgentBy(engine, seconds);
    rowOfMemory(`memory after ${polls} polls`, await measureAgentPolls(engine, polls));
    const day = await measureOfflineDay(engine);
    if (day === null) console.log("  (24 hours offline: needs Debian's libfaketime)");
    else rowOfMemory("memory after 24 hours offline", day);
    for (const kind of engineKinds)
      row(`memory at rest with ${kind}`, inMegabytes(await measureWithEngine(engine, kind)));
  }
  console.log("\na pod of one container, from its assignment to its program at work");
  for (const kind of engineKinds) {
    const { agentMs, bareMs, singleMs } = await measureContainerStarts(kind);
    const single = singleMs === null ? "" : `; a container without a pod: ${singleMs.toFixed(0)} ms`;
    row(kind, `${agentMs.toFixed(0)} ms`, `${bareMs.toFixed(0)} ms by its API alone, limit 150 more${single}`);
  }
  console.log("\nthe agent's own heap");
  const { restKib, pollsKib, offlineKib } = await measureFlatness();
  row("after 10,000 answers", `${pollsKib.toFixed(0)} KiB`, `more than after 100, of ${restKib.toFixed(0)}`);
  row("after 24 hours offline", `${offlineKib.toFixed(0)} KiB`, "more, by a virtual clock");
}

function rowOfMemory(what: string, { firstMib, lastMib, peakMib }: PolledMemory): void {
  row(what, inMegabytes(lastMib), `${inMegabytes(firstMib)} before, ${inMegabytes(peakMib)} at most`);
}

function inMegabytes(mib: number): string {
  return `${((mib * mebi) / 1e6).toFixed(1)} MB`;
}

async function measureAgentBy(engine: string, seconds: number): Promise<void> {
  const found = await measureFootprint(engine, seconds);
  const { memory, cpuShare, monthBytes, startedMs, podStartMs, barePodStartMs } = found;
  row("resident memory (VmRSS)", inMegabytes(memory.residentMib), "limit 60");
  row("  with its part of what is shared", inMegabytes(memory.proportionalMib), "PSS: other Nodes run on this machine");
  row("  of no file", inMegabytes(memory.anonymousMib), "what the kernel could not drop");
  row("processor", `${(cpuShare * 100).toFixed(3)} %`, "of a core; limit 0.2");
  const tokens = `${found.tokenBytes} for each pod each ${(found.tokenSeconds / 3600).toFixed(0)} h`;
  const month = `limit 3; ${found.pingBytes.toFixed(0)} bytes each 75 s, ${found.syncBytes} each 30 min, ${tokens}; with TLS`;
  row("network in a month", `${(monthBytes / 1e6).toFixed(2)} MB`, month);
  row("start -> first pod's process", inSeconds(startedMs), "limit 2; enrolment included");
  const bare = `${barePodStartMs.toFixed(0)} ms by the runtime alone; limit 150 more`;
  row("assignment -> process", `${podStartMs.toFixed(0)} ms`, bare);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      nodes: { type: "string", default: "100,1000,10000" },
      "agent-only": { type: "boolean", default: false },
      "without-agent": { type: "boolean", default: false },
      "agent-seconds": { type: "string", default: "300" },
      // A tenth of a second each.
      "agent-polls": { type: "string", default: "10000" },
    },
  });
  const toml = parse(readFileSync(join(projectRoot, "wrangler.toml"), "utf8"));
  console.log(
    `${cpus().length} processors, ${cpus()[0]?.model ?? "unknown"}; control plane and simulated nodes together`,
  );
  if (!values["without-agent"]) {
    await measureAgent({ seconds: Number(values["agent-seconds"]), polls: Number(values["agent-polls"]) });
  }
  if (values["agent-only"]) return;
  const bare = await startBareWorker(String(toml["compatibility_date"]));
  for (const nodes of values.nodes.split(",").map(Number)) await measureSize(nodes, bare);
  await bare.stop();
}

await main();
process.exit(0);
