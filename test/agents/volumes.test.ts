// Volumes on a real file system, with real mounts where the agent may make them.
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statfsSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import type { HeldObject, ObjectLookup, TokenSource } from "../../agents/node/assignment/objects.ts";
import { definitionOf } from "../../agents/node/pod/definition.ts";
import type { PodSurroundings } from "../../agents/node/pod/environment.ts";
import { annotations, labels } from "../../agents/node/pod/labels.ts";
import type { Mount, RuntimeContainerStatus } from "../../agents/node/runtime/runtime.ts";
import { HostVolumes } from "../../agents/node/volume/host-volumes.ts";
import type { Container } from "../../src/model/container.ts";
import type { PodSpec } from "../../src/model/pod-spec.ts";
import type { Volume } from "../../src/model/volume.ts";
import { ownDirectory } from "../containers/own-directory.ts";
import { mountPoints, unmountBelow } from "./support/mounts.ts";
import { assignedPod, container, template } from "./support/pods.ts";

let directory: string;
let pods: string;
let volumes: HostVolumes;
let nowMs: number;
let held: Map<string, HeldObject | null>;
let issued: { audience: string; expirationSeconds: number }[];
let areTokensAway: boolean;

const objects: ObjectLookup = { get: (kind, _, name) => held.get(`${kind}/${name}`), isOnItsWay: () => false };

/** Issues tokens that say of themselves when they expire. */
const tokens: TokenSource = {
  token: async ({ audience, expirationSeconds }) => {
    if (areTokensAway) throw new Error("the control plane is away");
    issued.push({ audience, expirationSeconds });
    const claims = { iat: nowMs / 1000, exp: nowMs / 1000 + expirationSeconds, number: issued.length };
    const token = `h.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.s`;
    return { token, issuedAtMs: nowMs, expiresAtMs: nowMs + expirationSeconds * 1000 };
  },
};

beforeEach(() => {
  directory = ownDirectory("volumes");
  pods = join(directory, "pods");
  nowMs = Date.UTC(2026, 0, 1);
  volumes = open();
  held = new Map();
  issued = [];
  areTokensAway = false;
});

afterEach(() => {
  unmountBelow(directory);
  rmSync(directory, { recursive: true, force: true });
});

function open(isRoot = true): HostVolumes {
  return new HostVolumes({
    podsDirectory: pods,
    logsDirectory: join(directory, "log"),
    isRoot,
    clock: { nowMs: () => nowMs, monotonicMs: () => nowMs },
  });
}

type Wanted = {
  readonly spec?: Partial<PodSpec>;
  readonly mount?: Partial<NonNullable<Container["volumeMounts"]>[number]>;
};

/** A pod whose only container mounts all its volumes. */
function pod(given: readonly Volume[], { spec = {}, mount = {} }: Wanted = {}): PodSurroundings {
  const volumeMounts = given.map(({ name }) => ({ name, mountPath: `/${name}`, ...mount }));
  const metadata = { labels: { app: "web", tier: 'a"b' }, annotations: { note: "kept" } };
  const full = {
    volumes: [...given],
    automountServiceAccountToken: false,
    containers: [container({ volumeMounts })],
    ...spec,
  };
  return {
    assigned: assignedPod(),
    definition: definitionOf(template(full, metadata)),
    node: { name: "node-1", ips: ["192.0.2.10"], allocatable: { cpu: "4", memory: "64Mi" } },
    podIp: "10.1.2.3",
    objects,
    tokens,
  };
}

async function mountsOf(surroundings: PodSurroundings, attempt = 0, host = volumes): Promise<readonly Mount[]> {
  const [first] = surroundings.definition.containers;
  if (first === undefined) throw new Error("no container");
  const envs = [{ key: "NODE", value: "node-1" }];
  const result = await host.mounts({ pod: surroundings, container: first, attempt, envs });
  if (!result.ok) throw new Error(result.message);
  return result.value;
}

/** Where the container finds the only volume of its pod. */
async function ready(surroundings: PodSurroundings): Promise<string> {
  expect(await volumes.setUp(surroundings)).toMatchObject({ problems: [], stale: [] });
  const [first] = await mountsOf(surroundings);
  return first?.hostPath ?? "";
}

async function problem(surroundings: PodSurroundings): Promise<string | undefined> {
  return (await volumes.setUp(surroundings)).problems[0]?.message;
}

function holdObject(kind: "ConfigMap" | "Secret", name: string, data: Record<string, string>, version = "1"): void {
  const encoded = Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString("base64")]);
  const isSecret = kind === "Secret";
  held.set(`${kind}/${name}`, {
    kind,
    namespace: "default",
    name,
    uid: "u",
    version,
    type: isSecret ? "Opaque" : "",
    data: isSecret ? {} : data,
    binaryData: isSecret ? Object.fromEntries(encoded) : {},
  });
}

function read(path: string, name: string): string {
  return readFileSync(join(path, name), "utf8");
}

function modeOf(path: string): string {
  return (statSync(path).mode & 0o7777).toString(8);
}

const tmpfs = 0x01021994;

describe("a hostPath", () => {
  const at = (name: string, type: string): Volume => ({ name: "v", hostPath: { path: join(directory, name), type } });

  test.each([
    ["", "nothing"],
    ["", "file"],
    ["Directory", "dir"],
    ["DirectoryOrCreate", "dir"],
    ["DirectoryOrCreate", "new/deep"],
    ["File", "file"],
    ["FileOrCreate", "file"],
    ["FileOrCreate", "new-file"],
    ["Socket", "socket"],
    ["CharDevice", "../../dev/null"],
  ])("of type %j is right at %s", async (type, name) => {
    mkdirSync(join(directory, "dir"));
    writeFileSync(join(directory, "file"), "kept");
    const server = createServer().listen(join(directory, "socket"));
    expect(await ready(pod([at(name, type)]))).toBe(join(directory, name));
    server.close();
    expect(read(directory, "file")).toBe("kept");
    if (name === "new/deep") expect(modeOf(join(directory, name))).toBe("755");
    if (name === "new-file") expect(modeOf(join(directory, name))).toBe("644");
  });

  test.each([
    ["Directory", "file", "directory"],
    ["Directory", "none", "directory"],
    ["DirectoryOrCreate", "file", "directory"],
    ["File", "none", "file"],
    ["FileOrCreate", "dir", "file"],
    ["Socket", "file", "socket file"],
    ["CharDevice", "file", "character device"],
    ["BlockDevice", "file", "block device"],
  ])("of type %s is wrong at %s", async (type, name, what) => {
    mkdirSync(join(directory, "dir"));
    writeFileSync(join(directory, "file"), "");
    const message = `hostPath type check failed: ${join(directory, name)} is not a ${what}`;
    expect(await problem(pod([at(name, type)]))).toBe(message);
  });

  test("cannot be made a file where there is no directory", async () => {
    expect(await problem(pod([at("none/file", "FileOrCreate")]))).toMatch(/no such file or directory/);
  });
});

describe("an emptyDir", () => {
  test("is open to all and keeps what is in it until the pod goes", async () => {
    const surroundings = pod([{ name: "cache", emptyDir: {} }]);
    const path = await ready(surroundings);
    expect(path).toBe(join(pods, "uid-1/volumes/kubernetes.io~empty-dir/cache"));
    expect(modeOf(path)).toBe("777");
    writeFileSync(join(path, "file"), "kept");
    volumes = open();
    expect(read(await ready(surroundings), "file")).toBe("kept");
    expect(await volumes.list()).toEqual(["uid-1"]);
    expect(await volumes.tearDown("uid-1", "all")).toMatchObject({ ok: true });
    expect(await volumes.list()).toEqual([]);
  });

  test.each([
    ["its own limit", "1Mi", undefined, 1],
    ["what the containers may use", undefined, "2Mi", 2],
    ["the lesser of both", "8Mi", "2Mi", 2],
    ["what the node can give", undefined, undefined, 64],
  ])("in memory is as large as %s", async (_, sizeLimit, limit, mebibytes) => {
    const mounts = { volumeMounts: [{ name: "m", mountPath: "/m" }] };
    const containers = [container({ ...mounts, resources: limit === undefined ? {} : { limits: { memory: limit } } })];
    const emptyDir = { medium: "Memory", ...(sizeLimit === undefined ? {} : { sizeLimit }) };
    const surroundings = pod([{ name: "m", emptyDir }], { spec: { containers } });
    const path = await ready(surroundings);
    const { type, blocks, bsize } = statfsSync(path);
    expect({ type, mebibytes: (blocks * bsize) / 2 ** 20 }).toEqual({ type: tmpfs, mebibytes });
    expect(modeOf(path)).toBe("777");
    writeFileSync(join(path, "file"), "kept");
    volumes = open();
    expect(read(await ready(surroundings), "file")).toBe("kept");
    expect(mountPoints(directory)).toEqual([path]);
    await volumes.tearDown("uid-1", "volumes");
    expect(mountPoints(directory)).toEqual([]);
    expect(existsSync(path)).toBe(false);
  });

  test("in memory is on disk where the agent may not mount", async () => {
    const surroundings = pod([{ name: "m", emptyDir: { medium: "Memory" } }]);
    await open(false).setUp(surroundings);
    expect(mountPoints(directory)).toEqual([]);
  });

  test("is measured with all that is in it, each file once", async () => {
    const surroundings = pod([{ name: "cache", emptyDir: { sizeLimit: "64Ki" } }]);
    const path = await ready(surroundings);
    writeFileSync(join(path, "a"), "x".repeat(32 * 1024));
    const usage = () => volumes.usage({ uid: "uid-1", definition: surroundings.definition });
    const [before] = await usage();
    expect(before).toMatchObject({ name: "cache", isOnDisk: true, inodes: 2 });
    expect(before?.bytes).toBeGreaterThanOrEqual(32 * 1024);
    expect(before?.bytes).toBeLessThan(48 * 1024);
    mkdirSync(join(path, "deep"));
    writeFileSync(join(path, "deep/b"), "x".repeat(64 * 1024));
    linkSync(join(path, "deep/b"), join(path, "deep/again"));
    const [after] = await usage();
    expect(after).toMatchObject({ inodes: 4 });
    expect(after?.bytes).toBeGreaterThanOrEqual(96 * 1024);
    expect(after?.bytes).toBeLessThan(128 * 1024);
  });

  test("belongs to the pod's group, as does what is made in it", async () => {
    const path = await ready(pod([{ name: "cache", emptyDir: {} }], { spec: { securityContext: { fsGroup: 4321 } } }));
    expect({ gid: statSync(path).gid, mode: modeOf(path) }).toEqual({ gid: 4321, mode: "2777" });
    writeFileSync(join(path, "file"), "");
    expect(statSync(join(path, "file")).gid).toBe(4321);
  });
});

describe("a volume that is not mounted", () => {
  test("is not made, and keeps nobody from starting", async () => {
    const surroundings = pod([], { spec: { volumes: [{ name: "s", configMap: { name: "none", defaultMode: 420 } }] } });
    expect(await problem(surroundings)).toBeUndefined();
  });
});

describe("a ConfigMap", () => {
  const volume: Volume = { name: "v", configMap: { name: "settings", defaultMode: 0o640 } };

  test("is a file for each key, read only, in the kubelet's layout", async () => {
    holdObject("ConfigMap", "settings", { "a.conf": "one", b: "two" });
    const surroundings = pod([volume]);
    const path = await ready(surroundings);
    expect(path).toBe(join(pods, "uid-1/volumes/kubernetes.io~configmap/v"));
    expect([read(path, "a.conf"), read(path, "b")]).toEqual(["one", "two"]);
    expect(readlinkSync(join(path, "a.conf"))).toBe("..data/a.conf");
    expect(readlinkSync(join(path, "..data"))).toMatch(/^\.\.\d{4}_\d\d_\d\d_/);
    expect([modeOf(join(path, "a.conf")), modeOf(path)]).toEqual(["640", "755"]);
    expect((await mountsOf(surroundings))[0]).toMatchObject({ readonly: true, containerPath: "/v" });
    expect(mountPoints(directory)).toEqual([]);
  });

  test("changes all at once when it is changed, and not otherwise", async () => {
    holdObject("ConfigMap", "settings", { a: "1", gone: "x" });
    const surroundings = pod([volume]);
    const path = await ready(surroundings);
    const before = readlinkSync(join(path, "..data"));
    await ready(surroundings);
    expect(readlinkSync(join(path, "..data"))).toBe(before);
    holdObject("ConfigMap", "settings", { a: "2", added: "y" }, "2");
    await ready(surroundings);
    expect(readlinkSync(join(path, "..data"))).not.toBe(before);
    expect(readdirSync(path).filter((name) => !name.startsWith(".."))).toEqual(["a", "added"]);
    expect([read(path, "a"), read(path, "added")]).toEqual(["2", "y"]);
    expect(readdirSync(path).filter((name) => name.startsWith(".."))).toHaveLength(2);
  });

  test("is put right again after a power cut and after tampering", async () => {
    holdObject("ConfigMap", "settings", { a: "1" });
    const surroundings = pod([volume]);
    const path = await ready(surroundings);
    writeFileSync(join(path, "a"), "");
    mkdirSync(join(path, "..2020_01_01_00_00_00.torn"));
    symlinkSync("..2020_01_01_00_00_00.torn", join(path, "..data_tmp"));
    await ready(surroundings);
    expect(read(path, "a")).toBe("1");
    expect(readdirSync(path).sort()).toEqual([readlinkSync(join(path, "..data")), "..data", "a"].sort());
  });

  test("has the chosen keys at their paths, with modes of their own", async () => {
    holdObject("ConfigMap", "settings", { a: "1", b: "2" });
    const items = [{ key: "a", path: "deep/er/file", mode: 0o400 }];
    const path = await ready(pod([{ name: "v", configMap: { name: "settings", defaultMode: 420, items } }]));
    expect(readdirSync(path).filter((name) => !name.startsWith(".."))).toEqual(["deep"]);
    expect([read(path, "deep/er/file"), modeOf(join(path, "deep/er/file"))]).toEqual(["1", "400"]);
  });

  test("may hold bytes", async () => {
    holdObject("ConfigMap", "settings", {});
    const object = held.get("ConfigMap/settings");
    if (object) held.set("ConfigMap/settings", { ...object, binaryData: { raw: "AAH/" } });
    const path = await ready(pod([volume]));
    expect([...readFileSync(join(path, "raw"))]).toEqual([0, 1, 255]);
  });

  test.each<[string, object | null | undefined, Volume["configMap"], string | undefined]>([
    ["none", null, { name: "settings", defaultMode: 420 }, 'configmap "settings" not found'],
    ["none, and may be absent", null, { name: "settings", defaultMode: 420, optional: true }, undefined],
    [
      "not heard of yet",
      undefined,
      { name: "settings", defaultMode: 420 },
      'failed to sync configmap cache: "settings" has not been received yet',
    ],
    [
      "without a key that is chosen",
      {},
      { name: "settings", defaultMode: 420, items: [{ key: "k", path: "p" }] },
      "configmap references non-existent config key: k",
    ],
    [
      "without a key that may be absent",
      {},
      { name: "settings", defaultMode: 420, items: [{ key: "k", path: "p" }], optional: true },
      undefined,
    ],
    [
      "to be put elsewhere",
      { k: "" },
      { name: "settings", defaultMode: 420, items: [{ key: "k", path: "../p" }] },
      'invalid path: "../p" must be within the volume',
    ],
  ])("that is %s", async (_, data, configMap, expected) => {
    if (data === null) held.set("ConfigMap/settings", null);
    else if (data !== undefined) holdObject("ConfigMap", "settings", { ...data });
    expect(await problem(pod([{ name: "v", configMap }]))).toBe(expected);
  });

  test("stays as it was when it is deleted while the pod runs", async () => {
    holdObject("ConfigMap", "settings", { a: "1" });
    const surroundings = pod([volume]);
    const path = await ready(surroundings);
    held.set("ConfigMap/settings", null);
    const stale = [{ volume: "v", message: 'configmap "settings" not found' }];
    expect(await volumes.setUp(surroundings)).toEqual({ problems: [], stale });
    expect(read(path, "a")).toBe("1");
  });
});

describe("a Secret", () => {
  test("is in memory alone, and readable to the pod's group", async () => {
    holdObject("Secret", "key", { token: "hush" });
    const spec = { securityContext: { fsGroup: 4321 } };
    const surroundings = pod([{ name: "s", secret: { secretName: "key", defaultMode: 0o400 } }], { spec });
    const path = await ready(surroundings);
    expect(statfsSync(path).type).toBe(tmpfs);
    expect(read(path, "token")).toBe("hush");
    const { gid } = statSync(join(path, "token"));
    expect([gid, modeOf(join(path, "token"))]).toEqual([4321, "440"]);
    volumes = open();
    await ready(surroundings);
    expect(mountPoints(directory)).toEqual([path]);
  });

  test("that is missing is named", async () => {
    held.set("Secret/key", null);
    const message = await problem(pod([{ name: "s", secret: { secretName: "key", defaultMode: 420 } }]));
    expect(message).toBe('secret "key" not found');
  });
});

describe("what a pod can read of itself", () => {
  test("is in files", async () => {
    const items = [
      { path: "labels", fieldRef: { apiVersion: "v1", fieldPath: "metadata.labels" } },
      { path: "name", fieldRef: { apiVersion: "v1", fieldPath: "metadata.name" } },
      { path: "note", fieldRef: { apiVersion: "v1", fieldPath: "metadata.annotations['note']" } },
      { path: "cpu", resourceFieldRef: { containerName: "main", resource: "limits.cpu", divisor: "1m" } },
    ];
    const path = await ready(pod([{ name: "v", downwardAPI: { items, defaultMode: 420 } }]));
    expect(read(path, "labels")).toBe('app="web"\ntier="a\\"b"');
    expect([read(path, "name"), read(path, "note"), read(path, "cpu")]).toEqual(["app-1", "kept", "4000"]);
  });
});

describe("a projected volume", () => {
  const projected: Volume = {
    name: "p",
    projected: {
      defaultMode: 0o644,
      sources: [
        { configMap: { name: "settings" } },
        { secret: { name: "key", items: [{ key: "token", path: "sub/secret", mode: 0o600 }] } },
        { downwardAPI: { items: [{ path: "ns", fieldRef: { apiVersion: "v1", fieldPath: "metadata.namespace" } }] } },
        { serviceAccountToken: { audience: "vault", expirationSeconds: 1000, path: "token" } },
      ],
    },
  };

  beforeEach(() => {
    holdObject("ConfigMap", "settings", { a: "1" });
    holdObject("Secret", "key", { token: "hush" });
  });

  test("has files from all its sources, in memory", async () => {
    const path = await ready(pod([projected]));
    expect([read(path, "a"), read(path, "sub/secret"), read(path, "ns")]).toEqual(["1", "hush", "default"]);
    expect(modeOf(join(path, "sub/secret"))).toBe("600");
    expect(issued).toEqual([{ audience: "vault", expirationSeconds: 1000 }]);
    expect(statfsSync(path).type).toBe(tmpfs);
  });

  test("says what is missing in all its sources", async () => {
    held.set("ConfigMap/settings", null);
    held.set("Secret/key", null);
    expect(await problem(pod([projected]))).toBe('[configmap "settings" not found, secret "key" not found]');
  });

  test("keeps its token for four fifths of its life, across restarts, and is then given another", async () => {
    const surroundings = pod([projected]);
    expect((await volumes.setUp(surroundings)).renewAfterMs).toBe(800_000);
    nowMs += 799_000;
    volumes = open();
    expect((await volumes.setUp(surroundings)).renewAfterMs).toBe(1000);
    expect(issued).toHaveLength(1);
    nowMs += 1000;
    expect((await volumes.setUp(surroundings)).renewAfterMs).toBe(800_000);
    expect(issued).toHaveLength(2);
  });

  test("keeps an old token rather than none while no new one can be had", async () => {
    const surroundings = pod([projected]);
    const path = await ready(surroundings);
    const before = read(path, "token");
    nowMs += 2_000_000;
    areTokensAway = true;
    expect(await volumes.setUp(surroundings)).toEqual({ problems: [], stale: [], renewAfterMs: 30_000 });
    expect(read(path, "token")).toBe(before);
  });

  test("waits for its first token", async () => {
    areTokensAway = true;
    expect(await problem(pod([projected]))).toBe("failed to fetch token: the control plane is away");
  });

  test("gives its token to the one user of the pod", async () => {
    const path = await ready(pod([projected], { spec: { securityContext: { runAsUser: 1234 } } }));
    const { uid } = statSync(join(path, "token"));
    expect([uid, modeOf(join(path, "token"))]).toEqual([1234, "600"]);
  });
});

describe("access to the API", () => {
  const localApi = { ca: () => "PEM", address: () => ({ host: "192.0.2.10", port: 6443 }) };

  test("is in every container, where client libraries look for it", async () => {
    const surroundings = {
      ...pod([], { spec: { containers: [container()], automountServiceAccountToken: true } }),
      localApi,
    };
    await volumes.setUp(surroundings);
    const [mount] = await mountsOf(surroundings);
    expect(mount).toMatchObject({
      volume: "kube-api-access",
      containerPath: "/var/run/secrets/kubernetes.io/serviceaccount",
      readonly: true,
    });
    const path = mount?.hostPath ?? "";
    expect([read(path, "ca.crt"), read(path, "namespace")]).toEqual(["PEM", "default"]);
    expect(read(path, "token")).toMatch(/^h\./);
    expect(issued).toEqual([{ audience: "", expirationSeconds: 3607 }]);
  });

  test("keeps no pod from starting where there is no token", async () => {
    areTokensAway = true;
    const surroundings = {
      ...pod([], { spec: { containers: [container()], automountServiceAccountToken: true } }),
      localApi,
    };
    const { problems, stale } = await volumes.setUp(surroundings);
    expect({ problems, stale }).toEqual({
      problems: [],
      stale: [{ volume: "kube-api-access", message: "failed to fetch token: the control plane is away" }],
    });
    const [mount] = await mountsOf(surroundings);
    expect(read(mount?.hostPath ?? "", "namespace")).toBe("default");
  });

  test("is not in pods that do not want it, have their own or are the node's own", () => {
    const own = container({
      volumeMounts: [{ name: "own", mountPath: "/var/run/secrets/kubernetes.io/serviceaccount/" }],
    });
    const names = (...args: Parameters<typeof template>) =>
      definitionOf(template(...args)).spec.volumes?.map(({ name }) => name);
    expect(names({})).toEqual(["kube-api-access"]);
    expect(names({ automountServiceAccountToken: false })).toBeUndefined();
    expect(names({ containers: [own], volumes: [{ name: "own", emptyDir: {} }] })).toEqual(["own"]);
    expect(names({}, { annotations: { "kubernetes.io/config.source": "file" } })).toBeUndefined();
  });
});

describe("a path within a volume", () => {
  const volume: Volume = { name: "v", emptyDir: {} };

  test("is made if it is missing, and stays what it was when the names change", async () => {
    const surroundings = pod([volume], { mount: { subPath: "a/b" } });
    await volumes.setUp(surroundings);
    const root = join(pods, "uid-1/volumes/kubernetes.io~empty-dir/v");
    const [mount] = await mountsOf(surroundings);
    expect(mount?.hostPath).toBe(join(pods, "uid-1/volume-subpaths/v/main/0"));
    writeFileSync(join(mount?.hostPath ?? "", "file"), "x");
    expect(read(root, "a/b/file")).toBe("x");
    rmSync(join(root, "a"), { recursive: true });
    symlinkSync("/etc", join(root, "a"));
    expect(readdirSync(mount?.hostPath ?? "")).toEqual([]);
    await expect(mountsOf(surroundings)).rejects.toThrow(/subpath "a\/b" is not within the volume path|no such/);
  });

  test("may be a file, which is not updated", async () => {
    holdObject("ConfigMap", "settings", { key: "1" });
    const map: Volume = { name: "c", configMap: { name: "settings", defaultMode: 420 } };
    const surroundings = pod([map], { mount: { subPath: "key" } });
    await volumes.setUp(surroundings);
    const [mount] = await mountsOf(surroundings);
    holdObject("ConfigMap", "settings", { key: "2" }, "2");
    await volumes.setUp(surroundings);
    expect(readFileSync(mount?.hostPath ?? "", "utf8")).toBe("1");
    const [next] = await mountsOf(surroundings, 1);
    expect(readFileSync(next?.hostPath ?? "", "utf8")).toBe("2");
    expect(mountPoints(directory)).toHaveLength(1);
  });

  test.each([
    ["a link out of it", () => symlinkSync("/etc", join(directory, "data/link")), "link/passwd"],
    ["a link to the root", () => symlinkSync("/", join(directory, "data/link")), "link"],
    ["a link to above", () => symlinkSync("../../..", join(directory, "data/link")), "link"],
    ["a dangling link", () => symlinkSync("/no/such", join(directory, "data/link")), "link/file"],
    ["dots", () => {}, "../data"],
  ])("does not lead out of it by %s", async (_, prepare, subPath) => {
    mkdirSync(join(directory, "data"));
    prepare();
    const surroundings = pod([{ name: "h", hostPath: { path: join(directory, "data"), type: "" } }], {
      mount: { subPath },
    });
    await expect(mountsOf(surroundings)).rejects.toThrow(
      'failed to prepare subPath for volumeMount "h" of container "main"',
    );
    expect(mountPoints(directory)).toEqual([]);
    expect(existsSync("/no/such")).toBe(false);
  });

  test("follows links that stay within it", async () => {
    mkdirSync(join(directory, "data/real"), { recursive: true });
    writeFileSync(join(directory, "data/real/file"), "x");
    symlinkSync("real", join(directory, "data/link"));
    const host: Volume = { name: "h", hostPath: { path: join(directory, "data"), type: "" } };
    const [mount] = await mountsOf(pod([host], { mount: { subPath: "link" } }));
    expect(read(mount?.hostPath ?? "", "file")).toBe("x");
  });

  test("may depend on the environment", async () => {
    const surroundings = pod([volume], { mount: { subPathExpr: "$(NODE)/$$(X)" } });
    await volumes.setUp(surroundings);
    await mountsOf(surroundings);
    expect(existsSync(join(pods, "uid-1/volumes/kubernetes.io~empty-dir/v/node-1/$(X)"))).toBe(true);
    const missing = pod([volume], { mount: { subPathExpr: "$(NONE)" } });
    await expect(mountsOf(missing)).rejects.toThrow('missing value for "NONE"');
    const absolute = pod([volume], { mount: { subPathExpr: "/$(NODE)" } });
    await expect(mountsOf(absolute)).rejects.toThrow("error SubPath `/node-1` must not be an absolute path");
  });
});

describe("the files that every container is given", () => {
  test("are its hosts and a place for its last words", async () => {
    const surroundings = pod([], { spec: { hostAliases: [{ ip: "192.0.2.7", hostnames: ["db", "db.example"] }] } });
    await volumes.setUp(surroundings);
    const mounts = await mountsOf(surroundings);
    expect(mounts.map(({ containerPath, volume }) => [containerPath, volume])).toEqual([
      ["/etc/hosts", ""],
      ["/dev/termination-log", ""],
    ]);
    const hosts = readFileSync(mounts[0]?.hostPath ?? "", "utf8");
    expect(hosts).toMatch(/^# Kubernetes-managed hosts file\.\n127\.0\.0\.1\tlocalhost\n/);
    expect(hosts).toContain("\n10.1.2.3\tapp-1\n");
    expect(hosts).toMatch(/\n\n# Entries added by HostAliases\.\n192\.0\.2\.7\tdb\tdb\.example\n$/);
    expect(modeOf(mounts[1]?.hostPath ?? "")).toBe("666");
  });

  test("are the node's hosts on the node's network", async () => {
    const surroundings = pod([], { spec: { hostNetwork: true } });
    await volumes.setUp(surroundings);
    const [hosts] = await mountsOf(surroundings);
    const own = readFileSync("/etc/hosts", "utf8");
    expect(readFileSync(hosts?.hostPath ?? "", "utf8")).toBe(`# Kubernetes-managed hosts file (host network).\n${own}`);
  });

  test("are left out where the container has its own", async () => {
    const volumeMounts = [{ name: "v", mountPath: "/etc/hosts", subPath: "hosts" }];
    const spec = { containers: [container({ volumeMounts, terminationMessagePath: "/var/last-words" })] };
    const surroundings = pod([{ name: "v", emptyDir: {} }], { spec });
    await volumes.setUp(surroundings);
    const paths = (await mountsOf(surroundings)).map(({ containerPath }) => containerPath);
    expect(paths).toEqual(["/etc/hosts", "/var/last-words"]);
  });

  function ended(fields: Partial<RuntimeContainerStatus>, policy = "File"): RuntimeContainerStatus {
    return {
      id: "c",
      podSandboxId: "s",
      metadata: { name: "main", attempt: 0 },
      image: "",
      imageRef: "",
      state: "exited",
      createdAtMs: 0,
      exitCode: 1,
      labels: { [labels.podUid]: "uid-1", [labels.podNamespace]: "default", [labels.podName]: "app-1" },
      annotations: { [annotations.terminationMessagePolicy]: policy },
      ...fields,
    };
  }

  async function lastWords(text: string, container: RuntimeContainerStatus): Promise<string> {
    const surroundings = pod([]);
    await volumes.setUp(surroundings);
    const file = (await mountsOf(surroundings)).at(-1)?.hostPath ?? "";
    writeFileSync(file, text);
    return volumes.terminationMessage(container);
  }

  test("are read at the end, as far as they are no longer than 4096 bytes", async () => {
    expect(await lastWords("it was me", ended({}))).toBe("it was me");
    expect(await lastWords(`${"a".repeat(4096)}end`, ended({}))).toBe(`${"a".repeat(4093)}end`);
    expect(await lastWords("", ended({}))).toBe("");
    expect(await volumes.terminationMessage(ended({ metadata: { name: "other", attempt: 0 } }))).toBe("");
  });

  test("fall back to the end of the log where the policy says so and the container has failed", async () => {
    const log = join(directory, "log/pods/default_app-1_uid-1/main");
    mkdirSync(log, { recursive: true });
    const line = (number: number) => `2026-01-01T00:00:00.000000000Z stderr F line ${number}\n`;
    writeFileSync(join(log, "0.log"), Array.from({ length: 200 }, (_, number) => line(number)).join(""));
    const fallback = ended({}, "FallbackToLogsOnError");
    const said = await lastWords("", fallback);
    expect(said.trimEnd().split("\n")).toHaveLength(80);
    expect(said).toMatch(/^line 120\n[\s\S]*line 199\n$/);
    expect(await lastWords("own", fallback)).toBe("own");
    expect(await lastWords("", { ...fallback, exitCode: 0 })).toBe("");
    expect(await lastWords("", ended({}))).toBe("");
  });
});

describe("what goes when a pod goes", () => {
  test("is neither what was mounted into its volumes nor what they link to", async () => {
    const precious = join(directory, "precious");
    mkdirSync(precious);
    writeFileSync(join(precious, "file"), "kept");
    const path = await ready(pod([{ name: "v", emptyDir: {} }]));
    mkdirSync(join(path, "bound"));
    execFileSync("mount", ["--bind", precious, join(path, "bound")]);
    symlinkSync(precious, join(path, "link"));
    expect(await volumes.tearDown("uid-1", "all")).toMatchObject({ ok: true });
    expect(read(precious, "file")).toBe("kept");
    expect(mountPoints(directory)).toEqual([]);
    expect(existsSync(join(pods, "uid-1"))).toBe(false);
  });

  test("waits while something in it is in use", async () => {
    const path = await ready(pod([{ name: "v", emptyDir: { medium: "Memory" } }]));
    writeFileSync(join(path, "file"), "kept");
    const before = process.cwd();
    process.chdir(path);
    try {
      expect(await volumes.tearDown("uid-1", "all")).toMatchObject({
        ok: false,
        message: expect.stringMatching(/busy/),
      });
      expect(read(path, "file")).toBe("kept");
    } finally {
      process.chdir(before);
    }
    expect(await volumes.tearDown("uid-1", "all")).toMatchObject({ ok: true });
  });

  test("is only unmounted when the pod is to be started again", async () => {
    const surroundings = pod([
      { name: "v", emptyDir: {} },
      { name: "m", emptyDir: { medium: "Memory" } },
    ]);
    const path = await ready(surroundings);
    writeFileSync(join(path, "file"), "kept");
    await volumes.tearDown("uid-1", "mounts");
    expect(mountPoints(directory)).toEqual([]);
    await ready(surroundings);
    expect(read(path, "file")).toBe("kept");
    expect(mountPoints(directory)).toHaveLength(1);
  });

  test("is left alone twice", async () => {
    expect(await volumes.tearDown("uid-1", "all")).toMatchObject({ ok: true });
    expect(lstatSync(directory).isDirectory()).toBe(true);
    chmodSync(directory, 0o700);
  });
});
