// What images do the tests run? Built here out of files of this machine, by nothing but this code: no builder, no network.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";

import type { ImageFile } from "./tar.ts";
import { tar } from "./tar.ts";

/** Bytes as a registry keeps them, under their SHA-256. */
type Blob = { readonly digest: string; readonly bytes: Buffer; readonly mediaType: string };

export type Image = { readonly manifest: Blob; readonly config: Blob; readonly layers: readonly Blob[] };

export type ImageOptions = {
  /** One layer each, the lowest first. */
  readonly layers: readonly (readonly ImageFile[])[];
  readonly entrypoint?: readonly string[];
  readonly cmd?: readonly string[];
  /** Who its process runs as: a number or a name, with `:group` if wanted. Default: root. */
  readonly user?: string;
  readonly env?: readonly string[];
  readonly workingDir?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly stopSignal?: string;
  /** In whose media types; what runs them has to take both. Default: oci. */
  readonly format?: "oci" | "docker";
};

const mediaTypes = {
  oci: {
    manifest: "application/vnd.oci.image.manifest.v1+json",
    config: "application/vnd.oci.image.config.v1+json",
    layer: "application/vnd.oci.image.layer.v1.tar+gzip",
  },
  docker: {
    manifest: "application/vnd.docker.distribution.manifest.v2+json",
    config: "application/vnd.docker.container.image.v1+json",
    layer: "application/vnd.docker.image.rootfs.diff.tar.gzip",
  },
} as const;

/** The same options give the same digests, as long as the files of this machine stay the same. */
export function buildImage(options: ImageOptions): Image {
  const types = mediaTypes[options.format ?? "oci"];
  const archives = options.layers.map(tar);
  const layers = archives.map((archive) => blob(gzipSync(archive, { level: 1 }), types.layer));
  const config = jsonBlob(types.config, {
    architecture: { x64: "amd64", arm64: "arm64" }[process.arch as string] ?? process.arch,
    os: "linux",
    created: "1970-01-01T00:00:00Z",
    config: {
      Entrypoint: options.entrypoint,
      Cmd: options.cmd,
      User: options.user,
      Env: ["PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", ...(options.env ?? [])],
      WorkingDir: options.workingDir,
      Labels: options.labels,
      StopSignal: options.stopSignal,
    },
    rootfs: { type: "layers", diff_ids: archives.map(digestOf) },
  });
  const descriptor = ({ mediaType, digest, bytes }: Blob) => ({ mediaType, digest, size: bytes.length });
  const manifest = jsonBlob(types.manifest, {
    schemaVersion: 2,
    mediaType: types.manifest,
    config: descriptor(config),
    layers: layers.map(descriptor),
  });
  return { manifest, config, layers };
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

function blob(bytes: Buffer, mediaType: string): Blob {
  return { digest: digestOf(bytes), bytes, mediaType };
}

function jsonBlob(mediaType: string, value: unknown): Blob {
  return blob(Buffer.from(JSON.stringify(value)), mediaType);
}

const busyboxBinary = "/bin/busybox";

/** Users that images have beside root: `app` is 1000 in group 1000 and in group `logs` 2000, `nobody` is 65534. */
const accounts: readonly ImageFile[] = [
  {
    path: "/etc/passwd",
    text: [
      "root:x:0:0:root:/root:/bin/sh",
      "app:x:1000:1000:app:/home/app:/bin/sh",
      "nobody:x:65534:65534:nobody:/nonexistent:/bin/false",
      "",
    ].join("\n"),
  },
  { path: "/etc/group", text: "root:x:0:\napp:x:1000:\nlogs:x:2000:app\nnogroup:x:65534:\n" },
];

/** A shell and its usual commands. Throws when Debian's busybox-static is not installed. */
export function busyboxFiles(): readonly ImageFile[] {
  const applets = execFileSync(busyboxBinary, ["--list"], { encoding: "utf8" }).split("\n");
  const links = applets.filter((name) => name !== "" && name !== "busybox");
  return [
    { path: busyboxBinary, hostFile: busyboxBinary },
    ...links.map((name): ImageFile => ({ path: `/bin/${name}`, link: busyboxBinary })),
    { path: "/usr/bin/env", link: busyboxBinary },
    ...accounts,
    { path: "/home/app", folder: true, uid: 1000, gid: 1000 },
    { path: "/root", folder: true, mode: 0o700 },
    { path: "/tmp", folder: true, mode: 0o1777 },
    { path: "/var/log", folder: true },
  ];
}

/** `busybox` as people know it: `sh` unless told otherwise. `files` make a second layer. */
export function busyboxImage({
  files = [],
  ...rest
}: Omit<ImageOptions, "layers"> & { readonly files?: readonly ImageFile[] } = {}): Image {
  const layers = files.length === 0 ? [busyboxFiles()] : [busyboxFiles(), files];
  return buildImage({ ...(rest.entrypoint === undefined ? { cmd: ["sh"] } : {}), ...rest, layers });
}

/** For the sandbox of a pod: does nothing, ends at SIGTERM, and as the first process of the pod buries its orphans. */
export function pauseImage(): Image {
  const wait = "trap 'exit 0' INT TERM; while :; do sleep 2147483 & wait $!; done";
  return busyboxImage({ entrypoint: ["/bin/sh", "-c", wait] });
}
