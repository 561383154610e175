// A machine that systemd has the say on, as its first process.
import { randomUUID } from "node:crypto";
import { chmodSync, cpSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Boot, Machine } from "./machine.ts";
import { enterRoot, makeRoot, mountRoot } from "./private-root.ts";

const systemd = "/usr/lib/systemd/systemd";

/** Accounts, the linker's cache, and what programs find by. */
const settings = ["hosts", "resolv.conf", "passwd", "group", "shadow", "nsswitch.conf", "ld.so.cache"];
const folders = ["dbus-1", "alternatives", "apparmor", "apparmor.d"];

/** Of a machine that is made of parts of another's kernel, there is nothing to be set up. */
const maskedInParts: readonly string[] = [
  ...["dev-hugepages.mount", "sys-fs-fuse-connections.mount", "sys-kernel-debug.mount", "sys-kernel-tracing.mount"],
  ...["systemd-remount-fs.service", "systemd-logind.service", "systemd-ask-password-wall.path", "getty.target"],
];

/** Where the disk of the machine is. */
export function diskOf({ dir }: Pick<Machine, "dir">): string {
  return join(dir, "disk");
}

/** Puts Debian's systemd on the disk of a machine that is off; `masked` are units that are not for it. */
export function putSystemd(machine: Pick<Machine, "dir">, masked = maskedInParts): void {
  if (!existsSync(systemd)) throw new Error("Debian's systemd is not installed");
  const at = (path: string) => join(diskOf(machine), path);
  const units = at("etc/systemd/system");
  const own = ["opt", "root", "home", "srv", "var/log", "var/lib", "var/tmp", "local/bin"];
  for (const folder of [units, ...own.map(at)]) mkdirSync(folder, { recursive: true });
  makeRoot(diskOf(machine));
  for (const name of [...settings, ...folders].filter((one) => existsSync(join("/etc", one)))) {
    cpSync(join("/etc", name), at(`etc/${name}`), { recursive: true });
  }
  symlinkSync("../usr/lib/os-release", at("etc/os-release"));
  symlinkSync("../run", at("var/run"));
  writeFileSync(at("etc/machine-id"), `${randomUUID().replaceAll("-", "")}\n`);
  for (const unit of masked) symlinkSync("/dev/null", join(units, unit));
  symlinkSync("/usr/lib/systemd/system/multi-user.target", join(units, "default.target"));
  writeFileSync(at("local/bin/node"), "");
  chmodSync(at("local/bin/node"), 0o755);
}

/** Node is at /usr/local/bin/node. */
export const bootSystemd: Boot = (machine, mountControlGroups) => [
  ...mountRoot(diskOf(machine), [[process.execPath, "local/bin/node"]]),
  // With the mount of Node's program in it.
  "mount --rbind local usr/local",
  // The kernel's settings are this machine's, but for those of networks.
  "mount --bind proc/sys proc/sys",
  "mount -o remount,bind,ro proc/sys",
  "mount --bind /proc/sys/net proc/sys/net",
  `mount --bind ${machine.dir}/boot-id proc/sys/kernel/random/boot_id`,
  "mount -t sysfs -o ro sysfs sys",
  ...mountControlGroups("sys/fs/cgroup"),
  `hostname ${machine.name}`,
  "ip link set lo up",
  `touch ${machine.dir}/is-up`,
  ...enterRoot(diskOf(machine)),
  "mount --make-rshared /",
  `exec env -i container=lares PATH=/usr/sbin:/usr/bin ${systemd}`,
];
