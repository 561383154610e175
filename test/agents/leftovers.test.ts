import { spawn } from "node:child_process";
import { existsSync, readdirSync, readlinkSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test, vi } from "vitest";

import { nameOf } from "../containers/own-directory.ts";
import { mountPoints } from "./support/mounts.ts";

const patience = { timeout: 20_000, interval: 50 };

function processesIn(directory: string): readonly string[] {
  return readdirSync("/proc").filter((entry) => {
    try {
      return /^\d+$/.test(entry) && readlinkSync(`/proc/${entry}/cwd`) === directory;
    } catch {
      return false;
    }
  });
}

test("what a process of the tests has left when it is killed is taken away", async () => {
  const file = fileURLToPath(new URL("support/leaving-behind.ts", import.meta.url));
  const child = spawn(process.execPath, [file], { stdio: ["ignore", "pipe", "inherit"] });
  const directory = await new Promise<string>((resolve) =>
    child.stdout.once("data", (data) => resolve(String(data).trim())),
  );
  const bridge = `/sys/class/net/${nameOf(directory)}`;
  expect(mountPoints(directory)).toHaveLength(1);
  expect(existsSync(bridge)).toBe(true);
  expect(processesIn(directory)).toHaveLength(1);
  child.kill("SIGKILL");
  await vi.waitFor(() => expect(existsSync(directory)).toBe(false), patience);
  expect(mountPoints(directory)).toEqual([]);
  expect(existsSync(bridge)).toBe(false);
  expect(processesIn(directory)).toEqual([]);
});
