// Control groups of pods, where the runtime or systemd is slow to answer, fails to, or does not know the question.
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { systemClock } from "../../agents/node/host/system.ts";
import type { CriRuntime } from "../../agents/node/runtime/cri/cri.ts";
import { openCriRuntime } from "../../agents/node/runtime/cri/cri.ts";
import { grpcCodes } from "../../agents/node/runtime/cri/grpc.ts";
import { methods } from "../../agents/node/runtime/cri/service.ts";
import { removeControlGroups } from "../containers/leftovers.ts";
import { nameOf, ownDirectory } from "../containers/own-directory.ts";
import { containerConfigOf, sandboxConfigOf, value } from "./runtime.conformance.ts";
import { cpuWeight, makeControlGroup } from "./support/control-group.ts";
import { CriServer } from "./support/cri-server.ts";
import { Systemctl } from "./support/systemctl.ts";

const bySystemd = { linux: { cgroupDriver: 0 } };
const byPaths = { linux: { cgroupDriver: 1 } };

let directory: string;
/** What the groups of all pods are below; as a slice's name it has no dash, which would lead a level down. */
let group: string;
let slice: string;
let podSlice: string;
let server: CriServer;
let systemctl: Systemctl;
let runtime: CriRuntime;
let warnings: string[];

beforeEach(async () => {
  directory = ownDirectory("groups");
  group = nameOf(directory).replaceAll("-", "");
  slice = `${group}.slice`;
  podSlice = `${group}-poduid_1.slice`;
  systemctl = new Systemctl(join(directory, "bin"));
  vi.stubEnv("PATH", systemctl.path);
  server = await CriServer.start(join(directory, "s.sock"));
  server.on(methods.version, { runtimeName: "containerd", runtimeVersion: "v1" });
  server.on(methods.status, {});
  server.on(methods.runtimeConfig, bySystemd);
  server.on(methods.createContainer, { containerId: "container-1" });
  server.on(methods.startContainer, {});
  server.on(methods.stopPodSandbox, {});
  server.on(methods.listContainers, {});
  warnings = [];
  runtime = await open();
});

afterEach(async () => {
  for (const state of ["hangs", "refuses"] as const) systemctl.set(state, false);
  runtime.close();
  await server.stop();
  vi.unstubAllEnvs();
  for (const one of [group, slice]) removeControlGroups(one);
  rmSync(directory, { recursive: true, force: true });
});

function open(): Promise<CriRuntime> {
  return openCriRuntime({
    socketPath: join(directory, "s.sock"),
    owner: "agent-1",
    logsDirectory: join(directory, "log"),
    seccompDirectories: [join(directory, "seccomp")],
    controlGroup: group,
    clock: systemClock,
    log: { info: () => {}, warn: (message, fields) => void warnings.push(`${message}: ${JSON.stringify(fields)}`) },
  });
}

const sandbox = () => sandboxConfigOf(join(directory, "log"));

describe("how a runtime names control groups", () => {
  test.each([
    ["runs out of time", grpcCodes.deadlineExceeded],
    ["cannot be had", grpcCodes.unavailable],
    ["is an error", grpcCodes.unknown],
    ["is lost on the way", "lost"],
  ] as const)("is not guessed when its answer %s: the sandbox is run once it is known", async (_, problem) => {
    const run = server.on(methods.runPodSandbox, { podSandboxId: "sandbox-1" });
    const created = server.on(methods.createContainer, { containerId: "container-1" });
    const pulled = server.on(methods.pullImage, { imageRef: "image-1" });
    server.on(methods.runtimeConfig, problem);
    const failed = {
      ok: false,
      message: expect.stringMatching(/^the runtime does not say who makes control groups: /),
    };
    expect(await runtime.runPodSandbox(sandbox())).toMatchObject(failed);
    expect(await runtime.createContainer("sandbox-1", containerConfigOf({}), sandbox())).toMatchObject(failed);
    expect(await runtime.pullImage("image", sandbox(), [])).toMatchObject(failed);
    expect([...run, ...created, ...pulled]).toEqual([]);
    server.on(methods.runtimeConfig, bySystemd);
    expect(await runtime.runPodSandbox(sandbox())).toEqual({ ok: true, value: "sandbox-1" });
    expect(run.map(({ config }) => config?.linux?.cgroupParent)).toEqual([podSlice]);
  });

  test("is not guessed as long as a runtime of old does not answer at all", async () => {
    const run = server.on(methods.runPodSandbox, { podSandboxId: "sandbox-1" });
    server.on(methods.runtimeConfig, grpcCodes.unimplemented);
    server.on(methods.status, grpcCodes.unavailable);
    expect(await runtime.runPodSandbox(sandbox())).toMatchObject({ ok: false });
    expect(run).toEqual([]);
  });

  const config = (hasSystemd: boolean) => ({ info: { config: JSON.stringify({ SystemdCgroup: hasSystemd }) } });
  test.each([
    ["containerd", config(true), "systemd"],
    ["containerd", config(false), "cgroupfs"],
    ["containerd", {}, "cgroupfs"],
    ["cri-o", {}, "systemd"],
  ] as const)(
    "is found otherwise where a %s of old, whose status is %j, does not know the question: %s",
    async (...row) => {
      const [name, status, driver] = row;
      runtime.close();
      server.on(methods.version, { runtimeName: name });
      server.on(methods.runtimeConfig, grpcCodes.unimplemented);
      server.on(methods.status, status);
      runtime = await open();
      const run = server.on(methods.runPodSandbox, { podSandboxId: "sandbox-1" });
      value(await runtime.runPodSandbox(sandbox()));
      const expected = driver === "systemd" ? podSlice : `/${group}/poduid-1`;
      expect(run.map(({ config: of }) => of?.linux?.cgroupParent)).toEqual([expected]);
    },
  );

  test("is asked once", async () => {
    const asked = server.on(methods.runtimeConfig, byPaths);
    server.on(methods.runPodSandbox, { podSandboxId: "sandbox-1" });
    for (let round = 0; round < 3; round++) value(await runtime.runPodSandbox(sandbox()));
    expect(asked).toHaveLength(1);
  });
});

describe("systemd", () => {
  const told = (weight: number) => `set-property --runtime ${podSlice} ${cpuWeight.property}=${weight}`;
  const toldOfPod = () => systemctl.done().filter((line) => line.includes(podSlice));
  const patience = { timeout: 10_000, interval: 20 };

  /** A container of the pod, by its weight. */
  async function start(name: string, weight: number): Promise<void> {
    server.on(methods.createContainer, { containerId: name });
    value(await runtime.createContainer("sandbox-1", containerConfigOf({ metadata: { name, attempt: 0 } }), sandbox()));
    makeControlGroup(`${slice}/${podSlice}/${name}.scope`, weight);
    value(await runtime.startContainer(name));
  }

  test("is told what all pods weigh, and what each does, and nothing twice", async () => {
    await start("a", 300);
    await vi.waitFor(() => expect(toldOfPod()).toEqual([told(300)]), patience);
    await start("b", 200);
    await vi.waitFor(() => expect(toldOfPod()).toEqual([told(300), told(500)]), patience);
    value(await runtime.startContainer("b"));
    await start("c", 100);
    await vi.waitFor(() => expect(toldOfPod()).toEqual([told(300), told(500), told(600)]), patience);
    const ofAll = systemctl.done().filter((line) => line.includes(` ${slice} ${cpuWeight.property}=`));
    expect(ofAll).toHaveLength(1);
    expect(warnings).toEqual([]);
  });

  test("that hangs holds up no start, and what it is told in the end is what holds then", async () => {
    systemctl.set("hangs", true);
    await start("a", 300);
    await vi.waitFor(() => expect(systemctl.asked()).toContain(told(300)), patience);
    await start("b", 200);
    await start("c", 100);
    // One at a time: of two calls the one that was made first might be the one that is heard last.
    expect(systemctl.asked().filter((line) => line.includes(podSlice))).toEqual([told(300)]);
    systemctl.set("hangs", false);
    await vi.waitFor(() => expect(toldOfPod()).toEqual([told(300), told(600)]), patience);
  }, 15_000);

  test("that refuses is told again with the pod's next container, and whoever reads the log hears of it once", async () => {
    systemctl.set("refuses", true);
    await start("a", 300);
    await vi.waitFor(() => expect(systemctl.asked()).toContain(told(300)), patience);
    await vi.waitFor(() => expect(warnings).toEqual([expect.stringContaining("Connection refused")]), patience);
    // The kernel knows at least, until systemd reads its units again.
    const weight = join(makeControlGroup(`${slice}/${podSlice}`), cpuWeight.file);
    await vi.waitFor(() => expect(readFileSync(weight, "utf8")).toBe("300\n"), patience);
    await start("b", 200);
    await vi.waitFor(() => expect(readFileSync(weight, "utf8")).toBe("500\n"), patience);
    systemctl.set("refuses", false);
    // What it weighs has not changed since.
    value(await runtime.startContainer("b"));
    await vi.waitFor(() => expect(toldOfPod()).toEqual([told(500)]), patience);
    expect(warnings).toHaveLength(1);
  });

  test("is told to end a pod's slice after all that it was to be told of it before", async () => {
    await start("a", 300);
    await vi.waitFor(() => expect(toldOfPod()).toHaveLength(1), patience);
    systemctl.set("hangs", true);
    await start("b", 200);
    await vi.waitFor(() => expect(systemctl.asked()).toContain(told(500)), patience);
    const gone = server.on(methods.removePodSandbox, {});
    const items = [{ id: "sandbox-1", labels: sandbox().labels }];
    server.on(methods.listPodSandbox, () => (gone.length === 0 ? { items } : {}));
    const removed = runtime.removePodSandbox("sandbox-1");
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(systemctl.asked()).not.toContain(`stop ${podSlice}`);
    systemctl.set("hangs", false);
    value(await removed);
    expect(toldOfPod().slice(1)).toEqual([told(500), `stop ${podSlice}`]);
  });
});
