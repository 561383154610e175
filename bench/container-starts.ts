// What the agent adds to the start of a container: from a pod's assignment to its program at work, in turns with the same
// program started by the engine's own API alone. Needs containerd, Docker and Podman on the machine, and root.
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";

import { AgentProcess, bundleAgent } from "../test/agents/support/agent-process.ts";
import { assignedPod, container, template } from "../test/agents/support/pods.ts";
import { Server } from "../test/agents/support/server.ts";
import { ownDirectory } from "../test/containers/own-directory.ts";
import type { EngineKind } from "./engine-ground.ts";
import { openGround } from "./engine-ground.ts";

/** Medians, in milliseconds. */
export type ContainerStarts = {
  readonly agentMs: number;
  /** The same pod by the engine's API alone. */
  readonly bareMs: number;
  /** A container that is no pod's, where the engine has such. */
  readonly singleMs: number | null;
};

const rounds = 11;
const startWithinMs = 60_000;
const node = "bench";

export async function measureContainerStarts(kind: EngineKind): Promise<ContainerStarts> {
  const directory = ownDirectory("starts");
  const shared = join(directory, "shared");
  mkdirSync(shared);
  const ground = await openGround(kind, directory);
  const server = new Server();
  await server.start();
  const agent = new AgentProcess(await bundleAgent(directory), [
    ...["--server", server.url, "--node", node, "--join-token", server.joinToken, "--stop-pods-on-exit"],
    ...["--state-dir", join(directory, "state"), "--log-dir", join(directory, "log"), ...ground.args],
  ]);
  try {
    const byAgent: number[] = [];
    const bare: number[] = [];
    const single: number[] = [];
    // The first of each makes what later ones find.
    for (let round = 0; round <= rounds; round += 1) {
      const mark = `agent-${round}`;
      const spec = podSpec(ground.image, working(mark), shared);
      byAgent.push(
        await timeTo(join(shared, mark), async () => {
          server.plane(node).assign([assignedPod({ uid: mark, name: mark, template: mark })], { [mark]: spec });
        }),
      );
      await until(() => server.plane(node).isReady(mark));
      const alone = `bare-${round}`;
      bare.push(await timeTo(join(shared, alone), () => ground.startBare(alone, working(alone), shared)));
      const { startSingle } = ground;
      if (startSingle === null) continue;
      const one = `single-${round}`;
      single.push(await timeTo(join(shared, one), () => startSingle(one, working(one), shared)));
    }
    const singleMs = single.length === 0 ? null : median(single.slice(1));
    return { agentMs: median(byAgent.slice(1)), bareMs: median(bare.slice(1)), singleMs };
  } finally {
    await agent.kill("SIGTERM");
    await server.stop();
    await ground.remove();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Leaves a file as the first thing it does. */
function working(mark: string): readonly string[] {
  return ["sh", "-c", `: >/shared/${mark}; trap 'exit 0' TERM; sleep 2147483 & wait $!`];
}

function podSpec(image: string, command: readonly string[], path: string) {
  return template({
    hostNetwork: true,
    terminationGracePeriodSeconds: 1,
    volumes: [{ name: "shared", hostPath: { path, type: "" } }],
    containers: [container({ image, command: [...command], volumeMounts: [{ name: "shared", mountPath: "/shared" }] })],
  });
}

/** From the call to the file's being there. */
async function timeTo(file: string, start: () => Promise<void>): Promise<number> {
  const startedAtMs = performance.now();
  await start();
  await until(() => existsSync(file));
  return performance.now() - startedAtMs;
}

async function until(isTrue: () => boolean): Promise<void> {
  for (const endAtMs = performance.now() + startWithinMs; !isTrue(); ) {
    if (performance.now() > endAtMs) throw new Error(`not within ${startWithinMs} ms: ${String(isTrue)}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
}
