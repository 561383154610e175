// Manifests in a folder of the node, and the pods that come of them.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { systemClock } from "../../agents/node/host/system.ts";
import { labels } from "../../agents/node/pod/labels.ts";
import { ManifestFolder } from "../../agents/node/static-pods/folder.ts";
import { readManifest } from "../../agents/node/static-pods/manifest.ts";
import type { StaticPod } from "../../agents/node/static-pods/static-pod.ts";
import { ownDirectory } from "../containers/own-directory.ts";
import { template } from "./support/pods.ts";
import { minuteMs, status } from "./support/stories.ts";
import { World } from "./support/world.ts";

const manifest = `apiVersion: v1
kind: Pod
metadata:
  name: web
  labels: {app: web}
spec:
  hostNetwork: true
  priorityClassName: system-node-critical
  containers:
    - name: main
      image: registry.example/web:1
`;

function read(text: string, path = "/manifests/web.yaml") {
  return readManifest({ node: "node-1", path, text, modifiedAtMs: 1000 });
}

describe("a manifest", () => {
  test("is a pod of this node, with the API's defaults, that no taint drives away", () => {
    const result = read(manifest);
    if (!result.ok) throw new Error(result.problem);
    const { uid, name, namespace, template: made } = result.pod;
    expect([name, namespace, uid.length]).toEqual(["web-node-1", "default", 32]);
    expect(made.metadata).toMatchObject({
      labels: { app: "web" },
      annotations: { "kubernetes.io/config.hash": uid, "kubernetes.io/config.source": "file" },
    });
    expect(made.spec).toMatchObject({
      hostNetwork: true,
      restartPolicy: "Always",
      terminationGracePeriodSeconds: 30,
      automountServiceAccountToken: false,
      priority: 2_000_001_000,
      tolerations: [{ operator: "Exists", effect: "NoExecute" }],
    });
    expect(made.spec).not.toHaveProperty("serviceAccountName");
  });

  test("is the same pod for the same text, and another one for another", () => {
    const uids = [read(manifest), read(manifest), read(manifest.replace("web:1", "web:2"))].map((result) =>
      result.ok ? result.pod.uid : "",
    );
    expect(uids[0]).toBe(uids[1]);
    expect(uids[0]).not.toBe(uids[2]);
  });

  test.each([
    ["no YAML", "a: [", "Flow sequence"],
    ["no Pod", manifest.replace("kind: Pod", "kind: Deployment"), "kind: Pod"],
    [
      "a wrong field",
      manifest.replace("image: registry", "imagePullPolicy: Sometimes\n      image: registry"),
      "imagePullPolicy",
    ],
    ["no container", manifest.slice(0, manifest.indexOf("  containers:")), "spec.containers"],
    ["an account", manifest.replace("hostNetwork: true", "serviceAccountName: robot"), "spec.serviceAccountName"],
    [
      "a Secret",
      manifest.replace("hostNetwork: true", "volumes: [{name: v, secret: {secretName: s}}]"),
      "spec.volumes[0].secret",
    ],
    [
      "a ConfigMap's value",
      manifest.replace(
        "image: registry",
        "env: [{name: A, valueFrom: {configMapKeyRef: {name: c, key: k}}}]\n      image: registry",
      ),
      "spec.containers[0].env[0].valueFrom.configMapKeyRef",
    ],
    [
      "all of a Secret",
      manifest.replace("image: registry", "envFrom: [{secretRef: {name: s}}]\n      image: registry"),
      "spec.containers[0].envFrom[0]",
    ],
    [
      "a token",
      manifest.replace(
        "hostNetwork: true",
        "volumes: [{name: v, projected: {sources: [{serviceAccountToken: {path: t}}]}}]",
      ),
      "spec.volumes[0].projected.sources[0].serviceAccountToken",
    ],
    [
      "a claim",
      manifest.replace("hostNetwork: true", "volumes: [{name: v, persistentVolumeClaim: {claimName: c}}]"),
      "spec.volumes[0].persistentVolumeClaim",
    ],
    ["pull secrets", manifest.replace("hostNetwork: true", "imagePullSecrets: [{name: s}]"), "spec.imagePullSecrets"],
  ])("with %s is refused, with the reason", (_what, text, problem) => {
    const result = read(text);
    expect(result.ok ? "" : result.problem).toContain(problem);
  });
});

test("a manifest may have what the node itself can tell of the pod", () => {
  const projected = "projected: {sources: [{downwardAPI: {items: [{path: n, fieldRef: {fieldPath: metadata.name}}]}}]}";
  expect(read(manifest.replace("hostNetwork: true", `volumes: [{name: v, ${projected}}]`)).ok).toBe(true);
});

describe("a folder", () => {
  let directory: string;
  let folder: ManifestFolder;
  const logs: string[] = [];

  beforeEach(() => {
    directory = ownDirectory("manifests");
    logs.length = 0;
    const log = (message: string, fields?: unknown) => void logs.push(`${message} ${JSON.stringify(fields)}`);
    const options = { directory: join(directory, "manifests"), node: "node-1", clock: systemClock };
    folder = new ManifestFolder({ ...options, log: { info: log, warn: log } });
  });
  afterEach(() => {
    folder.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  function write(name: string, text: string): void {
    mkdirSync(join(directory, "manifests"), { recursive: true });
    writeFileSync(join(directory, "manifests", name), text);
  }

  const names = () => folder.current().map(({ name }) => name);

  test("that is not there has no pods", async () => {
    await folder.load();
    expect([names(), logs]).toEqual([[], []]);
  });

  test("is followed", async () => {
    write("web.yaml", manifest);
    await folder.load();
    expect(names()).toEqual(["web-node-1"]);
    write(
      "more.json",
      JSON.stringify({
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name: "more" },
        spec: { containers: [{ name: "a", image: "a" }] },
      }),
    );
    write(".hidden.yaml", manifest);
    write("web.yaml~", manifest);
    await vi.waitFor(() => expect(names()).toEqual(["more-node-1", "web-node-1"]), 5000);
    rmSync(join(directory, "manifests/web.yaml"));
    await vi.waitFor(() => expect(names()).toEqual(["more-node-1"]), 5000);
    expect(logs).toEqual([]);
  });

  test("with a manifest that makes no sense says so once, and has the others", async () => {
    write("a.yaml", "kind: Nonsense");
    write("web.yaml", manifest);
    write("web-again.yaml", manifest);
    await folder.load();
    expect(names()).toEqual(["web-node-1"]);
    expect(logs).toEqual([
      expect.stringContaining('a manifest cannot be run as it is {"file":"a.yaml","problem":"a manifest is one Pod'),
      expect.stringContaining('{"file":"web.yaml","problem":"another manifest has the pod default/web-node-1"}'),
    ]);
  });

  test("tells what is wrong with a manifest, once until it is changed", async () => {
    const told: string[] = [];
    folder.onProblem(({ file, problem }) => told.push(`${file}: ${problem}`));
    write("web.yaml", manifest.replace("hostNetwork: true", "hostNetwork: true\n  hostNetwrk: true"));
    write("z.yaml", manifest.replace("hostNetwork: true", "volumes: [{name: v, secret: {secretName: s}}]"));
    await folder.load();
    const secret = "z.yaml: spec.volumes[0].secret: a static pod cannot refer to what the control plane keeps";
    expect(told).toEqual(["web.yaml: nobody knows its fields spec.hostNetwrk", secret]);
    write("another.yaml", manifest.replace("name: web", "name: another"));
    await vi.waitFor(() => expect(names()).toContain("another-node-1"), 5000);
    expect(told).toHaveLength(2);
    write("z.yaml", manifest.replace("hostNetwork: true", "volumes: [{name: vol, secret: {secretName: s}}]"));
    await vi.waitFor(() => expect(told).toHaveLength(3), 5000);
    expect(told[2]).toBe(secret);
  });
});

describe("an agent with a manifest", () => {
  const uid = "0123456789abcdef0123456789abcdef";
  const own: StaticPod = {
    uid,
    namespace: "default",
    name: "web-node-1",
    createdAtMs: 0,
    template: template({}, { annotations: { "kubernetes.io/config.hash": uid } }),
  };

  /** A folder whose pods a test decides, and a control plane that makes mirrors when it is up. */
  function worldWith(pods: readonly StaticPod[]) {
    const listeners = new Set<() => void>();
    let current = pods;
    let made = 0;
    const world: World = new World({
      staticPods: {
        source: {
          load: async () => {},
          current: () => current,
          onProblem: (listener) => listener({ file: "z.yaml", problem: "spec.volumes[0].secret: no" }),
          onChange: (listener) => {
            listeners.add(listener);
            return () => listeners.delete(listener);
          },
        },
        post: async (wanted) => {
          if (world.line !== "up") throw new Error("the line is down");
          const { controlPlane } = world;
          for (const pod of controlPlane.pods.values()) {
            if (!wanted.some(({ hash }) => pod.template === `mirror-${hash}`)) controlPlane.unassign(pod.uid);
          }
          for (const { hash, name, namespace } of wanted) {
            if ([...controlPlane.pods.values()].some(({ template: id }) => id === `mirror-${hash}`)) continue;
            made += 1;
            const annotations = { "kubernetes.io/config.mirror": hash };
            const mirror = {
              uid: `mirror-${made}`,
              namespace,
              name,
              template: `mirror-${hash}`,
              createdAtMs: 0,
              observation: 0,
            };
            controlPlane.assign([mirror], { [mirror.template]: template({}, { annotations }) });
          }
          return [];
        },
      },
    });
    const change = (next: readonly StaticPod[]) => {
      current = next;
      for (const listener of listeners) listener();
    };
    return { world, change, made: () => made };
  }

  const running = async (world: World) =>
    (await world.runtime.listContainers({}))
      .filter(({ state }) => state === "running")
      .map(({ labels: given }) => given[labels.podUid]);

  test("runs it, and tells of it under the name of its mirror", async () => {
    const { world } = worldWith([own]);
    world.agent.start();
    await world.clock.advance(minuteMs * 3);
    expect(await running(world)).toEqual([uid]);
    expect(status(world, "mirror-1").phase).toBe("Running");
    const { events } = world.controlPlane;
    expect(events.filter(({ podUid }) => podUid === undefined)).toMatchObject([
      {
        type: "Warning",
        reason: "FailedValidation",
        message: "Error validating the static pod of z.yaml: spec.volumes[0].secret: no",
        count: 1,
      },
    ]);
  });

  test("runs it without ever having met the control plane, and ends it with its manifest", async () => {
    const { world, change } = worldWith([own]);
    world.line = "down";
    world.agent.start();
    await world.clock.advance(minuteMs);
    expect(await running(world)).toEqual([uid]);
    world.restart();
    await world.clock.advance(minuteMs);
    expect((await world.runtime.listContainers({})).map(({ metadata }) => metadata.attempt)).toEqual([0]);
    change([]);
    await world.clock.advance(minuteMs);
    expect(await running(world)).toEqual([]);
  });

  test("goes on with it when its mirror is deleted, and has it shown anew", async () => {
    const { world, made } = worldWith([own]);
    world.agent.start();
    await world.clock.advance(minuteMs * 3);
    world.controlPlane.delete("mirror-1");
    await world.clock.advance(minuteMs * 3);
    expect(made()).toBe(2);
    expect([...world.controlPlane.pods.keys()]).toEqual(["mirror-2"]);
    expect(status(world, "mirror-2").phase).toBe("Running");
    expect((await world.runtime.listContainers({})).map(({ metadata }) => metadata.attempt)).toEqual([0]);
  });

  test("ends it when its manifest is gone, and its mirror with it", async () => {
    const { world, change } = worldWith([own]);
    world.agent.start();
    await world.clock.advance(minuteMs * 3);
    change([]);
    await world.clock.advance(minuteMs * 3);
    expect(await running(world)).toEqual([]);
    expect(world.controlPlane.pods.size).toBe(0);
  });

  test("runs no mirror that it does not know of", async () => {
    const { world } = worldWith([]);
    const annotations = { "kubernetes.io/config.mirror": "x" };
    const mirror = { uid: "u", namespace: "default", name: "x", template: "m", createdAtMs: 0, observation: 0 };
    world.controlPlane.assign([mirror], { m: template({}, { annotations }) });
    world.agent.start();
    await world.clock.advance(minuteMs);
    expect(await world.runtime.listContainers({})).toEqual([]);
    expect(world.controlPlane.pods.size).toBe(0);
  });

  test("asks more and more seldom for what does not come", async () => {
    let asked = 0;
    const source = { load: async () => {}, current: () => [own], onChange: () => () => {}, onProblem: () => {} };
    const post = async () => {
      asked += 1;
      return ["no room"];
    };
    const world = new World({ staticPods: { source, post } });
    world.agent.start();
    await world.clock.advance(minuteMs * 60);
    expect(asked).toBeGreaterThan(5);
    expect(asked).toBeLessThan(45);
    const [event] = world.controlPlane.events.filter(({ reason }) => reason === "FailedMirrorPod");
    expect(event).toMatchObject({ message: "Cannot show a static pod: no room", type: "Warning" });
  });
});
