// `npm run kernel`: gets Debian's own kernel for the virtual machine that tests start, without installing it here.
// It lies in a directory of the user's cache, for all copies of this repository; what is there is not fetched again.
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { initialFile, kernelDir, kernelFile, kernelFiles } from "./containers/virtual/kernel-dir.ts";

/** What a machine needs before it has its disk: all else it loads from there. */
const firstModules = [
  ...["virtio_pci", "virtio_blk", "virtio_net", "virtio_console"],
  ...["9pnet_virtio", "9p", "ext4", "overlay"],
];

/** For hardware that no virtual machine has; two thirds of all there is. */
const unusedModules = /^(sound|drivers\/(gpu|media|staging|infiniband|scsi|usb|iio|hid|input|mmc|mtd|video))$/;

/** The first process: puts the disk together and makes room for the one that is on it. */
const initScript = `#!/bin/busybox sh
export PATH=/bin
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
while read module; do insmod "/modules/$module"; done </modules/list
mount -t ext4 /dev/vda /disk
share="-t 9p -o trans=virtio,version=9p2000.L,ro,cache=loose,msize=524288"
for tag in usr kernel; do mount $share $tag /shares/$tag; done
for tag in node sources; do mount $share $tag /disk/shares/$tag; done
# What is written to /usr is on the disk.
over=/disk/.usr
mount -t overlay -o lowerdir=/shares/kernel:/shares/usr,upperdir=$over/upper,workdir=$over/work usr /disk/usr
umount /sys
umount /proc
mount --move /dev /disk/dev
exec switch_root /disk /usr/lib/systemd/systemd
`;

function run(command: string, args: readonly string[], cwd: string, input?: string): Buffer {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, input, maxBuffer: 2 ** 28 });
  if (status === 0) return stdout;
  throw new Error(`${command} ${args.join(" ")} failed: ${error?.message ?? String(stderr)}`);
}

/** The package that Debian's `linux-image-amd64` stands for today. */
function packageName(cwd: string): string {
  const find = () => String(run("apt-cache", ["depends", "--important", "linux-image-amd64"], cwd));
  const named = () => /Depends: (linux-image-\S+)/.exec(find())?.[1];
  const known = spawnSync("apt-cache", ["show", "linux-image-amd64"]).status === 0 ? named() : undefined;
  if (known !== undefined) return known;
  run("apt-get", ["update", "-qq"], cwd);
  const found = named();
  if (found === undefined) throw new Error("Debian's linux-image-amd64 is not to be had");
  return found;
}

function unpack(dir: string): string {
  const name = packageName(dir);
  run("apt-get", ["download", "-qq", name], dir);
  const [archive = ""] = readdirSync(dir).filter((file) => file.endsWith(".deb"));
  run("dpkg-deb", ["-x", archive, "package"], dir);
  return name;
}

function keepModules(version: string, dir: string): void {
  const all = join(dir, "package/lib/modules", version, "kernel");
  for (const folder of ["", "drivers"].flatMap((it) => readdirSync(join(all, it)).map((one) => join(it, one)))) {
    if (unusedModules.test(folder)) rmSync(join(all, folder), { recursive: true });
  }
  mkdirSync(join(dir, "usr/lib"), { recursive: true });
  renameSync(join(dir, "package/lib/modules"), join(dir, "usr/lib/modules"));
  run("depmod", ["-b", join(dir, "usr"), version], dir);
}

/** Paths of modules, each after those that it needs. */
function inOrder(version: string, dir: string): readonly string[] {
  const args = ["-d", join(dir, "usr"), "-S", version, "--show-depends"];
  const lines = firstModules.flatMap((name) => String(run("modprobe", [...args, name], dir)).split("\n"));
  return [...new Set(lines.flatMap((line) => /^insmod (\S+)/.exec(line)?.[1] ?? []))];
}

function makeInitial(version: string, dir: string): void {
  const root = join(dir, "initial");
  const folders = ["bin", "dev", "proc", "sys", "disk", "modules", "shares/usr", "shares/kernel"];
  for (const folder of folders) mkdirSync(join(root, folder), { recursive: true });
  copyFileSync("/usr/bin/busybox", join(root, "bin/busybox"));
  const modules = inOrder(version, dir);
  for (const path of modules) copyFileSync(path, join(root, "modules", basename(path)));
  writeFileSync(join(root, "modules/list"), modules.map((path) => `${basename(path)}\n`).join(""));
  writeFileSync(join(root, "init"), initScript);
  chmodSync(join(root, "init"), 0o755);
  const paths = readdirSync(root, { recursive: true, encoding: "utf8" });
  writeFileSync(join(dir, basename(initialFile)), run("busybox", ["cpio", "-o", "-H", "newc"], root, paths.join("\n")));
}

function main(): void {
  if (process.platform !== "linux" || process.arch !== "x64") {
    console.log("virtual machines are started on Linux on x64 only");
    return;
  }
  if ([kernelFile, initialFile, kernelFiles].every((path) => existsSync(path))) return;
  mkdirSync(dirname(kernelDir), { recursive: true });
  const dir = mkdtempSync(`${kernelDir}-`);
  try {
    const name = unpack(dir);
    const version = name.replace("linux-image-", "");
    copyFileSync(join(dir, "package/boot", `vmlinuz-${version}`), join(dir, basename(kernelFile)));
    keepModules(version, dir);
    makeInitial(version, dir);
    rmSync(kernelDir, { recursive: true, force: true });
    mkdirSync(kernelDir);
    // Under its name once it is whole: others may be looking.
    for (const path of [kernelFiles, kernelFile, initialFile]) renameSync(join(dir, basename(path)), path);
    console.log(`kernel ${version}  from Debian's ${name}`);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
