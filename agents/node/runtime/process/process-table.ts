// Which processes there are and whom they belong to, from /proc.
import { readdirSync, readFileSync } from "node:fs";

import { groupBy } from "../../engine/group-by.ts";

export type ProcessIdentity = {
  readonly pid: number;
  /** In clock ticks since the host started: pid and start time together name one process for ever. */
  readonly startTime: string;
};

type ProcessStat = ProcessIdentity & {
  readonly state: string;
  readonly parent: number;
  readonly session: number;
  /** In clock ticks: its own, and that of children that have ended. */
  readonly processorTime: number;
};

export function readBootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
}

/** Null when there is no such process. */
export function statOf(pid: number): ProcessStat | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name in brackets may hold anything, brackets too.
    const [state = "", parent, , session, ...rest] = text.slice(text.lastIndexOf(")") + 2).split(" ");
    const processorTime = rest.slice(7, 11).reduce((sum, ticks) => sum + Number(ticks), 0);
    return { pid, state, parent: Number(parent), session: Number(session), startTime: rest[15] ?? "", processorTime };
  } catch {
    return null;
  }
}

export function isAlive({ pid, startTime }: ProcessIdentity): boolean {
  const stat = statOf(pid);
  return stat !== null && stat.startTime === startTime && stat.state !== "Z" && stat.state !== "X";
}

/** `pid starttime` as the scripts write it; null for anything else. */
export function readIdentity(text: string): ProcessIdentity | null {
  const [pid, startTime] = text.trim().split(" ");
  return Number(pid) > 0 && startTime !== undefined ? { pid: Number(pid), startTime } : null;
}

export const containerIdVariable = "LARES_CONTAINER_ID";

/**
 * Processes of a container: those of its session, their children, and whoever still carries its id in the environment,
 * however far it went to get away. `session` is null when its number may be another's by now.
 */
export function processesOf(containerId: string, session: number | null): readonly number[] {
  const stats = listProcesses();
  const found = new Set<number>();
  for (const { pid, session: own } of stats) if (session !== null && own === session) found.add(pid);
  const mark = `${containerIdVariable}=${containerId}`;
  for (const { pid } of stats) if (!found.has(pid) && hasMark(pid, mark)) found.add(pid);
  for (let grew = found.size > 0; grew; ) {
    const before = found.size;
    for (const { pid, parent } of stats) if (found.has(parent)) found.add(pid);
    grew = found.size > before;
  }
  return [...found];
}

/** The process, its children, and theirs. */
export function withDescendants(pid: number): readonly number[] {
  const stats = listProcesses();
  const found = new Set([pid]);
  for (let before = 0; before < found.size; ) {
    before = found.size;
    for (const { pid: child, parent } of stats) if (found.has(parent)) found.add(child);
  }
  return [...found];
}

type Usage = { readonly usageCoreNanoSeconds: number; readonly workingSetBytes: number };
/** Processes by their session. */
export type UsageTable = ReadonlyMap<number, readonly ProcessStat[]>;

/** Linux counts processor time in hundredths of a second, on every machine. */
const nanoSecondsPerTick = 10_000_000;

export function readUsage(): UsageTable {
  return groupBy(listProcesses(), ({ session }) => session);
}

export function usageOfSession(table: UsageTable, session: number): Usage {
  const processes = table.get(session) ?? [];
  return {
    usageCoreNanoSeconds: processes.reduce((sum, { processorTime }) => sum + processorTime * nanoSecondsPerTick, 0),
    workingSetBytes: processes.reduce((sum, { pid }) => sum + residentBytes(pid), 0),
  };
}

function residentBytes(pid: number): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "latin1");
    return 1024 * Number(/^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1] ?? 0);
  } catch {
    // It has just ended.
    return 0;
  }
}

function listProcesses(): readonly ProcessStat[] {
  const stats: ProcessStat[] = [];
  for (const entry of readdirSync("/proc")) {
    const stat = /^\d+$/.test(entry) ? statOf(Number(entry)) : null;
    if (stat !== null && stat.state !== "Z") stats.push(stat);
  }
  return stats;
}

function hasMark(pid: number, mark: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, "latin1").split("\0").includes(mark);
  } catch {
    return false;
  }
}

const rounds = 10;

/** Kills them all, again until no new one is found: processes may be forked meanwhile. `more` finds some otherwise. */
export function killAll(containerId: string, session: number | null, more: () => readonly number[] = () => []): void {
  for (let round = 0; round < rounds; round++) {
    const pids = [...processesOf(containerId, session), ...more()];
    if (pids.length === 0) return;
    for (const pid of pids) signal(pid, "SIGKILL");
  }
}

/** A negative pid means a process group. False when there is none. */
export function signal(pid: number, name: "SIGTERM" | "SIGKILL"): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}
