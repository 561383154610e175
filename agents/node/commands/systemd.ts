// systemd, where a machine has it.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

import { directoryOf, hasProcesses } from "../runtime/cri/group-files.ts";
import { stopSlice } from "../runtime/cri/slices.ts";
import { CommandError, say } from "./output.ts";
import type { Places } from "./places.ts";

const unit = "lares-agent.service";
/** systemctl takes others for paths, or for patterns of several. Source: systemd.unit(5), systemd.slice(5). */
const sliceName = /^[\w:.\\]+(?:-[\w:.\\]+)*$/;

/** Units below another root are not this machine's. */
export function hasSystemd({ root }: Pick<Places, "root">): boolean {
  return root === "/" && existsSync("/run/systemd/system");
}

function systemctl(...args: readonly string[]): void {
  const { status, stderr, error } = spawnSync("systemctl", args, { encoding: "utf8" });
  if (error !== undefined) throw new CommandError(`systemctl: ${error.message}`);
  if (status !== 0) throw new CommandError(`systemctl ${args.join(" ")}: ${stderr.trim()}`);
}

export function isActive(): boolean {
  return spawnSync("systemctl", ["is-active", "--quiet", unit]).status === 0;
}

export const enable = () => systemctl("enable", "--quiet", unit);
export const restart = () => systemctl("restart", unit);
export const reload = () => systemctl("daemon-reload");
/** Whatever became of the units: they are gone. */
export function forget(): void {
  reload();
  spawnSync("systemctl", ["reset-failed", unit, "lares-agent-rollback.service"]);
}
/**
 * What runtimes have made pods' control groups in, where they leave that to systemd. Whose it is nobody can tell by its name,
 * and to stop it ends what runs in it: pods have ended, and what has not is somebody else's.
 */
export async function forgetSlice(name: string): Promise<void> {
  if (!sliceName.test(name)) return;
  const slice = `${name}.slice`;
  if (hasProcesses(directoryOf(slice))) {
    say(`left ${slice}, where something runs`);
    return;
  }
  const stopped = await stopSlice(slice);
  if (!stopped.ok) say(`left ${slice}: ${stopped.message}`);
}
export const disable = () => systemctl("disable", "--now", "--quiet", unit);
