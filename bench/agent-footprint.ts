// What an agent costs a machine: its program alone, with five idle pods, against a real control plane over TLS.
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { request } from "node:https";
import { connect as connectTo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WebSocket } from "ws";

import { engineEnvironment, engineFlags } from "../agents/node/engine/lean-start.ts";
import { systemClock } from "../agents/node/host/system.ts";
import { openProcessRuntime } from "../agents/node/runtime/process/process.ts";
import { renewalShare } from "../agents/node/volume/renewal.ts";
import { bundleAgent } from "../local/bundle.ts";
import { certificates } from "../local/certificates.ts";
import { startControlPlane } from "../local/control-plane.ts";
import { listenTls } from "../local/tls-front.ts";
import { runBarePod } from "./bare-pod.ts";
import type { Memory } from "./memory.ts";
import { memoryOf } from "./memory.ts";

const pods = 5;
const monthSeconds = 30 * 86_400;
const ticksPerSecond = 100;
const podsPath = "/api/v1/namespaces/default/pods";
const setsPath = "/apis/apps/v1/namespaces/default/daemonsets";

export type Footprint = {
  readonly startedMs: number;
  readonly podStartMs: number;
  readonly barePodStartMs: number;
  readonly memory: Memory;
  readonly cpuShare: number;
  readonly pingBytes: number;
  readonly syncBytes: number;
  readonly tokenBytes: number;
  readonly tokenSeconds: number;
  readonly monthBytes: number;
};

/** Bytes of TLS records, as they go over the wire, in both directions together. */
class CountedLine {
  readonly #sizes: number[] = [];
  #port = 0;
  readonly #server = createServer((client) => {
    const upstream = connectTo(this.#target, "127.0.0.1");
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      from.on("data", (chunk: Buffer) => this.#sizes.push(chunk.length));
      from.on("error", () => to.destroy());
      from.on("close", () => to.destroy());
      from.pipe(to);
    }
  });
  readonly #target: number;

  constructor(target: number) {
    this.#target = target;
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    const address = this.#server.address();
    this.#port = typeof address === "object" && address !== null ? address.port : 0;
    return this.#port;
  }

  /** What went over it since the last time, piece by piece. */
  take(): readonly number[] {
    return this.#sizes.splice(0);
  }

  close(): void {
    this.#server.close();
  }
}

/** `engine`: Node's program; `seconds`: how long the agent is watched at rest. */
export async function measureFootprint(engine: string, seconds: number): Promise<Footprint> {
  const dir = mkdtempSync(join(tmpdir(), "lares-footprint-"));
  const token = `lares_bench_${randomBytes(32).toString("hex")}`;
  const adminTokenDigest = createHash("sha256").update(token).digest("hex");
  const controlPlane = await startControlPlane({ stateDir: dir, adminTokenDigest, logFile: join(dir, "log") });
  const pki = await certificates(join(dir, "pki"), Date.now());
  const frontPort = await freePort();
  const front = await listenTls(frontPort, pki);
  front.target(controlPlane.port);
  const line = new CountedLine(frontPort);
  const port = await line.listen();
  const program = join(dir, "lares-agent.cjs");
  await bundleAgent("node", program);

  const call = async (method: string, path: string, body?: unknown) => {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json", connection: "close" };
    const content = body === undefined ? {} : { body: JSON.stringify(body) };
    const answer = await fetch(controlPlane.url + path, { method, headers, ...content });
    return JSON.parse(await answer.text());
  };
  const made = await call("POST", "/apis/lares.dev/v1alpha1/jointokens", {
    apiVersion: "lares.dev/v1alpha1",
    kind: "JoinToken",
    metadata: { name: "bench" },
    spec: {},
  });
  for (let index = 0; index < pods; index += 1) await call("POST", setsPath, idleSet(`idle-${index}`));

  const state = join(dir, "state");
  const startedAtMs = performance.now();
  const agent = spawn(
    engine,
    [
      ...[...engineFlags, program, "agent", "run", "--server", `https://127.0.0.1:${port}`],
      ...["--ca-file", join(dir, "pki", "ca.crt"), "--node", "bench", "--runtime", "process"],
      ...["--state-dir", state, "--log-dir", join(dir, "log-dir"), "--join-token", made.status.token],
      "--stop-pods-on-exit",
    ],
    { stdio: ["ignore", "ignore", "pipe"], env: { ...process.env, ...engineEnvironment } },
  );
  const ended = new Promise((resolve) => agent.once("exit", resolve));
  let log = "";
  agent.stderr.on("data", (chunk) => {
    log += chunk;
  });
  try {
    const running = async () => {
      const { items } = await call("GET", podsPath);
      return items.filter((pod: { status: { phase: string } }) => pod.status.phase === "Running").length;
    };
    await until(async () => startedPods(state).length > 0);
    const startedMs = performance.now() - startedAtMs;
    await until(async () => (await running()) === pods);
    const podStartMs = await onePodMs(
      state,
      () => log,
      () => call("POST", setsPath, idleSet("one-more")),
    );
    await call("DELETE", `${setsPath}/one-more`);
    // The first one installs what the others use.
    await bareStartMs(dir);
    const barePodStartMs = await bareStartMs(dir);
    await until(async () => (await running()) === pods);
    // What comes up comes to rest first.
    await sleep(30_000);
    line.take();
    const before = cpuTicks(agent.pid ?? 0);
    await sleep(seconds * 1000);
    const cpuShare = (cpuTicks(agent.pid ?? 0) - before) / ticksPerSecond / seconds;
    const idle = line.take();
    const pings = idle.filter((size) => size < 64);
    const pingBytes = pings.length === 0 ? 0 : (2 * pings.reduce((sum, size) => sum + size, 0)) / pings.length;
    const reach = { port, state, authority: pki.authority };
    const syncBytes = await syncExchangeBytes(line, reach);
    const { items } = await call("GET", podsPath);
    const { tokenBytes, lifeSeconds } = await tokenExchangeBytes(line, reach, items[0].metadata.uid);
    const tokenSeconds = renewalShare * lifeSeconds;
    const monthBytes =
      (monthSeconds / 75) * pingBytes +
      (monthSeconds / 1800) * syncBytes +
      pods * (monthSeconds / tokenSeconds) * tokenBytes;
    const memory = memoryOf(agent.pid ?? 0);
    return {
      startedMs,
      podStartMs,
      barePodStartMs,
      memory,
      cpuShare,
      pingBytes,
      syncBytes,
      tokenBytes,
      tokenSeconds,
      monthBytes,
    };
  } finally {
    agent.kill("SIGTERM");
    await ended;
    line.close();
    await front.close();
    await controlPlane.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

function idleSet(name: string): unknown {
  const container = { name: "idle", image: "none", command: ["sleep", "infinity"] };
  const template = {
    metadata: { labels: { app: name } },
    spec: { terminationGracePeriodSeconds: 1, containers: [container] },
  };
  const spec = { selector: { matchLabels: { app: name } }, template };
  return { apiVersion: "apps/v1", kind: "DaemonSet", metadata: { name }, spec };
}

/** When each container's process was there. */
function startedPods(state: string): readonly number[] {
  const containers = join(state, "runtime", "containers");
  if (!existsSync(containers)) return [];
  const files = readdirSync(containers).map((id) => join(containers, id, "pid"));
  return files.filter((file) => existsSync(file)).map((file) => statSync(file).mtimeMs);
}

/** From an assignment's arrival to the process that it asks for. */
async function onePodMs(state: string, log: () => string, ask: () => Promise<unknown>): Promise<number> {
  const before = startedPods(state).length;
  const logged = log().length;
  await ask();
  await until(async () => startedPods(state).length > before);
  const assigned = /"time":"([^"]+)","level":"info","msg":"assignment"/.exec(log().slice(logged))?.[1] ?? "";
  return Math.max(...startedPods(state)) - Date.parse(assigned);
}

/** The same by the runtime alone. */
async function bareStartMs(dir: string): Promise<number> {
  const directory = join(dir, "bare");
  const runtime = await openProcessRuntime({
    directory,
    logsDirectory: join(directory, "log"),
    clock: systemClock,
  });
  const startedAtMs = performance.now();
  const { sandboxId, id } = await runBarePod(runtime, {
    ...{ name: "bare", directory, image: "none", command: ["sleep", "infinity"] },
  });
  const tookMs = performance.now() - startedAtMs;
  await runtime.stopContainer(id, 0);
  await runtime.removePodSandbox(sandboxId);
  runtime.close();
  return tookMs;
}

type Reach = { readonly port: number; readonly state: string; readonly authority: string };

/** What one message without news costs with its answer, on a socket like the agent's and in its place. */
async function syncExchangeBytes(line: CountedLine, { port, state, authority }: Reach): Promise<number> {
  const { node, credential } = JSON.parse(readFileSync(join(state, "credential"), "utf8"));
  const headers = { authorization: `Bearer ${credential}` };
  const url = `wss://127.0.0.1:${port}/agent/v1/socket?ping=75`;
  const socket = new WebSocket(url, { headers, ca: authority, perMessageDeflate: false });
  await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
  const ask = (sequence: number, have: unknown) =>
    new Promise<Record<string, unknown>>((resolve) => {
      socket.once("message", (data) => resolve(JSON.parse(String(data))));
      socket.send(JSON.stringify({ protocol: 1, node, sequence, have }));
    });
  const { revision, etag, templates } = await ask(1000, { revision: 0, etag: "", templates: [] });
  await sleep(500);
  line.take();
  await ask(1001, { revision, etag, templates: Object.keys(templates ?? {}) });
  await sleep(200);
  const bytes = line.take().reduce((sum, size) => sum + size, 0);
  socket.terminate();
  return bytes;
}

/** What a token for a pod's volume costs, by a connection of its own. */
async function tokenExchangeBytes(line: CountedLine, { port, state, authority }: Reach, podUid: string) {
  const { credential } = JSON.parse(readFileSync(join(state, "credential"), "utf8"));
  const body = JSON.stringify({ podUid, audience: "", expirationSeconds: 3607 });
  const headers = { authorization: `Bearer ${credential}`, "content-type": "application/json" };
  line.take();
  const answer = await new Promise<string>((resolve, reject) => {
    const options = { host: "127.0.0.1", port, path: "/agent/v1/token", method: "POST", headers, ca: authority };
    const asked = request({ ...options, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk) => {
        text += chunk;
      });
      response.on("end", () => resolve(text));
    });
    asked.once("error", reject);
    asked.end(body);
  });
  await sleep(200);
  const tokenBytes = line.take().reduce((sum, size) => sum + size, 0);
  return { tokenBytes, lifeSeconds: JSON.parse(answer).expiresInMs / 1000 };
}

function cpuTicks(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return Number(fields[11]) + Number(fields[12]);
}

async function until(isTrue: () => Promise<boolean>): Promise<void> {
  for (const endAtMs = performance.now() + 60_000; !(await isTrue()); await sleep(5)) {
    if (performance.now() > endAtMs) throw new Error(`not within a minute: ${String(isTrue)}`);
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return typeof address === "object" && address !== null ? address.port : 0;
}
