// Where on the node a pod's seccomp profile is.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

import { seccompProfilePath } from "../../agents/node/runtime/seccomp-profile.ts";
import { ownDirectory } from "../containers/own-directory.ts";

let directory: string;
beforeEach(() => {
  directory = ownDirectory("seccomp");
  for (const one of ["own", "kubelet"]) mkdirSync(join(directory, one));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function found(name: string): string {
  const directories = ["own", "kubelet"].map((one) => join(directory, one));
  return seccompProfilePath(directories, name).slice(directory.length);
}

test("a profile is where it first is, and missed in the first of the directories", () => {
  expect(found("probe.json")).toBe("/own/probe.json");
  writeFileSync(join(directory, "kubelet/probe.json"), "{}");
  expect(found("probe.json")).toBe("/kubelet/probe.json");
  writeFileSync(join(directory, "own/probe.json"), "{}");
  expect(found("probe.json")).toBe("/own/probe.json");
});

test("no name leads out of the directories", () => {
  writeFileSync(join(directory, "secret"), "{}");
  expect(found("../secret")).toBe("/own/secret");
});
