// A machine that systemd has the say on: as its first process, with files of its own and nothing of this machine's but
// /usr, which cannot be written. What systemd does at a start, such as to empty /tmp, must never reach this machine.
import { randomUUID } from "node:crypto";
import { chmodSync, cpSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Boot, Machine } from "./machine.ts";

const systemd = "/usr/lib/systemd/systemd";

/** Accounts, the linker's cache, and what programs find by. */
const settings = [
  "hosts",
  "resolv.conf",
  "passwd",
  "group",
  "shadow",
  "nsswitch.conf",
  "ld.so.cache",
  "dbus-1",
  "alternatives",
];

/** Of a machine that is made of parts of another's kernel, there is nothing to be set up. */
const masked = [
  ...["dev-hugepages.mount", "sys-fs-fuse-connections.mount", "sys-kernel-debug.mount", "sys-kernel-tracing.mount"],
  ...["systemd-remount-fs.service", "systemd-logind.service", "systemd-ask-password-wall.path", "getty.target"],
];

const devices = [
  ["null", "1 3"],
  ["zero", "1 5"],
  ["full", "1 7"],
  ["random", "1 8"],
  ["urandom", "1 9"],
  ["tty", "5 0"],
] as const;

/** Where the disk of the machine is. */
export function diskOf({ dir }: Pick<Machine, "dir">): string {
  return join(dir, "disk");
}

/** Puts Debian's systemd on the disk of a machine that is off. */
export function putSystemd(machine: Pick<Machine, "dir">): void {
  if (!existsSync(systemd)) throw new Error("Debian's systemd is not installed");
  const at = (path: string) => join(diskOf(machine), path);
  const units = at("etc/systemd/system");
  const own = ["opt", "root", "home", "srv", "var/log", "var/lib", "var/tmp", "usr", "local/bin"];
  const mounted = ["proc", "sys", "dev", "run", "tmp", "outside"];
  for (const folder of [units, ...[...own, ...mounted].map(at)]) mkdirSync(folder, { recursive: true });
  for (const folder of ["bin", "sbin", "lib", "lib64"]) symlinkSync(`usr/${folder}`, at(folder));
  for (const name of settings) {
    if (existsSync(join("/etc", name))) cpSync(join("/etc", name), at(`etc/${name}`), { recursive: true });
  }
  symlinkSync("../usr/lib/os-release", at("etc/os-release"));
  symlinkSync("../run", at("var/run"));
  writeFileSync(at("etc/machine-id"), `${randomUUID().replaceAll("-", "")}\n`);
  for (const unit of masked) symlinkSync("/dev/null", join(units, unit));
  symlinkSync("/usr/lib/systemd/system/multi-user.target", join(units, "default.target"));
  writeFileSync(at("local/bin/node"), "");
  chmodSync(at("local/bin/node"), 0o755);
}

/** Node is at /usr/local/bin/node. Each line by itself: a shell passes over what fails in front of an `&&`. */
export const bootSystemd: Boot = (machine, mountControlGroups) => [
  `cd ${diskOf(machine)}`,
  "mount --bind . .",
  "cd $PWD",
  "mount --bind /usr usr",
  "mount -o remount,bind,ro usr",
  "mount --bind local usr/local",
  `mount --bind ${process.execPath} usr/local/bin/node`,
  "mount -o remount,bind,ro usr/local/bin/node",
  "mount -t tmpfs -o mode=1777 tmpfs tmp",
  "mount -t tmpfs -o mode=755 tmpfs run",
  "mount -t tmpfs -o mode=755 tmpfs dev",
  ...devices.map(([name, numbers]) => `mknod -m 666 dev/${name} c ${numbers}`),
  "mkdir dev/pts dev/shm",
  "mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts dev/pts",
  "ln -s pts/ptmx dev/ptmx",
  "ln -s /proc/self/fd dev/fd",
  "mount -t proc proc proc",
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
  "pivot_root . outside",
  "cd /",
  "umount -l /outside",
  // From here on nothing leads to this machine, or systemd does not start.
  `if test -e ${machine.dir}; then exit 1; fi`,
  'if test "$(stat -f -c %T /tmp)" != tmpfs; then exit 1; fi',
  "if touch /usr/is-writable 2>/dev/null; then exit 1; fi",
  "mount --make-rshared /",
  `exec env -i container=lares PATH=/usr/sbin:/usr/bin ${systemd}`,
];
