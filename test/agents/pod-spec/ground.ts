// What the table stands on: a runtime, registries, a control plane and one agent, which gets the pods in bunches that start
// beside each other.
import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, vi } from "vitest";

import { PodSpec } from "../../../src/model/pod-spec.ts";
import type { PodTemplate } from "../../../src/model/pod-template.ts";
import type { AssignedPod } from "../../../src/sync/messages.ts";
import { busyboxImage } from "../../containers/image.ts";
import { ownDirectory } from "../../containers/own-directory.ts";
import { Registry } from "../../containers/registry.ts";
import { AgentProcess, bundleAgent } from "../support/agent-process.ts";
import type { ControlPlane } from "../support/control-plane.ts";
import { mountPoints, unmountBelow } from "../support/mounts.ts";
import { Server } from "../support/server.ts";
import { Undo } from "../support/undo.ts";
import type { ContainerFields, Place, PodCase, SpecFields } from "./case.ts";
import { commandOf } from "./case.ts";
import { RealPod } from "./real-pod.ts";

export type RunningRuntime = {
  readonly runtime: Place["runtime"];
  /** Of busybox. */
  readonly image: string;
  readonly registry: Registry;
  /** What the agent is told of it. */
  readonly args: readonly string[];
  readonly list: Place["list"];
  /** Ends and removes all that runs in it, and itself. */
  remove(): Promise<void>;
};

const credentials = { username: "puller", password: "secret" };
/** A bunch starts at once, so that a pod that is not there after this time does not come any more. */
const patienceMs = 120_000;
/** What is done with a pod that is there takes no longer. */
const leastPatienceMs = 20_000;

export class Ground {
  readonly #undo = new Undo();
  readonly #directory = ownDirectory("pod-spec");
  readonly #pods = new Map<string, RealPod>();
  #runtime: RunningRuntime | undefined;
  #guarded: Registry | undefined;
  #plane: ControlPlane | undefined;

  constructor() {
    this.#undo.add(() => rmSync(this.#directory, { recursive: true, force: true }));
    this.#undo.add(() => unmountBelow(this.#directory));
  }

  /** One after the other, so that nothing is still on its way when something else has failed. */
  async start(startRuntime: () => Promise<RunningRuntime>): Promise<void> {
    const program = await bundleAgent(this.#directory);
    const guarded = await Registry.start({ credentials });
    this.#guarded = guarded;
    this.#undo.add(() => guarded.remove());
    await guarded.push("test/guarded:1", busyboxImage());
    await guarded.push("test/guarded:2", busyboxImage({ labels: { release: "2" } }));
    const running = await startRuntime();
    this.#runtime = running;
    this.#undo.add(() => running.remove());
    const server = new Server();
    await server.start();
    this.#undo.add(() => server.stop());
    this.#plane = server.plane("node-1");
    const agent = new AgentProcess(program, [
      ...["--server", server.url, "--node", "node-1", "--join-token", server.joinToken, ...running.args],
      ...["--state-dir", this.#stateDirectory, "--log-dir", this.#logDirectory, "--local-api-port", "off"],
    ]);
    this.#undo.add(() => agent.kill("SIGKILL"));
  }

  /** Hands the pods to the agent, but those that it was handed already. */
  async assign(cases: readonly PodCase[]): Promise<void> {
    const plane = this.#plane;
    if (plane === undefined) throw new Error("there is no control plane");
    const pods: AssignedPod[] = [];
    const templates: Record<string, PodTemplate> = {};
    const patience = patienceFrom(Date.now());
    for (const each of cases.filter((one) => !this.#pods.has(one.pod))) {
      const place = this.#placeOf(each);
      const pod = new RealPod(each.pod, { plane, logDirectory: this.#logDirectory, place, patience });
      this.#pods.set(each.pod, pod);
      for (const object of each.objects ?? []) plane.put(object);
      pods.push(assigned(each, pod));
      templates[pod.uid] = await templateOf(each, place);
    }
    plane.assign(pods, templates);
  }

  pod(name: string): RealPod {
    const found = this.#pods.get(name);
    if (found === undefined) throw new Error(`the agent never got the pod ${name}`);
    return found;
  }

  /** Nobody looks at the pod any more: it may go, in its own time. */
  release(name: string): void {
    const pod = this.#pods.get(name);
    if (pod !== undefined) this.#plane?.delete(pod.uid, 1);
  }

  /** Fails if the agent leaves anything of the pods behind. */
  async untilAllGone(): Promise<void> {
    for (const name of this.#pods.keys()) this.release(name);
    const state = join(this.#stateDirectory, "pods");
    await vi.waitFor(
      async () => {
        expect([...(this.#plane?.pods.keys() ?? [])]).toEqual([]);
        expect(await this.#runtime?.list()).toEqual([]);
        expect(mountPoints(this.#stateDirectory)).toEqual([]);
        expect(existsSync(state) ? readdirSync(state) : []).toEqual([]);
      },
      { timeout: 80_000, interval: 100 },
    );
  }

  /** Whatever is left goes by force, also that of a start that has failed halfway. */
  remove(): Promise<void> {
    return this.#undo.all();
  }

  get #stateDirectory(): string {
    return join(this.#directory, "state");
  }

  get #logDirectory(): string {
    return join(this.#directory, "log");
  }

  #placeOf({ pod }: PodCase): Place {
    if (this.#runtime === undefined || this.#guarded === undefined) throw new Error("there is nothing to run pods in");
    const { runtime, image, registry, list } = this.#runtime;
    const directory = join(this.#directory, "kept", pod);
    mkdirSync(directory, { recursive: true });
    return { runtime, image, registry, guarded: this.#guarded, directory, list };
  }
}

function patienceFrom(startedAtMs: number): RealPod["patience"] {
  const untilMs = startedAtMs + patienceMs;
  return () => ({ timeout: Math.max(leastPatienceMs, untilMs - Date.now()), interval: 40 });
}

function assigned({ serviceAccount, conditions }: PodCase, { name, uid }: RealPod): AssignedPod {
  return {
    ...{ uid, name, namespace: "default", template: uid, createdAtMs: Date.UTC(2025, 11, 31), observation: 0 },
    ...(serviceAccount === undefined ? {} : { serviceAccount }),
    ...(conditions === undefined ? {} : { conditions }),
  };
}

async function templateOf({ pod, spec, labels, annotations, rows }: PodCase, place: Place): Promise<PodTemplate> {
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
