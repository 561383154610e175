// What a process holds of the machine's memory, as the kernel tells it.
import { readFileSync } from "node:fs";

export type Memory = {
  /** All of its pages that are in memory: what the kernel calls VmRSS. */
  readonly residentMib: number;
  /** The same, but of pages that others share, its part only. */
  readonly proportionalMib: number;
  /** Pages of no file: nobody else has them, and the kernel cannot drop them. */
  readonly anonymousMib: number;
};

/** Source: proc_pid_smaps(5). */
export function memoryOf(pid: number): Memory {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const mib = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(text)?.[1]) / 1024;
  return { residentMib: mib("Rss"), proportionalMib: mib("Pss"), anonymousMib: mib("Anonymous") };
}
