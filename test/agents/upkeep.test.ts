// What becomes of images, logs and pods when a node runs out of something, or just goes on for long.
import { existsSync, mkdirSync, readdirSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, afterEach, describe, expect, it } from "vitest";

import { DiskUpkeep } from "../../agents/node/host/disk-upkeep.ts";
import { definitionOf } from "../../agents/node/pod/definition.ts";
import { behaviourAnnotation } from "../../agents/node/runtime/fake-script.ts";
import type { RuntimeImage } from "../../agents/node/runtime/runtime.ts";
import { fail, ok } from "../../agents/node/runtime/runtime.ts";
import type { PodDisk } from "../../agents/node/upkeep/disk-use.ts";
import { nothingOnDisk } from "../../agents/node/upkeep/disk-use.ts";
import type { PodUse } from "../../agents/node/upkeep/eviction.ts";
import { evictionMessage, rankedForEviction, refusalUnderPressure } from "../../agents/node/upkeep/eviction.ts";
import { UpkeepFlagError } from "../../agents/node/upkeep/flags.ts";
import type { ImageFlags } from "../../agents/node/upkeep/image-collection.ts";
import {
  defaultImageLimits,
  parseImageLimits,
  planCollection,
  recordImages,
} from "../../agents/node/upkeep/image-collection.ts";
import type { HostUpkeep, UpkeepRecords } from "../../agents/node/upkeep/ports.ts";
import { noRecords } from "../../agents/node/upkeep/ports.ts";
import { PressureWatch } from "../../agents/node/upkeep/pressure.ts";
import type { EvictionFlags, Readings, Signal, Threshold } from "../../agents/node/upkeep/thresholds.ts";
import { parseEviction } from "../../agents/node/upkeep/thresholds.ts";
import { defaultUpkeep, Upkeep } from "../../agents/node/upkeep/upkeep.ts";
import type { VolumeUse } from "../../agents/node/volume/volumes.ts";
import type { PodSpec } from "../../src/model/pod-spec.ts";
import { ownDirectory } from "../containers/own-directory.ts";
import { assignedPod, container, template } from "./support/pods.ts";
import { minuteMs, secondMs, started, status } from "./support/stories.ts";
import { World } from "./support/world.ts";

/** What volumes take, by pod. */
const volumes = new Map<string, readonly VolumeUse[]>();

const mebi = 1024 * 1024;
const gibi = 1024 * mebi;
const defaults = parseEviction({});

type Use = {
  readonly request?: string;
  readonly used?: number;
  readonly priority?: number;
  readonly disk?: Partial<PodDisk>;
  readonly isMeasured?: boolean;
  readonly processes?: number;
  readonly annotations?: Readonly<Record<string, string>>;
};

const taking = (bytes: number, inodes = 1) => new Map([["main", { bytes, inodes }]]);

function use(uid: string, given: Use): PodUse {
  const { request, used = 0, priority, disk = {}, isMeasured = true, processes = 1, annotations } = given;
  const resources = request === undefined ? {} : { requests: { memory: request } };
  const spec: Partial<PodSpec> = {
    containers: [container({ resources })],
    ...(priority === undefined ? {} : { priority }),
  };
  const definition = definitionOf(template(spec, annotations === undefined ? {} : { annotations }));
  const memoryBytes = new Map([["main", used]]);
  return { uid, definition, isMeasured, memoryBytes, disk: { ...nothingOnDisk, ...disk }, processes };
}

const order = (pods: readonly PodUse[], signal: Signal = "memory.available", hasImageDisk = false) =>
  rankedForEviction({ signal, hasImageDisk }, pods).map(({ uid }) => uid);

describe("rankedForEviction", () => {
  it.each<readonly [rule: string, pods: readonly PodUse[], order: readonly string[]]>([
    [
      "who uses more than it asked for goes before who does not, whatever its priority",
      [
        use("modest", { request: "200Mi", used: 100 * mebi }),
        use("greedy", { request: "10Mi", used: 20 * mebi, priority: 1000 }),
      ],
      ["greedy", "modest"],
    ],
    [
      "then the lower priority goes",
      [use("high", { used: 300 * mebi, priority: 10 }), use("low", { used: 10 * mebi })],
      ["low", "high"],
    ],
    [
      "then who is furthest above its request",
      [
        use("a", { request: "100Mi", used: 150 * mebi }),
        use("b", { used: 100 * mebi }),
        use("c", { request: "1Gi", used: 1100 * mebi }),
      ],
      ["b", "c", "a"],
    ],
    ["a critical pod never goes", [use("critical", { used: gibi, priority: 2_000_001_000 })], []],
  ])("%s", (_, pods, expected) => expect(order(pods)).toEqual(expected));

  const layered = use("layered", { disk: { layers: taking(10, 1) } });
  const logging = use("logging", { disk: { logs: taking(5, 5) } });
  const inMemory = { name: "m", isOnDisk: false, bytes: 100, inodes: 100 };
  const filling = use("filling", { disk: { volumes: [{ name: "v", isOnDisk: true, bytes: 7, inodes: 7 }, inMemory] } });
  const pods = [logging, filling, layered];

  it.each<readonly [rule: string, signal: Signal, hasImageDisk: boolean, order: readonly string[]]>([
    ["on a full disk goes who has the most on it", "nodefs.available", false, ["layered", "filling", "logging"]],
    ["without files left, who has the most files", "nodefs.inodesFree", false, ["filling", "logging", "layered"]],
    [
      "where images have a disk of their own, layers lie there",
      "nodefs.available",
      true,
      ["filling", "logging", "layered"],
    ],
    ["and are all that matters for it", "imagefs.available", true, ["layered", "filling", "logging"]],
    ["which is the node's own otherwise", "imagefs.available", false, ["layered", "filling", "logging"]],
  ])("%s", (_, signal, hasImageDisk, expected) => expect(order(pods, signal, hasImageDisk)).toEqual(expected));

  it("goes first of all that cannot be measured, whatever its priority", () => {
    const unknown = use("unknown", { isMeasured: false, priority: 1000 });
    expect(order([use("greedy", { used: gibi }), unknown])).toEqual(["unknown", "greedy"]);
  });

  it("without process ids left goes the lowest priority, then who has the most processes", () => {
    const many = use("many", { processes: 100 });
    const important = use("important", { processes: 1000, priority: 1 });
    expect(order([important, use("few", {}), many], "pid.available")).toEqual(["many", "few", "important"]);
  });

  it("a pod that the node runs by itself never goes, and no other can pretend to be one", () => {
    const annotations = { "kubernetes.io/config.hash": "own", "kubernetes.io/config.source": "file" };
    expect(order([use("own", { annotations }), use("pretender", { annotations })])).toEqual(["pretender"]);
  });

  it("does not depend on the order in which pods are given", () => {
    const anyUse = fc.record({
      request: fc.constantFrom("0", "10Mi", "100Mi"),
      used: fc.nat(200 * mebi),
      priority: fc.nat(3),
    });
    const anyPods = fc.array(anyUse, { maxLength: 6 });
    fc.assert(
      fc.property(anyPods, (uses) => {
        const pods = uses.map((one, index) => use(`p${index}`, one));
        expect(order(pods.toReversed())).toEqual(order(pods));
      }),
    );
  });
});

const threshold = (signal: Signal): Threshold => {
  const found = defaults.thresholds.find((one) => one.signal === signal);
  if (found === undefined) throw new Error(`${signal} is not watched`);
  return found;
};

it("an eviction is told in the kubelet's words", () => {
  const reading = { available: 50 * mebi, capacity: gibi };
  const pod = use("a", { request: "10Mi", used: 40 * mebi });
  expect(evictionMessage(threshold("memory.available"), reading, pod)).toBe(
    "The node was low on resource: memory. Threshold quantity: 100Mi, available: 50Mi. " +
      "Container main was using 40Mi, request is 10Mi, has larger consumption of memory. ",
  );
  const full = { available: 5 * mebi, capacity: 100 * mebi };
  const low = "The node was low on resource: ephemeral-storage. Threshold quantity: 10Mi, available: 5Mi. ";
  expect(evictionMessage(threshold("nodefs.available"), full, pod)).toBe(low);
  const onDisk = use("b", { disk: { layers: taking(3 * mebi), logs: taking(mebi) } });
  expect(evictionMessage(threshold("nodefs.available"), full, onDisk)).toBe(
    `${low}Container main was using 4Mi, request is 0, has larger consumption of ephemeral-storage. `,
  );
  const inodes = { available: 4, capacity: 100 };
  expect(evictionMessage(threshold("nodefs.inodesFree"), inodes, onDisk)).toBe(
    "The node was low on resource: inodes. Threshold quantity: 5, available: 4. ",
  );
});

describe("refusalUnderPressure", () => {
  const memory = [{ type: "MemoryPressure", status: "True" }];
  const disk = [{ type: "DiskPressure", status: "True" }];
  const bestEffort: Partial<PodSpec> = {};
  const burstable: Partial<PodSpec> = { containers: [container({ resources: { requests: { memory: "1Mi" } } })] };
  const tolerant: Partial<PodSpec> = {
    tolerations: [{ key: "node.kubernetes.io/memory-pressure", operator: "Exists", effect: "NoSchedule" }],
  };
  it.each<readonly [rule: string, conditions: typeof memory, spec: Partial<PodSpec>, message: string | null]>([
    ["all is well", [{ type: "MemoryPressure", status: "False" }], bestEffort, null],
    [
      "short of memory, who asks for nothing gets nothing",
      memory,
      bestEffort,
      "The node had condition: [MemoryPressure]. ",
    ],
    ["but who asks for some does", memory, burstable, null],
    ["and who tolerates it does", memory, tolerant, null],
    ["short of disk nobody begins", disk, burstable, "The node had condition: [DiskPressure]. "],
    [
      "a toleration of memory pressure is of no use then",
      [...memory, ...disk],
      tolerant,
      "The node had condition: [MemoryPressure DiskPressure]. ",
    ],
    ["a critical pod always begins", disk, { priority: 2_000_000_000 }, null],
  ])("%s", (_, conditions, spec, message) => {
    expect(refusalUnderPressure(conditions, definitionOf(template(spec)), "uid-1")).toBe(message);
  });
});

function image(id: string, sizeBytes = gibi): RuntimeImage {
  return { id, repoDigests: [], repoTags: [`example/${id}:1`], sizeBytes };
}

describe("images", () => {
  const nowMs = Date.UTC(2026, 5, 1);
  const old = { seenAtMs: nowMs - 3_600_000, usedAtMs: 0 };
  const records = {
    never: old,
    lately: { ...old, usedAtMs: nowMs - 60_000 },
    before: { ...old, usedAtMs: nowMs - 120_000 },
    fresh: { seenAtMs: nowMs - 60_000, usedAtMs: 0 },
  };
  const images = ["fresh", "lately", "before", "never", "used"].map((id) => image(id));
  const input = {
    images,
    records: { ...records, used: old },
    inUse: new Set(["example/used:1"]),
    limits: defaultImageLimits,
    nowMs,
    all: false,
  };
  const disk = (usedShare: number) => ({ capacity: 100 * gibi, available: (1 - usedShare) * 100 * gibi });

  it("go by the kubelet's limits, or by others", () => {
    expect(parseImageLimits({})).toEqual(defaultImageLimits);
    const limits = parseImageLimits({ highThreshold: "60", lowThreshold: "50", maximumAge: "168h" });
    expect(limits).toMatchObject({ highShare: 0.6, lowShare: 0.5, maximumAgeMs: 7 * 24 * 3_600_000 });
    expect(planCollection({ ...input, limits, disk: disk(0.6) }).goalBytes / gibi).toBeCloseTo(10);
  });

  it("stay on a disk that is full where that was said, but for those that pods would have to go for", () => {
    const limits = parseImageLimits({ highThreshold: "100" });
    expect(planCollection({ ...input, limits, disk: disk(1) }).goalBytes).toBe(0);
    expect(planCollection({ ...input, limits, disk: disk(1), all: true }).goalBytes).toBe(Number.POSITIVE_INFINITY);
  });

  it.each<readonly [flags: ImageFlags, message: string]>([
    [{ highThreshold: "101" }, '--image-gc-high-threshold: "101" is no whole number from 0 to 100'],
    [{ lowThreshold: "8%" }, '--image-gc-low-threshold: "8%" is no whole number from 0 to 100'],
    [{ lowThreshold: "85" }, "--image-gc-low-threshold: 85 is not less than --image-gc-high-threshold, which is 85"],
    [{ highThreshold: "70" }, "--image-gc-low-threshold: 80 is not less than --image-gc-high-threshold, which is 70"],
    [{ maximumAge: "7d" }, '--image-maximum-gc-age: "7d" is no duration; "1m30s" is one'],
    [{ maximumAge: "2m" }, "--image-maximum-gc-age: 2m is too short: images stay for two minutes in any case"],
  ])("cannot go by %j", (flags, message) => {
    expect(() => parseImageLimits(flags)).toThrow(new UpkeepFlagError(message));
  });

  it("stay while the disk has room", () => {
    expect(planCollection({ ...input, disk: disk(0.84) }).goalBytes).toBe(0);
  });

  it("go, those unused for longest first, until the disk is down to 80 %; never one in use or pulled just now", () => {
    const { candidates, goalBytes } = planCollection({ ...input, disk: disk(0.85) });
    expect(candidates.map(({ id }) => id)).toEqual(["never", "before", "lately"]);
    expect(goalBytes / gibi).toBeCloseTo(5);
  });

  it("all go that nobody uses, before pods have to", () => {
    expect(planCollection({ ...input, disk: disk(0.5), all: true }).goalBytes).toBe(Number.POSITIVE_INFINITY);
  });

  it("that are unused for too long go though there is room, if there is such a limit", () => {
    const limits = { ...defaultImageLimits, maximumAgeMs: 90_000 };
    const { expired } = planCollection({ ...input, limits, disk: disk(0.1) });
    expect([...expired]).toEqual(["never", "before"]);
  });

  it("keep the time of their last use, which a clock that is set back does not put into the future", () => {
    const first = recordImages({}, images, new Set(["never"]), nowMs);
    expect(first["never"]).toEqual({ seenAtMs: nowMs, usedAtMs: nowMs });
    const later = recordImages(first, images.slice(0, 4), new Set(), nowMs + 1000);
    expect(later["never"]?.usedAtMs).toBe(nowMs);
    expect(later["used"]).toBeUndefined();
    expect(recordImages(first, images, new Set(), 1000)["never"]).toEqual({ seenAtMs: 1000, usedAtMs: 1000 });
  });
});

/** A machine that says of itself what a test wants it to. */
class Machine implements HostUpkeep {
  current: Readings = {};
  imageDisk: { available: number; capacity: number } | undefined = { available: 50, capacity: 100 };
  records: UpkeepRecords = noRecords;
  readonly removed: string[] = [];
  readonly tooLong = new Set<string>();
  hasOwnImageDisk = false;
  readonly logs = new Map<string, ReadonlyMap<string, { bytes: number; inodes: number }>>();
  disk = () => this.imageDisk;
  hasImageDisk = () => this.hasOwnImageDisk;
  logUse = async (directory: string) => this.logs.get(directory) ?? new Map();
  processes = async () => new Map<string, number>();
  rotate = async ({ path }: { readonly path: string }) => this.tooLong.delete(path);
  link = async () => {};
  removeLogs = async (directory: string) => void this.removed.push(directory);
  readRecords = async () => this.records;
  writeRecords = async (records: UpkeepRecords) => {
    this.records = records;
  };
}

function tended(world: World, machine: Machine, flags: EvictionFlags = {}): Upkeep {
  const log = {
    info: () => {},
    warn: (message: string, fields?: unknown) => void world.logs.push(`${message} ${JSON.stringify(fields)}`),
  };
  const upkeep = new Upkeep(defaultUpkeep, {
    clock: world.clock,
    log,
    runtime: world.runtime,
    host: machine,
    agent: world.agent,
    volumes: { usage: async ({ uid }) => volumes.get(uid) ?? [] },
    pressure: new PressureWatch({
      options: parseEviction(flags),
      clock: world.clock,
      readings: () => machine.current,
    }),
  });
  void upkeep.start();
  return upkeep;
}

const scarce: Readings = { "memory.available": { available: 10 * mebi, capacity: gibi } };

describe("a node under pressure", () => {
  it("evicts one pod, sees what that did, and evicts the next only then", async () => {
    const world = new World();
    const machine = new Machine();
    const low = template({ containers: [container({ name: "main" })], terminationGracePeriodSeconds: 600 });
    const high = template({ containers: [container({ name: "main" })], priority: 100 });
    world.controlPlane.assign([assignedPod(), assignedPod({ uid: "uid-2", name: "app-2", template: "t2" })], {
      t1: low,
      t2: high,
    });
    world.agent.start();
    await world.clock.advance(minuteMs);
    tended(world, machine);
    await world.clock.advance(minuteMs);
    expect(world.controlPlane.isReady("uid-1")).toBe(true);
    machine.current = scarce;
    await world.clock.advance(11 * secondMs);
    machine.current = {};
    await world.clock.advance(minuteMs);
    expect(status(world, "uid-1")).toMatchObject({
      phase: "Failed",
      reason: "Evicted",
      message: expect.stringMatching(
        /^The node was low on resource: memory. Threshold quantity: 100Mi, available: 10Mi. /,
      ),
    });
    expect(world.runtime.running("uid-1", "main")).toBe(0);
    expect(world.controlPlane.isReady("uid-2")).toBe(true);
    const reasons = world.controlPlane.events.map(({ reason, podUid }) => `${reason} ${podUid}`);
    expect(reasons).toContain("Evicted uid-1");
    expect(reasons).toContain("EvictionThresholdMet undefined");
    machine.current = scarce;
    await world.clock.advance(minuteMs);
    expect(status(world, "uid-2")).toMatchObject({ phase: "Failed", reason: "Evicted" });
  });

  it("spares critical pods, however scarce things are", async () => {
    const world = await started({ spec: { priority: 2_000_001_000 } });
    const machine = new Machine();
    machine.current = scarce;
    tended(world, machine);
    await world.clock.advance(5 * minuteMs);
    expect(world.controlPlane.isReady("uid-1")).toBe(true);
  });

  it("takes no new pods, and those it has go on", async () => {
    const world = await started();
    await world.clock.advance(minuteMs);
    world.facts.change({ conditions: [{ type: "DiskPressure", status: "True", reason: "", message: "" }] });
    world.controlPlane.assign([assignedPod(), assignedPod({ uid: "uid-2", name: "app-2" })]);
    await world.clock.advance(minuteMs);
    expect(world.controlPlane.isReady("uid-1")).toBe(true);
    expect(status(world, "uid-2")).toMatchObject({
      phase: "Failed",
      reason: "Evicted",
      message: "The node had condition: [DiskPressure]. ",
    });
    expect(world.runtime.running("uid-2", "main")).toBe(0);
  });

  const full: Readings = { "nodefs.available": { available: 1, capacity: 100 } };

  /** Two that nobody uses, without which there is room. Those that were removed. */
  function withSpareImages({ runtime }: World, machine: Machine): readonly string[] {
    const present = [image("spare"), image("other")];
    const removed: string[] = [];
    Object.assign(runtime, {
      images: {
        list: async () => present,
        remove: async (id: string) => {
          removed.push(id);
          machine.current = {};
          return ok(null);
        },
        directory: async () => "/images",
      },
    });
    machine.records = {
      ...noRecords,
      images: { spare: { seenAtMs: 0, usedAtMs: 0 }, other: { seenAtMs: 0, usedAtMs: 1 } },
    };
    return removed;
  }

  it("removes images first when its disk is full, and then needs to evict nobody", async () => {
    const world = await started();
    await world.clock.advance(minuteMs);
    const machine = new Machine();
    machine.current = full;
    const removed = withSpareImages(world, machine);
    tended(world, machine);
    await world.clock.advance(minuteMs);
    expect(removed).toEqual(["spare", "other"]);
    expect(world.controlPlane.isReady("uid-1")).toBe(true);
  });

  it("removes dead containers before that, and then needs no images: those before what runs, and of pods that are over", async () => {
    const crashing = { [behaviourAnnotation]: JSON.stringify({ exitAfterMs: 1000, exits: 1 }) };
    const succeeding = { [behaviourAnnotation]: JSON.stringify({ exitAfterMs: 1000, exitCode: 0 }) };
    const world = new World();
    world.controlPlane.assign([assignedPod(), assignedPod({ uid: "uid-2", name: "app-2", template: "t2" })], {
      t1: template({}, { annotations: crashing }),
      t2: template({ restartPolicy: "Never" }, { annotations: succeeding }),
    });
    world.agent.start();
    await world.clock.advance(5 * minuteMs);
    const machine = new Machine();
    machine.current = full;
    const removed = withSpareImages(world, machine);
    const dead = async () => (await world.runtime.listContainers({})).filter(({ state }) => state === "exited");
    expect(await dead()).toHaveLength(2);
    const remove = world.runtime.removeContainer.bind(world.runtime);
    Object.assign(world.runtime, {
      removeContainer: async (id: string) => {
        const result = await remove(id);
        if ((await dead()).length === 0) machine.current = {};
        return result;
      },
    });
    const [told, toldToo] = [status(world), status(world, "uid-2")];
    tended(world, machine);
    await world.clock.advance(minuteMs);
    expect(await dead()).toEqual([]);
    expect(removed).toEqual([]);
    expect(status(world)).toEqual(told);
    expect(status(world, "uid-2")).toEqual(toldToo);
  });

  it("removes images of pods that are over with their containers, and none of pods that are to run", async () => {
    const over = { [behaviourAnnotation]: JSON.stringify({ exitAfterMs: 1000, exitCode: 0 }) };
    const of = (name: string) => ({ containers: [container({ image: `example/${name}:1` })] });
    const world = new World();
    world.controlPlane.assign([assignedPod(), assignedPod({ uid: "uid-2", name: "app-2", template: "t2" })], {
      t1: template(of("other")),
      t2: template({ ...of("spare"), restartPolicy: "Never" }, { annotations: over }),
    });
    world.agent.start();
    await world.clock.advance(minuteMs);
    const machine = new Machine();
    machine.current = full;
    const removed = withSpareImages(world, machine);
    const imageStatus = async (name: string) => image(name.replace(/^example\/|:1$/g, ""));
    Object.assign(world.runtime, { imageStatus });
    tended(world, machine);
    await world.clock.advance(minuteMs);
    expect(removed).toEqual(["spare"]);
    expect(status(world, "uid-2").phase).toBe("Succeeded");
  });

  it("tells when there is not enough to remove", async () => {
    const world = await started();
    const machine = new Machine();
    machine.imageDisk = { available: 5 * gibi, capacity: 100 * gibi };
    Object.assign(world.runtime, {
      images: { list: async () => [], remove: async () => ok(null), directory: async () => "/images" },
    });
    tended(world, machine);
    await world.clock.advance(2 * minuteMs);
    expect(world.controlPlane.events).toContainEqual(
      expect.objectContaining({ type: "Warning", reason: "FreeDiskSpaceFailed" }),
    );
  });
});

describe("a node that goes on for long", () => {
  it("removes the logs of pods that are gone, also those that went while no agent looked, and no others", async () => {
    const world = await started();
    const machine = new Machine();
    machine.records = { ...noRecords, logDirectories: { gone: "default_gone_gone" } };
    tended(world, machine);
    await world.clock.advance(minuteMs);
    expect(machine.removed).toEqual(["default_gone_gone"]);
    world.controlPlane.delete("uid-1", 1);
    await world.clock.advance(10 * minuteMs);
    expect(machine.removed).toEqual(["default_gone_gone", "default_app-1_uid-1"]);
    expect(machine.records.logDirectories).toEqual({});
  });

  it("has a log opened anew that was moved aside", async () => {
    const world = await started();
    const machine = new Machine();
    const reopened: string[] = [];
    const reopen = async (id: string) => {
      reopened.push(id);
      return ok(null);
    };
    Object.assign(world.runtime, { reopenContainerLog: reopen });
    await world.clock.advance(minuteMs);
    tended(world, machine);
    machine.tooLong.add("default_app-1_uid-1/main/0.log");
    await world.clock.advance(minuteMs);
    expect(reopened).toHaveLength(1);
  });
});

describe("DiskUpkeep", () => {
  const directory = ownDirectory("upkeep");
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  afterEach(() => rmSync(join(directory, "log"), { recursive: true, force: true }));
  const logs = join(directory, "log");
  const newHost = () => new DiskUpkeep({ stateDirectory: directory, logDirectory: logs, imageDirectory: directory });
  const log = { containerId: "c1", path: "ns_p_u/main/0.log", link: "p_ns_main-c1.log" };

  function write(path: string, bytes: number): void {
    mkdirSync(join(logs, "pods", path, ".."), { recursive: true });
    writeFileSync(join(logs, "pods", path), Buffer.alloc(bytes, "x"));
  }

  it("moves a log aside that is too long, and keeps so many and no more", async () => {
    const limits = { maxSizeBytes: 100, maxFiles: 3 };
    for (const stamp of ["20260101-000001", "20260101-000002", "20260101-000003"]) write(`${log.path}.${stamp}`, 1);
    write(log.path, 100);
    expect(await newHost().rotate(log, limits)).toBe(false);
    write(log.path, 101);
    expect(await newHost().rotate(log, limits)).toBe(true);
    const names = readdirSync(join(logs, "pods/ns_p_u/main"));
    expect(names).toHaveLength(2);
    expect(names).toContain("0.log.20260101-000003");
    expect(await newHost().rotate(log, limits)).toBe(false);
  });

  it("links logs for those who collect them, and drops links to logs that are gone and no others'", async () => {
    const host = newHost();
    write(log.path, 1);
    mkdirSync(join(logs, "containers"));
    symlinkSync("/nowhere/x.log", join(logs, "containers/others.log"));
    symlinkSync(join(logs, "pods/gone/main/0.log"), join(logs, "containers/dead.log"));
    await host.link([log]);
    expect(readdirSync(join(logs, "containers")).toSorted()).toEqual(["others.log", log.link]);
    expect(readlinkSync(join(logs, "containers", log.link))).toBe(join(logs, "pods", log.path));
    rmSync(join(logs, "pods/ns_p_u"), { recursive: true });
    await host.link([]);
    expect(readdirSync(join(logs, "containers"))).toEqual(["others.log"]);
  });

  it("counts what each container's logs take, links not followed", async () => {
    write(log.path, 100_000);
    write("ns_p_u/other/0.log", 10);
    symlinkSync("/usr", join(logs, "pods/ns_p_u/main/link"));
    const use = await newHost().logUse("ns_p_u");
    expect([...use.keys()].toSorted()).toEqual(["main", "other"]);
    expect(use.get("main")?.bytes).toBeGreaterThanOrEqual(100_000);
    expect(use.get("main")?.bytes).toBeLessThan(200_000);
    expect(use.get("main")?.inodes).toBe(3);
    expect((await newHost().logUse("none")).size).toBe(0);
  });

  it("knows whether images have a disk of their own", () => {
    const options = { stateDirectory: directory, logDirectory: logs };
    expect(newHost().hasImageDisk()).toBe(false);
    expect(new DiskUpkeep({ ...options, imageDirectory: undefined }).hasImageDisk()).toBe(false);
    expect(new DiskUpkeep({ ...options, imageDirectory: "/proc" }).hasImageDisk()).toBe(true);
  });

  it("removes nothing outside of the directory of logs", async () => {
    write("x/y", 1);
    for (const directory of ["..", "../..", "", "."]) await newHost().removeLogs(directory);
    expect(existsSync(join(logs, "pods/x/y"))).toBe(true);
    await newHost().removeLogs("x");
    expect(existsSync(join(logs, "pods/x"))).toBe(false);
  });

  it("keeps its records for the next agent", async () => {
    const records = { images: { a: { seenAtMs: 1, usedAtMs: 2 } }, logDirectories: { u: "ns_p_u" } };
    await newHost().writeRecords(records);
    expect(await newHost().readRecords()).toEqual(records);
  });

  it("knows what this machine has left", () => {
    const { "memory.available": memory, "nodefs.available": disk } = newHost().readings();
    for (const reading of [memory, disk]) {
      expect(reading?.available).toBeGreaterThan(0);
      expect(reading?.capacity).toBeGreaterThanOrEqual(reading?.available ?? 0);
    }
  });
});

describe("a pod's own disk", () => {
  afterEach(() => volumes.clear());

  it.each<readonly [what: string, spec: Partial<PodSpec>, message: string]>([
    [
      "whose volume has outgrown its limit",
      { volumes: [{ name: "cache", emptyDir: { sizeLimit: "1Mi" } }] },
      'Usage of EmptyDir volume "cache" exceeds the limit "1Mi". ',
    ],
    [
      "whose container has written more than it may",
      { containers: [container({ resources: { limits: { "ephemeral-storage": "3Mi" } } }), container({ name: "b" })] },
      "Pod ephemeral local storage usage exceeds the total limit of containers 3Mi. ",
    ],
  ])("is evicted %s, and says so", async (_what, spec, message) => {
    const world = await started({ spec });
    const machine = new Machine();
    machine.logs.set("default_app-1_uid-1", new Map([["main", { bytes: 2 * mebi, inodes: 1 }]]));
    const upkeep = tended(world, machine);
    await world.clock.advance(minuteMs);
    expect(status(world)["phase"]).toBe("Running");
    volumes.set("uid-1", [{ name: "cache", isOnDisk: true, bytes: 2 * mebi, inodes: 1 }]);
    await world.clock.advance(minuteMs);
    upkeep.stop();
    expect(status(world)).toMatchObject({ phase: "Failed", reason: "Evicted", message });
    const types = status(world).conditions?.map(({ type }) => type);
    expect(types).not.toContain("DisruptionTarget");
  });

  it("is not looked through where nothing limits it", async () => {
    const world = await started({ spec: { volumes: [{ name: "cache", emptyDir: {} }] } });
    const machine = new Machine();
    machine.logUse = async () => {
      throw new Error("the disk is looked through");
    };
    tended(world, machine);
    await world.clock.advance(minuteMs);
    expect(world.logs.filter((line) => line.includes("what pods have on the disk"))).toEqual([]);
  });
});

describe("what an evicted pod leaves", () => {
  const eviction = { message: "The node was low on resource: memory. ", graceSeconds: 1, isDisruption: true };
  const left = async ({ runtime }: World) => [
    ...(await runtime.listPodSandboxes({ podUid: "uid-1" })),
    ...(await runtime.listContainers({ podUid: "uid-1" })),
  ];

  it("goes as soon as it has ended, though the pod is still asked for; its status stays, also for the next agent", async () => {
    const world = await started();
    await world.clock.advance(minuteMs);
    world.agent.evict("uid-1", eviction);
    await world.clock.advance(10 * secondMs);
    expect(await left(world)).toEqual([]);
    const told = status(world);
    expect(told).toMatchObject({ phase: "Failed", reason: "Evicted", message: eviction.message });
    expect(told.containerStatuses).toMatchObject([{ restartCount: 0, state: { terminated: { exitCode: 0 } } }]);
    world.restart();
    await world.clock.advance(10 * minuteMs);
    expect(status(world)).toEqual(told);
    expect(await left(world)).toEqual([]);
  });

  it("does not go before the disk knows of the eviction: an agent that dies then does not begin the pod anew", async () => {
    const world = await started();
    await world.clock.advance(minuteMs);
    const remove = world.runtime.removePodSandbox.bind(world.runtime);
    let removals = 0;
    Object.assign(world.runtime, {
      removePodSandbox: async (id: string) => {
        removals += 1;
        const removed = await remove(id);
        if (removals === 1) world.restart();
        return removed;
      },
    });
    world.line = "down";
    world.agent.evict("uid-1", eviction);
    await world.clock.advance(minuteMs);
    world.line = "up";
    await world.clock.advance(5 * minuteMs);
    expect(removals).toBe(1);
    expect(status(world)).toMatchObject({ phase: "Failed", reason: "Evicted", message: eviction.message });
    expect(await left(world)).toEqual([]);
  });
});

describe("an eviction", () => {
  it("waits until what the last one left is gone before it has another pod go, and not for ever", async () => {
    const world = new World();
    world.controlPlane.assign([assignedPod(), assignedPod({ uid: "uid-2", name: "app-2" })], { t1: template() });
    world.agent.start();
    await world.clock.advance(minuteMs);
    Object.assign(world.runtime, { removePodSandbox: async () => fail("failed", "busy") });
    const machine = new Machine();
    machine.current = scarce;
    tended(world, machine);
    await world.clock.advance(25 * secondMs);
    expect([status(world), status(world, "uid-2")].map(({ phase }) => phase)).toEqual(["Failed", "Running"]);
    await world.clock.advance(20 * secondMs);
    expect(status(world, "uid-2").phase).toBe("Failed");
  });
});

describe("a soft threshold", () => {
  const flags = {
    hard: "memory.available<100Mi",
    soft: "memory.available<300Mi",
    softGracePeriod: "memory.available=1m30s",
    maxPodGracePeriod: "7",
  };
  const low: Readings = { "memory.available": { available: 200 * mebi, capacity: gibi } };

  it("has no pod evicted before its time, and gives it time to end then", async () => {
    const world = await started({ spec: { terminationGracePeriodSeconds: 600 }, behaviour: { stopMs: 60_000 } });
    const machine = new Machine();
    tended(world, machine, flags);
    machine.current = low;
    await world.clock.advance(90 * secondMs);
    expect(status(world)["phase"]).toBe("Running");
    await world.clock.advance(15 * secondMs);
    expect(status(world)).toMatchObject({
      phase: "Failed",
      message: expect.stringContaining("Threshold quantity: 300Mi, available: 200Mi. "),
    });
    expect(status(world).conditions).toContainEqual(
      expect.objectContaining({ type: "DisruptionTarget", status: "True", reason: "TerminationByKubelet" }),
    );
    expect(world.runtime.running("uid-1", "main")).toBe(1);
    await world.clock.advance(8 * secondMs);
    expect(world.runtime.running("uid-1", "main")).toBe(0);
  });

  it("forgets what was over in the meantime", async () => {
    const world = await started();
    const machine = new Machine();
    tended(world, machine, flags);
    for (let round = 0; round < 5; round += 1) {
      machine.current = low;
      await world.clock.advance(80 * secondMs);
      machine.current = {};
      await world.clock.advance(20 * secondMs);
    }
    expect(status(world)["phase"]).toBe("Running");
  });
});
