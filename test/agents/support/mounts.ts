// What a test's agent has mounted.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** In the order in which they were mounted. */
export function mountPoints(directory: string): readonly string[] {
  const lines = readFileSync("/proc/self/mountinfo", "utf8").split("\n");
  return lines.map((line) => line.split(" ")[4] ?? "").filter((point) => point.startsWith(`${directory}/`));
}

/** So that the directory can be deleted. */
export function unmountBelow(directory: string): void {
  for (const point of [...mountPoints(directory)].reverse()) execFileSync("umount", ["-l", point]);
}
