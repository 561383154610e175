import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { HostFacts, nodeConditions, openHostFacts } from "../../agents/node/host/node-facts.ts";
import { lineLog } from "../../agents/node/host/system.ts";
import { parseOptions } from "../../agents/node/options.ts";
import { warning } from "../../agents/node/pod/pod-event.ts";
import { EventQueue } from "../../agents/node/reporting/events.ts";
import { FakeRuntime } from "../../agents/node/runtime/fake.ts";
import { LogWriter } from "../../agents/node/runtime/process/log-writer.ts";
import { rotatedLogs } from "../../agents/node/runtime/rotating-file.ts";
import { defaultImageLimits } from "../../agents/node/upkeep/image-collection.ts";
import { kubeletVersion } from "../../agents/node/version.ts";
import { EventReport, NodeReport } from "../../src/sync/messages.ts";
import { ownDirectory } from "../containers/own-directory.ts";
import { VirtualClock } from "./support/virtual-clock.ts";

let directory: string;

beforeEach(() => {
  directory = ownDirectory("host");
});

afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

describe("what a host says of itself", () => {
  const clock = new VirtualClock();
  const runtime = new FakeRuntime({ clock });
  const options = () => ({
    node: "edge-1",
    labels: { site: "north" },
    runtime,
    clock,
    stateDirectory: directory,
    pressures: () => new Set<never>(),
  });

  test("is a node report, with the labels and the capacity that Kubernetes knows", async () => {
    const facts = await openHostFacts(options());
    const report = facts.current();
    facts.stop();
    expect(NodeReport.parse(report)).toEqual(report);
    expect(report.labels).toMatchObject({
      "kubernetes.io/hostname": "edge-1",
      "kubernetes.io/os": "linux",
      site: "north",
    });
    expect(Object.keys(report.labels)).toContain("beta.kubernetes.io/arch");
    expect(report.capacity).toMatchObject({ pods: "110", memory: expect.stringMatching(/^\d+Ki$/) });
    expect(report.allocatable).toEqual(report.capacity);
    expect(report.addresses.map(({ type }) => type)).toEqual(["InternalIP", "Hostname"]);
    expect(report.nodeInfo).toMatchObject({
      kubeletVersion,
      containerRuntimeVersion: "fake://1.0.0",
      operatingSystem: "linux",
    });
    expect(kubeletVersion).toMatch(/^v1\.\d+\.\d+\+lares/);
  });

  test("stays the same object until something has changed", async () => {
    const facts = new HostFacts(options(), "fake://1.0.0");
    let changes = 0;
    facts.onChange(() => {
      changes += 1;
    });
    const before = facts.current();
    await facts.look();
    await facts.look();
    expect(facts.current()).toBe(before);
    expect(changes).toBe(0);
  });

  test("tells that its runtime is down", async () => {
    const broken = {
      ...options(),
      runtime: Object.assign(new FakeRuntime({ clock }), { status: () => Promise.reject(new Error("gone")) }),
    };
    const facts = new HostFacts(broken, "fake://1.0.0");
    await facts.look();
    expect(facts.current().conditions.at(-1)).toEqual({
      type: "Ready",
      status: "False",
      reason: "KubeletNotReady",
      message: "container runtime is down: Error: gone",
    });
  });

  test("has the kubelet's words for its conditions", () => {
    const calm = nodeConditions(new Set(), null);
    expect(calm.map(({ type, status, reason, message }) => `${type}=${status} ${reason}: ${message}`)).toEqual([
      "MemoryPressure=False KubeletHasSufficientMemory: kubelet has sufficient memory available",
      "DiskPressure=False KubeletHasNoDiskPressure: kubelet has no disk pressure",
      "PIDPressure=False KubeletHasSufficientPID: kubelet has sufficient PID available",
      "Ready=True KubeletReady: kubelet is posting ready status",
    ]);
    const pressed = nodeConditions(new Set(["memory", "disk", "pids"]), null);
    expect(pressed.slice(0, 3).map(({ status, reason }) => `${status} ${reason}`)).toEqual([
      "True KubeletHasInsufficientMemory",
      "True KubeletHasDiskPressure",
      "True KubeletHasInsufficientPID",
    ]);
  });
});

describe("the command line", () => {
  const needed = ["--server", "https://lares.example/", "--runtime", "process"];

  test("gives what an agent needs, with defaults for the rest", () => {
    const parsed = parseOptions(
      [...needed, "--node", "Edge-1", "--label", "a=b", "--label", "c=d=e", "--join-token", "t"],
      false,
    );
    if (parsed.kind !== "options") throw new Error(JSON.stringify(parsed));
    expect(parsed.options).toMatchObject({
      server: "https://lares.example",
      node: "edge-1",
      stateDirectory: "/var/lib/lares",
      logDirectory: "/var/lib/lares/log",
      runtime: "process",
      connection: "auto",
      labels: { a: "b", c: "d=e" },
      stopPodsOnExit: false,
    });
    expect(parsed.options.joinToken()).toBe("t");
  });

  test("reads a join token from its file each time, as long as it is there", () => {
    const file = join(directory, "token");
    const parsed = parseOptions([...needed, "--join-token-file", file], true);
    if (parsed.kind !== "options") throw new Error(JSON.stringify(parsed));
    expect(parsed.options.joinToken()).toBeUndefined();
    writeFileSync(file, "secret\n");
    expect(parsed.options.joinToken()).toBe("secret");
    expect(parsed.options.logDirectory).toBe("/var/log");
  });

  test.each([
    [["--runtime", "fake"], /--server is missing/],
    [["--server", "lares.example", "--runtime", "fake"], /no http or https URL/],
    [
      ["--server", "https://x", "--runtime", "rkt"],
      /--runtime cannot be "rkt"; it can be auto, docker, cri, process, fake/,
    ],
    [[...needed, "--connection", "pigeon"], /--connection cannot be "pigeon"/],
    [[...needed, "--label", "x"], /"x" is no KEY=VALUE/],
    [[...needed, "--node", "Edge_1"], /no name for a node/],
    [[...needed, "--ca-file", "/no/such"], /cannot read \/no\/such/],
    [[...needed, "--image-gc-low-threshold", "90"], /--image-gc-low-threshold: 90 is not less than/],
    [[...needed, "--unknown"], /--unknown/],
    [[...needed, "stray"], /stray/],
  ])("of %j makes no sense", (args, message) => {
    const parsed = parseOptions(args, true);
    expect(parsed).toMatchObject({ kind: "error", message: expect.stringMatching(message) });
  });

  test("says when images go, as a kubelet's does", () => {
    const own = ["--image-maximum-gc-age=12h", "--image-gc-high-threshold=95", "--image-gc-low-threshold=90"];
    expect(parseOptions([...needed, ...own], true)).toMatchObject({
      options: { images: { highShare: 0.95, lowShare: 0.9, maximumAgeMs: 12 * 3_600_000 } },
    });
    expect(parseOptions(needed, true)).toMatchObject({ options: { images: defaultImageLimits } });
  });

  test("takes whatever runtime answers, unless it says which", () => {
    const parsed = parseOptions(["--server", "https://x"], true);
    expect(parsed).toMatchObject({ kind: "options", options: { runtime: "auto" } });
  });

  test("asks for help", () => {
    expect(parseOptions(["--help"], true)).toEqual({ kind: "help" });
  });
});

describe("events on their way", () => {
  const event = warning("BackOff", "again", "spec.containers{main}");

  test("become one when they are equal, with a count and their times", () => {
    const queue = new EventQueue();
    queue.add("uid-1", event, 1000);
    queue.add("uid-1", event, 2000);
    queue.add("uid-2", event, 3000);
    const [first, second] = queue.take(10);
    expect(first).toEqual({
      ...event,
      podUid: "uid-1",
      count: 2,
      firstAt: "1970-01-01T00:00:01.000Z",
      lastAt: "1970-01-01T00:00:02.000Z",
    });
    expect(second).toMatchObject({ podUid: "uid-2", count: 1 });
    expect(EventReport.parse(first)).toEqual(first);
  });

  test("are sent again when they were lost, with what came meanwhile", () => {
    const queue = new EventQueue();
    queue.add("uid-1", event, 1000);
    queue.take(10);
    queue.add("uid-1", event, 2000);
    queue.lost();
    expect(queue.take(10)).toMatchObject([{ count: 2, firstAt: "1970-01-01T00:00:01.000Z" }]);
    queue.arrived();
    expect(queue.hasNews).toBe(false);
    expect(queue.take(10)).toEqual([]);
  });

  test("are given up, the oldest first, when there are too many kinds of them", () => {
    const queue = new EventQueue();
    for (let n = 0; n < 200; n++) queue.add("uid-1", warning("Failed", `number ${n}`), n);
    const taken = queue.take(1000);
    expect(taken).toHaveLength(128);
    expect(taken[0]?.message).toBe("number 72");
    expect(queue.take(1)).toEqual([]);
  });

  test("are cut to what the control plane takes", () => {
    const queue = new EventQueue();
    queue.add("uid-1", warning("Failed", "x".repeat(5000)), 0);
    expect(queue.take(1)[0]?.message).toHaveLength(1024);
  });
});

describe("a container's log", () => {
  const nowMs = () => Date.UTC(2026, 0, 2, 3, 4, 5, 678);
  const path = () => join(directory, "pods", "main", "0.log");
  const opened: LogWriter[] = [];
  const writer = (limits = { maxSizeBytes: 1_000_000, maxFiles: 5 }) => {
    const log = new LogWriter(path(), { limits, nowMs });
    opened.push(log);
    return log;
  };

  afterEach(async () => {
    for (const log of opened.splice(0)) await log.close();
  });

  const lines = () => readFileSync(path(), "utf8").trimEnd().split("\n");

  test("has each line with its time, stream and tag", async () => {
    const log = writer();
    await log.write("stdout", Buffer.from("one\ntw"));
    await log.write("stderr", Buffer.from("other\n\n"));
    await log.write("stdout", Buffer.from("o\n"));
    expect(lines()).toEqual([
      "2026-01-02T03:04:05.678000000Z stdout F one",
      "2026-01-02T03:04:05.678000000Z stderr F other",
      "2026-01-02T03:04:05.678000000Z stderr F ",
      "2026-01-02T03:04:05.678000000Z stdout F two",
    ]);
  });

  test("has long lines in parts, the last of which is complete", async () => {
    const log = writer();
    await log.write("stdout", Buffer.from(`${"x".repeat(40_000)}\n`));
    expect(lines().map((line) => `${line.split(" ")[2]} ${line.split(" ")[3]?.length}`)).toEqual([
      "P 16384",
      "P 16384",
      "F 7232",
    ]);
  });

  test("has what was not finished as a part when the agent goes, and complete when the output ends", async () => {
    const log = writer();
    await log.write("stdout", Buffer.from("begin"));
    await log.close();
    const next = writer();
    await next.write("stdout", Buffer.from("ning\nlast"));
    await next.end();
    expect(lines().map((line) => line.split(" ").slice(2).join(" "))).toEqual(["P begin", "F ning", "F last"]);
  });

  test("goes on in a new file when the old one was moved away", async () => {
    const log = writer();
    await log.write("stdout", Buffer.from("old\n"));
    rmSync(path());
    await log.reopen();
    await log.write("stdout", Buffer.from("new\n"));
    expect(lines()).toHaveLength(1);
  });

  test("is rotated by size, keeping so many files and no more", async () => {
    const log = writer({ maxSizeBytes: 200, maxFiles: 3 });
    for (let n = 0; n < 40; n++) await log.write("stdout", Buffer.from(`line ${n}\n`));
    const rotated = rotatedLogs(path());
    expect(rotated).toHaveLength(2);
    for (const old of rotated) expect(readFileSync(old).length).toBeLessThanOrEqual(200);
  });

  test("that cannot be written loses lines and stops nobody", async () => {
    writeFileSync(join(directory, "pods"), "in the way");
    const log = new LogWriter(path(), { limits: { maxSizeBytes: 1, maxFiles: 1 }, nowMs });
    await log.write("stdout", Buffer.from("lost\n"));
    await log.close();
  });
});

describe("the agent's own log", () => {
  test("has a line of JSON for each message", () => {
    const written: string[] = [];
    const log = lineLog(
      (line) => void written.push(line),
      () => 0,
    );
    log.info("started", { node: "edge-1" });
    log.warn("a\nb");
    expect(written.map((line) => JSON.parse(line))).toEqual([
      { time: "1970-01-01T00:00:00.000Z", level: "info", msg: "started", node: "edge-1" },
      { time: "1970-01-01T00:00:00.000Z", level: "warn", msg: "a\nb" },
    ]);
    expect(written.every((line) => line.indexOf("\n") === line.length - 1)).toBe(true);
  });
});
