// The commands at a machine, run as somebody runs them: the bundle, with all its files below a directory of the test's.
import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { durationMs, durationText } from "../../agents/node/commands/output.ts";
import { rollbackUnitText, unitText } from "../../agents/node/commands/unit.ts";
import { readLock } from "../../agents/node/host/lock.ts";
import { isAlive, killAll, readIdentity } from "../../agents/node/runtime/process/process-table.ts";
import { Records } from "../../agents/node/runtime/process/record.ts";
import { bundleAgent } from "../../local/bundle.ts";
import { ownDirectory } from "../containers/own-directory.ts";
import { unmountBelow } from "./support/mounts.ts";
import { assignedPod, container, template } from "./support/pods.ts";
import { Server } from "./support/server.ts";

let builds: string;
let program: string;
let root: string;
let server: Server;

beforeAll(async () => {
  builds = ownDirectory("build");
  program = join(builds, "lares-agent.cjs");
  await bundleAgent("node", program);
});
afterAll(() => rmSync(builds, { recursive: true, force: true }));

beforeEach(async () => {
  root = ownDirectory("root");
  server = new Server();
  server.joinToken = "laresjoin_test";
  await server.start();
});

afterEach(async () => {
  const pid = agentPid();
  if (pid > 0) process.kill(pid, "SIGKILL");
  await server.stop();
  for (const id of containers()) {
    killAll(id, null);
    new Records(at("var/lib/lares/runtime")).removeContainer(id);
  }
  unmountBelow(root);
  rmSync(root, { recursive: true, force: true });
});

const at = (path: string) => join(root, path);

function lares(args: readonly string[], file = program) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [file, "agent", ...args, "--root", root], {
    encoding: "utf8",
  });
  return { code: status, text: stdout + stderr };
}

function agentPid(): number {
  try {
    return Number(readLock(at("var/lib/lares/lock")).split(" ")[0]);
  } catch {
    return 0;
  }
}

function containers(): readonly string[] {
  try {
    return readdirSync(at("var/lib/lares/runtime/containers"));
  } catch {
    return [];
  }
}

function filesBelow(dir: string): readonly string[] {
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? filesBelow(join(dir, entry.name)) : [join(dir, entry.name).slice(root.length)],
  );
}

describe("durations", () => {
  it.each([
    ["2h", 7_200_000],
    ["1h30m", 5_400_000],
    ["1d", 86_400_000],
    ["45", null],
    ["", null],
    ["1w", null],
  ])("%s", (text, ms) => expect(durationMs(text)).toBe(ms));

  it("are told by their two greatest units", () => {
    expect(durationText(90_061_000)).toBe("1d1h");
    expect(durationText(0)).toBe("0s");
  });
});

describe("install", () => {
  it("puts the program, the command and the units in place, and changes nothing when it is done again", () => {
    const first = lares(["install"]);
    expect(first.code).toBe(0);
    const release = readlinkSync(at("opt/lares/current"));
    expect(filesBelow(root).toSorted()).toEqual([
      "/etc/systemd/system/lares-agent-rollback.service",
      "/etc/systemd/system/lares-agent.service",
      `/opt/lares/${release}/lares-agent.cjs`,
      "/opt/lares/current",
      "/usr/local/bin/lares",
    ]);
    expect(statSync(at("usr/local/bin/lares")).mode & 0o111).toBe(0o111);
    expect(readFileSync(at("usr/local/bin/lares")).equals(readFileSync(program))).toBe(true);
    expect(statSync(at("etc/lares")).mode & 0o777).toBe(0o700);
    const again = lares(["install"], at("usr/local/bin/lares"));
    expect(again.text).toBe(
      `no systemd below ${root}: nothing is enabled; systemctl --root=${root} enable lares-agent does it\n`,
    );
  });

  it("is undone by leave --purge, though the machine never joined", () => {
    lares(["install"]);
    const { code, text } = lares(["leave", "--purge"]);
    expect(text).toMatch(/^this machine has not joined: there is nothing to leave\nremoved /);
    expect(code).toBe(0);
    expect(filesBelow(root)).toEqual([]);
  });

  it("only says what it would do with --dry-run, the unit included", () => {
    const { code, text } = lares(["install", "--dry-run"]);
    expect(code).toBe(0);
    expect(text).toContain(`would write ${at("etc/systemd/system/lares-agent.service")}`);
    expect(text).toContain("  KillMode=process\n");
    expect(readdirSync(root)).toEqual([]);
  });

  it("keeps the release before, and no others", () => {
    lares(["install"]);
    const releases = [readlinkSync(at("opt/lares/current"))];
    for (const text of ["// two\n", "// three\n"]) {
      const next = join(builds, `next${releases.length}.cjs`);
      cpSync(program, next);
      writeFileSync(next, `${readFileSync(program, "utf8")}${text}`);
      expect(lares(["install"], next).code).toBe(0);
      releases.push(readlinkSync(at("opt/lares/current")));
    }
    expect(new Set(releases).size).toBe(3);
    expect(readlinkSync(at("opt/lares/previous"))).toBe(releases[1]);
    expect(readdirSync(at("opt/lares")).toSorted()).toEqual([...releases.slice(1), "current", "previous"].toSorted());
  });
});

describe("the unit", () => {
  const text = unitText({ engine: "/usr/bin/node", podsAreChildren: true });
  const settings = new Map<string, string>();
  const malformed: string[] = [];
  let section = "";
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    const name = /^\[(\w+)\]$/.exec(line)?.[1];
    const [, key, value] = /^([A-Z]\w+)=(.+)$/.exec(line) ?? [];
    if (name !== undefined) section = name;
    else if (key === undefined || value === undefined || settings.has(`${section}.${key}`)) malformed.push(line);
    else settings.set(`${section}.${key}`, value);
  }

  it("is well formed, each setting said once, in the section that knows it", () => {
    expect(malformed).toEqual([]);
    expect(new Set([...settings.keys()].map((key) => key.split(".")[0]))).toEqual(
      new Set(["Unit", "Service", "Install"]),
    );
    // systemd ignores these with a warning when they stand in [Service].
    for (const key of ["StartLimitIntervalSec", "StartLimitBurst", "OnFailure"])
      expect(settings.has(`Unit.${key}`)).toBe(true);
  });

  it("is one that systemd itself finds nothing wrong with", () => {
    writeFileSync(at("lares-agent-rollback.service"), rollbackUnitText);
    for (const podsAreChildren of [true, false]) {
      writeFileSync(at("lares-agent.service"), unitText({ engine: process.execPath, podsAreChildren }));
      const { status, stderr } = spawnSync("systemd-analyze", ["verify", at("lares-agent.service")], {
        encoding: "utf8",
      });
      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    }
  });

  it("leaves pods running when the agent stops, bounds its memory, and restarts it within limits", () => {
    expect(Object.fromEntries(settings)).toMatchObject({
      "Service.KillMode": "process",
      "Service.Delegate": "yes",
      "Service.MemoryMax": "96M",
      "Service.Restart": "always",
      "Service.WatchdogSec": "3min",
      "Service.NotifyAccess": "all",
      "Unit.OnFailure": "lares-agent-rollback.service",
    });
    expect(settings.get("Service.ExecStart")).toMatch(
      /^\/usr\/bin\/node --no-node-snapshot --lite-mode .*--max-old-space-size=64 .*\/opt\/lares\/current\/lares-agent\.cjs agent run /,
    );
  });

  it("shuts the agent in only where its pods are somebody else's children, and never so that mounts are its own", () => {
    const strict = unitText({ engine: "/usr/bin/node", podsAreChildren: false });
    expect(strict).toContain("RestrictAddressFamilies=");
    expect(text).not.toContain("RestrictAddressFamilies=");
    for (const unit of [text, strict])
      expect(unit).not.toMatch(/^(ProtectSystem|PrivateTmp|ProtectHome|ReadOnlyPaths)=/m);
    for (const unit of [text, strict]) expect(unit).toContain("PrivateMounts=no\n");
  });
});

describe("a machine", () => {
  const join1 = () => [
    "join",
    server.joinToken,
    server.url,
    "--node",
    "node-1",
    "--runtime",
    "process",
    "--timeout",
    "20s",
  ];

  async function untilReady(): Promise<void> {
    await vi.waitFor(() => expect(server.plane("node-1").isReady("uid-1")).toBe(true), { timeout: 15_000 });
  }

  function main() {
    const [id = "none"] = containers();
    return readIdentity(readFileSync(at(`var/lib/lares/runtime/containers/${id}/pid`), "utf8"));
  }

  it("that is upgraded restarts no container", async () => {
    server
      .plane("node-1")
      .assign([assignedPod()], { t1: template({ containers: [container({ command: ["sleep", "1000"] })] }) });
    const joining = await joined(join1());
    expect(joining.text).toContain(`node node-1 has joined ${server.url}`);
    await untilReady();
    const before = main();
    const firstPid = agentPid();
    const next = join(builds, "upgrade.cjs");
    writeFileSync(next, `${readFileSync(program, "utf8")}// another release\n`);
    expect((await joined(join1(), next)).code).toBe(0);
    expect(agentPid()).not.toBe(firstPid);
    await vi.waitFor(() => expect(lares(["status"]).text).toMatch(/pod +default\/app-1: Running, ready/), {
      timeout: 10_000,
    });
    expect(before !== null && isAlive(before)).toBe(true);
    expect(main()).toEqual(before);
    expect(readFileSync(at("opt/lares/current/lares-agent.cjs"), "utf8")).toContain("// another release");
  }, 60_000);

  it("that is held while no agent runs is held when one does", async () => {
    expect(lares(["hold", "--reason", "moving", "--for", "1h"]).text).toContain(
      "no agent runs here: the next one will know",
    );
    server
      .plane("node-1")
      .assign([assignedPod()], { t1: template({ containers: [container({ command: ["sleep", "1000"] })] }) });
    await joined(join1());
    const status = JSON.parse(lares(["status", "--output", "json"]).text);
    expect(status.hold).toMatchObject({ reason: "moving" });
    await vi.waitFor(() => expect(server.plane("node-1").status("uid-1")).toBeDefined(), { timeout: 10_000 });
    expect(containers()).toEqual([]);
    lares(["hold", "--release"]);
    await untilReady();
  }, 60_000);

  it("says that it is not connected, since when and why, with an exit code for it", async () => {
    await joined(join1());
    expect(lares(["status"]).code).toBe(0);
    await server.stop();
    await vi.waitFor(() => expect(lares(["status"]).code).toBe(4), { timeout: 20_000 });
    expect(lares(["status"]).text).toMatch(/not connected for \d+s: /);
    await server.start();
  }, 60_000);

  it("that joins without a word on its runtime gets what auto takes there into its unit, which shuts the agent in", async () => {
    mkdirSync(at("var/lib/lares"), { recursive: true });
    writeFileSync(at("var/lib/lares/runtime.json"), JSON.stringify({ kind: "cri", endpoint: at("no.sock") }));
    const { code, text } = await joined(["join", server.joinToken, server.url, "--node", "node-1", "--timeout", "1s"]);
    // Where such a file was left, pods may have been: it is waited for.
    expect({ code, text }).toMatchObject({ code: 4 });
    expect(text).toContain("runtime cri: it was taken before; --runtime names another\n");
    expect(readFileSync(at("etc/lares/agent.env"), "utf8")).toContain('LARES_OPTIONS="--runtime cri --node node-1"');
    expect(readFileSync(at("etc/systemd/system/lares-agent.service"), "utf8")).toContain("RestrictAddressFamilies=");
    await vi.waitFor(() => expect(agentPid()).toBeGreaterThan(0), { timeout: 15_000 });
  }, 60_000);

  /** In the background: the control plane is in this process. */
  async function joined(args: readonly string[], file = program) {
    const { spawn } = await import("node:child_process");
    const child = spawn(process.execPath, [file, "agent", ...args, "--root", root]);
    let text = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk) => {
        text += chunk;
      });
    }
    const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
    return { code, text };
  }
});

describe("a command line that makes no sense", () => {
  it.each<readonly [what: string, args: readonly string[], says: string]>([
    ["no such command", ["dance"], "there is no command"],
    ["no URL", ["join", "laresjoin_x"], "join takes a token and a URL"],
    ["no token", ["join", "hello", "https://x"], "is no join token"],
    ["no end", ["hold", "--reason", "x"], "hold takes --reason TEXT and --for DURATION"],
    ["no duration", ["hold", "--reason", "x", "--for", "soon"], "is no duration"],
    ["an unknown option", ["status", "--loud"], "--loud"],
  ])("%s", (_, args, says) => {
    const { code, text } = lares(args);
    expect(text).toContain(says);
    expect(text.trimEnd().split("\n")).toHaveLength(1);
    expect(code).toBe(2);
  });

  it("finds an agent that waits for its runtime", async () => {
    const state = at("var/lib/lares");
    const away = ["--runtime", "docker", "--runtime-endpoint", at("run/docker.sock")];
    const args = ["agent", "run", "--server", server.url, "--node", "edge", "--state-dir", state, ...away];
    const { spawn } = await import("node:child_process");
    spawn(process.execPath, [program, ...args], { stdio: "ignore" });
    await vi.waitUntil(() => agentPid() > 0, { timeout: 20_000 });
    const text = expect.stringContaining(`the agent (process ${agentPid()}) has not got to its pods yet`);
    expect(lares(["status"])).toEqual({ code: 4, text });
  });

  it("finds no agent and no credential where there are none", () => {
    expect(lares(["status"])).toEqual({ code: 5, text: expect.stringContaining("no agent runs here") });
    expect(lares(["drain"])).toEqual({ code: 5, text: expect.stringContaining("has not joined") });
    expect(existsSync(at("var"))).toBe(false);
  });
});
