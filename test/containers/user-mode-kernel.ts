// A kernel of a test's own, as a process: User Mode Linux, which `npm run engines` brings. What it has that this machine's
// may not: one tree of control groups, with all controllers in it.
import { spawn } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { enginesDir, newerEngines, newerRelease } from "./engines.ts";
import { ownDirectory } from "./own-directory.ts";
import { enterRoot, makeRoot, mountRoot } from "./private-root.ts";

const overlay = join(enginesDir(newerRelease), "usr/lib/uml/modules/*/kernel/fs/overlayfs/overlay.ko");

/** Before the script of the test. */
const prepare = `#!/bin/sh
export PATH=/usr/sbin:/usr/bin HOME=/root NO_COLOR=1
mount -t proc proc /proc
mount -t sysfs sysfs /sys
for folder in /tmp /run /var; do mount -t tmpfs tmpfs $folder; done
mkdir -p /var/lib /var/log /dev/shm /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t devpts devpts /dev/pts
mount -t cgroup2 cgroup2 /sys/fs/cgroup
# This kernel cannot unmap the rings that Node asks for wherever it may.
echo 2 >/proc/sys/kernel/io_uring_disabled
ip link set lo up
busybox insmod ${overlay}
`;
/** Power off. */
const finish = "echo o >/proc/sysrq-trigger\nsleep 60\n";

export type KernelOptions = {
  /** In the words of a shell. Node is /node, and the sources are in /sources. */
  readonly script: string;
  readonly sources: string;
  /** Files of root's folder. */
  readonly files: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
};

/** Starts it, runs the script, and resolves to what was said on its console. */
export async function runInKernel({ script, sources, files, timeoutMs }: KernelOptions): Promise<string> {
  const dir = ownDirectory("kernel");
  const root = join(dir, "root");
  try {
    makeRoot(root);
    for (const folder of ["etc", "var", "root", "sources", enginesDir(newerRelease)])
      mkdirSync(join(root, folder), { recursive: true });
    writeFileSync(join(root, "node"), "", { mode: 0o755 });
    writeFileSync(join(root, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n");
    writeFileSync(join(root, "etc/hosts"), "127.0.0.1 localhost\n");
    writeFileSync(join(root, "etc/resolv.conf"), "");
    for (const [name, text] of Object.entries(files)) writeFileSync(join(root, "root", name), text);
    writeFileSync(join(root, "root/init"), `${prepare}${script}\n${finish}`, { mode: 0o755 });
    return await consoleOf(bootScript(root, sources), timeoutMs);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function bootScript(root: string, sources: string): string {
  const shown = [
    [process.execPath, "node"],
    [sources, "sources"],
    [enginesDir(newerRelease), enginesDir(newerRelease).slice(1)],
  ] as const;
  const kernel = newerEngines().program("linux.uml");
  const options = "mem=1200M rootfstype=hostfs rootflags=/ rw init=/root/init con=null con0=fd:0,fd:1 quiet";
  const inside = [
    "set -e",
    ...mountRoot(root, shown),
    ...enterRoot(root),
    `exec env -i PATH=/usr/sbin:/usr/bin HOME=/root TMPDIR=/dev/shm ${kernel} ${options}`,
  ];
  const namespaces = "--net --mount --pid --uts --ipc --fork --kill-child --mount-proc --propagation private";
  return `exec unshare ${namespaces} sh -c '${inside.join("\n")}'`;
}

/** Of a kernel that is switched off at the latest when the time is up. */
function consoleOf(boot: string, timeoutMs: number): Promise<string> {
  // Not left behind when the tests themselves are ended.
  const child = spawn("setpriv", ["--pdeathsig", "KILL", "sh", "-ec", boot], { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8");
    stream.on("data", (text: string) => {
      said += text;
    });
  }
  const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
  return new Promise((resolve) => {
    child.on("close", () => {
      clearTimeout(timer);
      resolve(said);
    });
  });
}
