// systemd, where a machine has it.
import { spawnSync } from "node:child_process";
import { existsSync, rmSync } from "node:fs";

import { CommandError } from "./output.ts";
import type { Places } from "./places.ts";

const unit = "lares-agent.service";

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
/** What runtimes have made pods' control groups in, where they leave that to systemd. */
export function forgetSlice(name: string): void {
  spawnSync("systemctl", ["stop", `${name}.slice`]);
  rmSync(`/run/systemd/system.control/${name}.slice.d`, { recursive: true, force: true });
}
export const disable = () => systemctl("disable", "--now", "--quiet", unit);
