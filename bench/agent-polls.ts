// Whether the memory of the program that ships stays as it is: over thousands of polls of a real server behind TLS, and
// while the server is away.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { engineEnvironment, engineFlags } from "../agents/node/engine/lean-start.ts";
import { bundleAgent } from "../local/bundle.ts";
import { certificates } from "../local/certificates.ts";
import { assignedPod, container, template } from "../test/agents/support/pods.ts";
import { Server } from "../test/agents/support/server.ts";
import { memoryOf } from "./memory.ts";

const pods = 5;
const warmPolls = 500;
/** By then the agent has come to rest after its start. */
const restMs = 30_000;
const pollTimeoutMs = 60_000;

export type PolledMemory = {
  readonly polls: number;
  readonly firstMib: number;
  readonly lastMib: number;
  readonly peakMib: number;
  /** The highest while the server was away. */
  readonly offlineMib: number;
};

/** `engine`: Node's program. The agent asks as often as it may: each tenth of a second. */
export async function measurePolls(engine: string, polls: number, offlineSeconds: number): Promise<PolledMemory> {
  const dir = mkdtempSync(join(tmpdir(), "lares-polls-"));
  const pki = await certificates(join(dir, "pki"), Date.now());
  const server = new Server({ tls: { key: pki.key, cert: pki.certificate } });
  await server.start();
  const plane = server.plane("bench");
  plane.nextSyncMs = 0;
  const idle = template({
    terminationGracePeriodSeconds: 1,
    containers: [container({ name: "idle", command: ["sleep", "infinity"] })],
  });
  plane.assign(
    Array.from({ length: pods }, (_, n) => assignedPod({ uid: `uid-${n}`, name: `idle-${n}`, template: "t1" })),
    { t1: idle },
  );
  const program = join(dir, "lares-agent.cjs");
  await bundleAgent("node", program);
  writeFileSync(join(dir, "token"), server.joinToken);
  const agent = spawn(
    engine,
    [
      ...[...engineFlags, program, "agent", "run", "--server", server.url, "--ca-file", join(dir, "pki", "ca.crt")],
      ...["--node", "bench", "--runtime", "process", "--connection", "poll", "--stop-pods-on-exit"],
      ...["--state-dir", join(dir, "state"), "--log-dir", join(dir, "log"), "--join-token-file", join(dir, "token")],
    ],
    { stdio: "ignore", env: { ...process.env, ...engineEnvironment } },
  );
  const resident = () => memoryOf(agent.pid ?? 0).residentMib;
  let answered = 0;
  const polled = async (count: number, look: () => void) => {
    for (let silentSinceMs = performance.now(); answered < count; await sleep(500)) {
      const news = plane.requests.splice(0).length;
      server.asked.length = 0;
      answered += news;
      if (news > 0) silentSinceMs = performance.now();
      if (performance.now() - silentSinceMs > pollTimeoutMs) throw new Error("the agent does not ask any more");
      look();
    }
  };
  try {
    await polled(1, () => {});
    await sleep(restMs);
    await polled(warmPolls, () => {});
    const firstMib = resident();
    const seen = [firstMib];
    await polled(warmPolls + polls, () => seen.push(resident()));
    const lastMib = resident();
    await server.stop();
    const away: number[] = [];
    for (let second = 0; second < offlineSeconds; second += 1) {
      await sleep(1000);
      away.push(resident());
    }
    await server.start();
    return { polls, firstMib, lastMib, peakMib: Math.max(...seen), offlineMib: Math.max(lastMib, ...away) };
  } finally {
    const ended = new Promise((resolve) => agent.once("exit", resolve));
    agent.kill("SIGTERM");
    await ended;
    await server.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
