// Starts and stops the agent of this machine, by systemd where it is there.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";

import { engineFlags } from "../engine/lean-start.ts";
import { readLock } from "../host/lock.ts";
import { isAlive } from "../runtime/process/process-table.ts";
import { CommandError, say } from "./output.ts";
import type { Places } from "./places.ts";
import type { Settings } from "./settings.ts";
import * as systemd from "./systemd.ts";

const stopTimeoutMs = 30_000;
const lookEveryMs = 100;

export function startAgent(places: Places, { server, options }: Settings): void {
  if (systemd.hasSystemd(places)) {
    systemd.restart();
    return;
  }
  mkdirSync(places.log, { recursive: true });
  const logFile = join(places.log, "lares-agent.log");
  const log = openSync(logFile, "a", 0o640);
  const args = [
    ...[...engineFlags, places.program, "agent", "run", "--server", server, "--join-token-file", places.joinToken],
    ...["--state-dir", places.state, "--log-dir", places.log, ...options],
  ];
  spawn(process.execPath, args, { detached: true, stdio: ["ignore", log, log] }).unref();
  say(`started without systemd: nothing starts it again after a reboot; its log is ${logFile}`);
}

/** Resolves when it is gone; its pods run on. Harmless when none runs. */
export async function stopAgent(places: Places): Promise<void> {
  if (systemd.hasSystemd(places) && existsSync(places.unit)) systemd.disable();
  const [pid = "", startTime = ""] = readLock(join(places.state, "lock")).split(" ");
  const holder = { pid: Number(pid), startTime };
  if (!(holder.pid > 0) || !isAlive(holder)) return;
  process.kill(holder.pid, "SIGTERM");
  for (let waitedMs = 0; isAlive(holder); waitedMs += lookEveryMs) {
    if (waitedMs > stopTimeoutMs) throw new CommandError(`the agent (process ${pid}) does not stop`);
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
  }
}
