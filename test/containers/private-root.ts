// A root for programs that take a machine for their own: of the machine that tests them they see /usr, and can write
// nothing. What an init does at a start, such as to empty /tmp, must never reach it.
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";

const mounted = ["usr", "proc", "sys", "dev", "run", "tmp", "outside"];

const devices = [
  ["null", "1 3"],
  ["zero", "1 5"],
  ["full", "1 7"],
  ["random", "1 8"],
  ["urandom", "1 9"],
  ["tty", "5 0"],
] as const;

/** Makes the folders that `enterRoot` needs. */
export function makeRoot(root: string): void {
  for (const folder of mounted) mkdirSync(join(root, folder), { recursive: true });
  for (const folder of ["bin", "sbin", "lib", "lib64"]) symlinkSync(`usr/${folder}`, join(root, folder));
}

/** What is of this machine and may be read: where it is, and where it is to be seen, which must be there. */
export type Shown = readonly (readonly [path: string, inside: string])[];

/** Mounts what belongs into the root, in the words of a shell that has mounts of its own and stays there. */
export function mountRoot(root: string, shown: Shown): readonly string[] {
  // Each line by itself: a shell passes over what fails in front of an `&&`.
  return [
    `cd ${root}`,
    "mount --bind . .",
    "cd $PWD",
    ...[["/usr", "usr"] as const, ...shown].flatMap(([path, inside]) => [
      `mount --bind ${path} ${inside}`,
      `mount -o remount,bind,ro ${inside}`,
    ]),
    "mount -t tmpfs -o mode=1777 tmpfs tmp",
    "mount -t tmpfs -o mode=755 tmpfs run",
    "mount -t tmpfs -o mode=755 tmpfs dev",
    ...devices.map(([name, numbers]) => `mknod -m 666 dev/${name} c ${numbers}`),
    "mkdir dev/pts dev/shm",
    "mount -t tmpfs -o mode=1777 tmpfs dev/shm",
    "mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts dev/pts",
    "ln -s pts/ptmx dev/ptmx",
    "ln -s /proc/self/fd dev/fd",
    "mount -t proc proc proc",
  ];
}

/** Leaves this machine for the root. From here on nothing leads back, or the shell ends. */
export function enterRoot(root: string): readonly string[] {
  return [
    "pivot_root . outside",
    "cd /",
    "umount -l /outside",
    `if test -e ${root}; then exit 1; fi`,
    'if test "$(stat -f -c %T /tmp)" != tmpfs; then exit 1; fi',
    "if touch /usr/is-writable 2>/dev/null; then exit 1; fi",
  ];
}
