// Runs the whole table with one runtime: one agent, which has all pods at once, so that they start beside each other.
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";

import { PodSpec } from "../../../src/model/pod-spec.ts";
import type { AssignedPod } from "../../../src/sync/messages.ts";
import { busyboxImage } from "../../containers/image.ts";
import { Registry } from "../../containers/registry.ts";
import { AgentProcess, bundleAgent } from "../support/agent-process.ts";
import { unmountBelow } from "../support/mounts.ts";
import { Server } from "../support/server.ts";
import type { ContainerFields, Place, PodCase, SpecFields } from "./case.ts";
import { commandOf, isShown, sectionsOf } from "./case.ts";
import { RealPod } from "./real-pod.ts";
import { subjects } from "./subjects.ts";

export type RunningRuntime = {
  readonly runtime: Place["runtime"];
  /** Of busybox. */
  readonly image: string;
  readonly registry: Registry;
  /** What the agent is told of it. */
  readonly args: readonly string[];
  /** Ends and removes all that runs in it. */
  clear(): Promise<void>;
  remove(): Promise<void>;
};

const credentials = { username: "puller", password: "secret" };

export function describePodSpec(name: string, start: () => Promise<RunningRuntime>): void {
  describe(`a pod's specification with ${name}`, () => {
    const directory = mkdtempSync(join(tmpdir(), "lares-pod-spec-"));
    const logDirectory = join(directory, "log");
    const pods = new Map<string, RealPod>();
    let runtime: RunningRuntime | undefined;
    let guarded: Registry | undefined;
    let server: Server | undefined;
    let agent: AgentProcess | undefined;
    let startedAtMs = 0;
    // All pods start at once, so that one that is not there after this time does not come any more.
    const patience = () => ({ timeout: Math.max(10_000, startedAtMs + 120_000 - Date.now()), interval: 40 });

    beforeAll(async () => {
      const [program, running, locked] = await Promise.all([
        bundleAgent(directory),
        start().then((started) => (runtime = started)),
        Registry.start({ credentials }).then((started) => (guarded = started)),
      ]);
      await locked.push("test/guarded:1", busyboxImage());
      await locked.push("test/guarded:2", busyboxImage({ labels: { release: "2" } }));
      server = new Server();
      await server.start();
      const plane = server.plane("node-1");
      const { image, registry } = running;
      for (const each of Object.values(subjects).flat()) {
        const kept = join(directory, "kept", each.pod);
        mkdirSync(kept, { recursive: true });
        const place: Place = { runtime: running.runtime, image, registry, guarded: locked, directory: kept };
        const pod = new RealPod(each.pod, { plane, logDirectory, place, patience });
        pods.set(each.pod, pod);
        for (const object of each.objects ?? []) plane.put(object);
        plane.assign([assigned(each, pod)], { [pod.uid]: await templateOf(each, place) });
      }
      startedAtMs = Date.now();
      agent = new AgentProcess(program, [
        ...["--server", server.url, "--node", "node-1", "--join-token", server.joinToken, ...running.args],
        ...["--state-dir", join(directory, "state"), "--log-dir", logDirectory, "--local-api-port", "off"],
      ]);
    }, 60_000);

    afterAll(async () => {
      await agent?.kill("SIGKILL");
      await runtime?.clear();
      await server?.stop();
      await runtime?.remove();
      await guarded?.remove();
      unmountBelow(directory);
      rmSync(directory, { recursive: true, force: true });
    }, 60_000);

    for (const [subject, cases] of Object.entries(subjects)) {
      describe(subject, () => {
        for (const each of cases) describe(each.pod, () => describeRows(each, () => podOf(each.pod)));
      });
    }

    function podOf(pod: string): RealPod {
      const found = pods.get(pod);
      if (found === undefined) throw new Error(`the agent was never started: there is no pod ${pod}`);
      return found;
    }
  });
}

function describeRows({ rows }: PodCase, podOf: () => RealPod): void {
  for (const row of rows) {
    test(row.row, { timeout: 150_000 }, async () => {
      const pod = podOf();
      if (!isShown(row)) return row.check(pod);
      const container = row.in ?? "main";
      const index = rows
        .filter(isShown)
        .filter((one) => (one.in ?? "main") === container)
        .indexOf(row);
      const shown = await vi.waitFor(() => {
        const sections = sectionsOf(pod.lines(container));
        if (sections === undefined) throw new Error(`${container} has not ended its work: ${pod.explanation()}`);
        return sections[index] ?? "";
      }, pod.patience());
      const wanted = typeof row.is === "function" ? row.is(pod) : row.is;
      if (typeof wanted === "string") expect(shown).toBe(wanted);
      else expect(shown).toMatch(wanted);
    });
  }
}

function assigned({ serviceAccount }: PodCase, { name, uid }: RealPod): AssignedPod {
  return {
    ...{ uid, name, namespace: "default", template: uid, createdAtMs: Date.UTC(2025, 11, 31), observation: 0 },
    ...(serviceAccount === undefined ? {} : { serviceAccount }),
  };
}

async function templateOf({ pod, spec, labels, annotations, rows }: PodCase, place: Place) {
  const fields: SpecFields = (await spec?.(place)) ?? {};
  const complete = (one: ContainerFields) => ({
    image: place.image,
    ...(one["image"] === undefined && one["command"] === undefined ? { command: commandOf(rows, one.name) } : {}),
    ...one,
  });
  const parsed = PodSpec.parse({
    automountServiceAccountToken: false,
    ...fields,
    ...(fields.initContainers === undefined ? {} : { initContainers: fields.initContainers.map(complete) }),
    containers: (fields.containers ?? [{ name: "main" }]).map(complete),
  });
  return {
    metadata: { labels: labels ?? { app: pod }, ...(annotations === undefined ? {} : { annotations }) },
    spec: parsed,
  };
}
