// `npm run engines [release]`: gets container engines of a newer release of Debian for the tests, without touching what is
// installed: the packages are unpacked in a directory of the user's cache, with the libraries that they need, and what is
// there is not fetched again.
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  globSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { enginesDir, newerEngines, newerRelease, programFolders, versionOf } from "./containers/engines.ts";

/** With what they call and do not depend on. */
const packages = ["containerd", "runc", "docker.io", "podman", "conmon", "netavark", "nftables"];
/** What must be there at the end, and run. */
const programs = ["containerd", "runc", "dockerd", "podman", "conmon", "netavark", "nft", "linux.uml"];
/**
 * User Mode Linux of a release where it keeps what registers the processor has, however many: those of a processor with
 * AMX are too many for 6.12. It needs no library but the C library, for which the other release's will do.
 */
const kernel = { release: "forky", name: "user-mode-linux" } as const;
const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";

function run(command: string, args: readonly string[], cwd = "/"): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    ...{ cwd, encoding: "utf8", maxBuffer: 64 * 1024 * 1024 },
    env: { ...process.env, LC_ALL: "C" },
  });
  if (status === 0) return stdout;
  throw new Error(`${command} ${args.join(" ")} failed: ${error?.message ?? stderr}`);
}

/** Where this machine has its Debian from. */
function mirror(): string {
  const [, found] = /^'(\S+\/debian)\/dists\//m.exec(run("apt-get", ["update", "--print-uris"])) ?? [];
  if (found === undefined) throw new Error("this machine has its packages from no Debian");
  return found;
}

/** An apt of its own: it knows of no package that is installed, so that all that is needed comes along. */
function aptOf(release: string, directory: string): (...args: readonly string[]) => string {
  for (const folder of ["lists/partial", "archives/partial"]) mkdirSync(join(directory, folder), { recursive: true });
  writeFileSync(join(directory, "sources.list"), `deb [signed-by=${keyring}] ${mirror()} ${release} main\n`);
  writeFileSync(join(directory, "status"), "");
  const settings = {
    "Dir::Etc::SourceList": join(directory, "sources.list"),
    "Dir::Etc::SourceParts": "-",
    "Dir::State::Status": join(directory, "status"),
    "Dir::State::Lists": join(directory, "lists"),
    "Dir::Cache": directory,
    "Dir::Cache::Archives": join(directory, "archives"),
    "APT::Sandbox::User": "root",
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  return (...args) => run("apt-get", [...options, "-qq", "--yes", ...args]);
}

/** The archives of these packages, and of all that they need. */
function download(release: string, directory: string, names: readonly string[]): readonly string[] {
  const apt = aptOf(release, directory);
  apt("update");
  apt("install", "--download-only", "--no-install-recommends", ...names);
  const archives = join(directory, "archives");
  const files = readdirSync(archives).filter((file) => file.endsWith(".deb"));
  return files.map((file) => join(archives, file));
}

/** Programs of it and libraries; the rest of a system stays in its packages. */
function isUsed(archive: string): boolean {
  const [name = ""] = archive.split("_");
  return [...packages, "zlib1g"].includes(name) || name.startsWith("lib");
}

/** Programs look for their libraries where the machine has its own, until they are told where theirs are. */
function patchPrograms(root: string, target: string): void {
  const [libc] = globSync("usr/lib/*-linux-gnu*/libc.so.6", { cwd: root });
  const [loader] = globSync("usr/lib/*-linux-gnu*/ld-linux*", { cwd: root });
  if (libc === undefined || loader === undefined) throw new Error("there is no C library among the packages");
  const libraries = ["--force-rpath", "--set-rpath", join(target, dirname(libc))];
  const places = ["--set-interpreter", join(target, loader), ...libraries];
  for (const folder of programFolders) {
    for (const name of readdirSync(join(root, folder))) {
      const path = join(root, folder, name);
      // Scripts and what is linked with nothing have no interpreter of this kind.
      const isDynamic = lstatSync(path).isFile() && spawnSync("patchelf", ["--print-interpreter", path]).status === 0;
      if (isDynamic) run("patchelf", [...places, path]);
    }
  }
}

function fetchEngines(release: string): void {
  const target = enginesDir(release);
  rmSync(target, { recursive: true, force: true });
  const work = mkdtempSync(join(tmpdir(), "lares-engines-"));
  mkdirSync(dirname(target), { recursive: true });
  const unfinished = mkdtempSync(`${target}.`);
  try {
    const archives = [
      ...download(release, join(work, "engines"), packages).filter((path) => isUsed(basename(path))),
      ...download(kernel.release, join(work, "kernel"), [kernel.name]).filter((path) =>
        basename(path).startsWith(`${kernel.name}_`),
      ),
    ];
    for (const archive of archives) run("dpkg-deb", ["--extract", archive, unfinished]);
    rmSync(join(unfinished, "usr/share"), { recursive: true, force: true });
    patchPrograms(unfinished, target);
    // Under its name once it is whole: others may be looking.
    chmodSync(unfinished, 0o755);
    renameSync(unfinished, target);
  } finally {
    for (const left of [work, unfinished]) rmSync(left, { recursive: true, force: true });
  }
}

/** Throws when one is missing, or is of no use. */
function versions(release: string): readonly string[] {
  const engines = newerEngines(release);
  return programs.map((program) => `${program} ${versionOf(engines, program)}`);
}

function isThere(release: string): boolean {
  try {
    return versions(release).length > 0;
  } catch {
    return false;
  }
}

function main(): void {
  const [release = newerRelease] = process.argv.slice(2);
  if (!isThere(release)) fetchEngines(release);
  console.log(`engines of ${release}: ${versions(release).join(", ")}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
