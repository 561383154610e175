// What is mounted, and the mount and umount programs: Node has no calls of its own for them.
import { execFile } from "node:child_process";
import { readFile, realpath, statfs } from "node:fs/promises";
import { basename } from "node:path";
import { promisify } from "node:util";

import { findProgram } from "../host/programs.ts";

const runFile = promisify(execFile);
const tmpfsMagic = 0x01021994;
const timeoutMs = 30_000;

/** Mount points at or below a path, the latest first: the order in which they can go. */
export async function mountsBelow(path: string): Promise<readonly string[]> {
  const text = await readFile("/proc/self/mountinfo", "utf8");
  const found: string[] = [];
  for (const line of text.split("\n")) {
    const point = unescaped(line.split(" ")[4] ?? "");
    if (point === path || point.startsWith(`${path}/`)) found.push(point);
  }
  return found.reverse();
}

/** Blanks, tabs, newlines and backslashes are written as octal numbers. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

export async function isTmpfs(path: string): Promise<boolean> {
  return (await statfs(path)).type === tmpfsMagic;
}

export async function mountTmpfs(
  path: string,
  { sizeBytes, mode }: { sizeBytes: number; mode: number },
): Promise<void> {
  const size = sizeBytes > 0 ? `size=${sizeBytes},` : "";
  await run("mount", ["-t", "tmpfs", "-o", `${size}mode=${mode.toString(8)},nosuid,nodev`, "tmpfs", path]);
}

/** Mounts what an open file descriptor of this process stands for, wherever its name may lead by now. */
export async function bindDescriptor(descriptor: number, target: string): Promise<void> {
  const plain = await takesNamesAsTheyAre();
  await run("mount", [...plain, "-o", "bind", `/proc/${process.pid}/fd/${descriptor}`, target]);
}

export async function unmount(path: string): Promise<void> {
  await run("umount", [path]);
}

/** Some implementations follow the descriptor's link before they mount, unless they are told not to. */
async function takesNamesAsTheyAre(): Promise<readonly string[]> {
  const program = findProgram("mount");
  const isBusybox = program !== null && basename(await realpath(program)) === "busybox";
  return isBusybox ? [] : ["--no-canonicalize"];
}

async function run(program: string, args: readonly string[]): Promise<void> {
  try {
    await runFile(program, args, { timeout: timeoutMs });
  } catch (error) {
    // The program's own words are the reason; the command line that precedes them is not.
    const said = error instanceof Error && "stderr" in error ? String(error.stderr).trim() : "";
    throw new Error(said === "" ? `${program}: ${String(error)}` : said, { cause: error });
  }
}
