// What `leave --purge` does with the slice of systemd that pods were in, which may be anybody's.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { forgetSlice } from "../../agents/node/commands/systemd.ts";
import { removeControlGroups } from "../containers/leftovers.ts";
import { nameOf, ownDirectory } from "../containers/own-directory.ts";
import { makeControlGroup } from "./support/control-group.ts";
import { dyingWithUs } from "./support/daemon.ts";
import { Systemctl } from "./support/systemctl.ts";

let directory: string;
let group: string;
let systemctl: Systemctl;
let said: string[];

beforeEach(() => {
  directory = ownDirectory("leave");
  // A dash would lead a level down.
  group = nameOf(directory).replaceAll("-", "");
  systemctl = new Systemctl(join(directory, "bin"));
  vi.stubEnv("PATH", systemctl.path);
  said = [];
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    said.push(String(text));
    return true;
  });
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  removeControlGroups(`${group}.slice`);
  rmSync(directory, { recursive: true, force: true });
});

/** A process of somebody's in the control group, for as long as `work` takes. */
async function withProcessIn(path: string, work: () => Promise<void>): Promise<void> {
  const sleeping = spawn("setpriv", dyingWithUs(["sleep", "1000"]), { cwd: directory, stdio: "ignore" });
  try {
    await once(sleeping, "spawn");
    writeFileSync(join(makeControlGroup(path), "cgroup.procs"), String(sleeping.pid));
    await work();
  } finally {
    const ended = once(sleeping, "exit");
    sleeping.kill("SIGKILL");
    await ended;
  }
}

test.each([
  ["in it", ""],
  ["in the slice of somebody's pod in it", "/kubepods-podab.slice/cri-1.scope"],
])("a slice with a process %s is left alone, and somebody hears of it", async (_, below) => {
  const slice = `${group}.slice`;
  await withProcessIn(`${slice}${below}`, async () => {
    await forgetSlice(group);
    expect(systemctl.asked()).toEqual([]);
    expect(said.join("")).toBe(`left ${slice}, where something runs\n`);
  });
});

test("a slice that a process is above of is not the one that it is in", async () => {
  await withProcessIn(`${group}.slice`, async () => {
    await forgetSlice(`${group}-b`);
    expect(systemctl.done()).toEqual([`stop ${group}-b.slice`]);
  });
});

test.each([
  ["that nothing is in any more", (name: string) => makeControlGroup(`${name}.slice/${name}-podab.slice`)],
  ["that the kernel does not know", () => {}],
])("a slice %s is stopped", async (_, make) => {
  make(group);
  await forgetSlice(group);
  expect(systemctl.done()).toEqual([`stop ${group}.slice`]);
  expect(said).toEqual([]);
});

test("a slice that cannot be stopped is told of", async () => {
  systemctl.set("refuses", true);
  await forgetSlice(group);
  expect(said.join("")).toContain("Connection refused");
});

test.each(["*", "a?", "[a]", "/lares", "a/b", "-", "a--b"])(
  "%j is no slice's name, nor a pattern of them",
  async (name) => {
    await forgetSlice(name);
    expect(systemctl.asked()).toEqual([]);
  },
);
