// Real daemons as images, out of what Debian's packages of them installed here: the program, what it loads, and a shell.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";

import type { Image } from "./image.ts";
import { buildImage, busyboxFiles } from "./image.ts";
import type { ImageFile } from "./tar.ts";

/** Programs or modules, with the libraries that they are linked with, where they are on this machine. */
function linkedFiles(paths: readonly string[]): readonly ImageFile[] {
  // It also fails of programs that are linked with nothing.
  const { stdout } = spawnSync("ldd", [...paths], { encoding: "utf8" });
  const libraries = [...stdout.matchAll(/(?:=> |^\s+)(\/\S+) \(0x/gm)].map(([, path]) => path ?? "");
  return [...new Set(libraries)].map((path) => ({ path, hostFile: path }));
}

/** As `prom/node-exporter` is made. `release` is a file in it that tells one version from another. */
export function nodeExporterImage(release: string): Image {
  const program = "/usr/bin/prometheus-node-exporter";
  return buildImage({
    layers: [
      busyboxFiles(),
      [{ path: "/bin/node_exporter", hostFile: program }, ...linkedFiles([program])],
      [{ path: "/etc/release", text: `${release}\n` }],
    ],
    entrypoint: ["/bin/node_exporter"],
    user: "nobody",
  });
}

/** rsyslog with the modules that collect files and forward them. */
export function logCollectorImage(release: string): Image {
  const program = "/usr/sbin/rsyslogd";
  const modules = modulesOf("rsyslog");
  return buildImage({
    layers: [
      busyboxFiles(),
      [
        { path: program, hostFile: program },
        ...modules.map((path): ImageFile => ({ path, hostFile: path })),
        ...linkedFiles([program, ...modules]),
      ],
      [{ path: "/etc/release", text: `${release}\n` }],
    ],
    entrypoint: [program, "-n", "-iNONE"],
    cmd: ["-f", "/etc/rsyslog.conf"],
  });
}

/** Runs what is put into the folder /asked of its pod, as `1.sh`; what comes of it is in `1.out`, `1.err` and `1.code`. */
const asked = `#!/bin/sh
trap 'exit 0' TERM
mkdir -p "/asked/$POD_NAME" && cd "/asked/$POD_NAME"
while :; do
  for question in *.sh; do
    [ -e "$question" ] || continue
    name=\${question%.sh}
    mv "$question" "$name.taken"
    { sh "$name.taken" >"$name.out" 2>"$name.err" </dev/null; echo $? >"$name.tmp"; mv "$name.tmp" "$name.code"; } &
  done
  sleep 0.1 & wait $!
done
`;

/** A daemon that asks the API with kubectl, which finds it as every client library does. */
export function askingImage(kubectl: string): Image {
  return buildImage({
    layers: [
      busyboxFiles(),
      [{ path: "/bin/kubectl", hostFile: kubectl }, ...linkedFiles([kubectl])],
      [{ path: "/bin/asked", text: asked, mode: 0o755 }],
    ],
    entrypoint: ["/bin/asked"],
    env: ["HOME=/tmp"],
  });
}

/** Those that anybody needs for files and TCP; others would bring the libraries of half a system. */
const modulesUsed = /^(imfile|impstats|lmnet|lmnetstrms|lmnsd_ptcp|lmtcpclt|lmregexp|mmjsonparse)\.so$/;

function modulesOf(name: string): readonly string[] {
  const [dir] = readdirSync("/usr/lib")
    .map((triplet) => join("/usr/lib", triplet, name))
    .filter((path) => existsSync(join(path, "imfile.so")));
  if (dir === undefined) throw new Error(`${name} is not installed below ${dirname("/usr/lib/.")}`);
  return readdirSync(dir)
    .filter((file) => modulesUsed.test(file))
    .map((file) => join(dir, file));
}
