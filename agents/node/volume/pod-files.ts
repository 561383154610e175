// The files that every container is given beside its volumes: its hosts file, and one to leave its last words in.
// Source: kubelet_pods.go ensureHostsFile; kuberuntime_container.go makeMounts, getTerminationMessage.
import { chmod, mkdir, open, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import { readResolver } from "../pod/dns.ts";
import { hostsFile, hostsPath } from "../pod/hosts-file.ts";
import { annotations, labels } from "../pod/labels.ts";
import type { DnsConfig, Mount, RuntimeContainerStatus } from "../runtime/runtime.ts";
import type { HostVolumesOptions } from "./host-volumes.ts";
import { logTail } from "./log-tail.ts";
import type { MountInput } from "./volumes.ts";
import { managedFile } from "./volumes.ts";

const longestMessageBytes = 4096;
const writableByAll = 0o666;
const readableByAll = 0o644;
const resolverPath = "/etc/resolv.conf";
/** Where systemd-resolved keeps the servers that it asks itself; pods cannot reach the address it listens on. */
const resolvedPath = "/run/systemd/resolve/resolv.conf";
const resolvedStub = "127.0.0.53";

export class PodFiles {
  readonly #options: Pick<HostVolumesOptions, "podsDirectory" | "logsDirectory">;

  constructor(options: Pick<HostVolumesOptions, "podsDirectory" | "logsDirectory">) {
    this.#options = options;
  }

  async mounts(input: MountInput): Promise<readonly Mount[]> {
    const { container } = input.container;
    const isOwn = container.volumeMounts?.some(({ mountPath }) => mountPath === hostsPath) === true;
    const hosts = isOwn ? [] : [mountOf(await this.#writeHosts(input), hostsPath)];
    const { terminationMessagePath } = container;
    if (terminationMessagePath === "") return hosts;
    return [...hosts, mountOf(await this.#makeMessageFile(input), terminationMessagePath)];
  }

  /** In place: containers that run have the file itself mounted. */
  async #writeHosts({ pod }: MountInput): Promise<string> {
    const path = join(this.#options.podsDirectory, pod.assigned.uid, "etc-hosts");
    const isHosts = pod.definition.spec.hostNetwork === true;
    const text = hostsFile(pod, isHosts ? await readFile(hostsPath, "utf8").catch(() => "") : "");
    if ((await readFile(path, "utf8").catch(() => null)) === text) return path;
    await writeFile(path, text, { mode: readableByAll });
    await chmod(path, readableByAll);
    return path;
  }

  async #makeMessageFile({ pod, container, attempt }: MountInput): Promise<string> {
    const path = this.#messagePath(pod.assigned.uid, container.name, attempt);
    await mkdir(dirname(path), { recursive: true, mode: 0o750 });
    await writeFile(path, "");
    await chmod(path, writableByAll);
    return path;
  }

  #messagePath(uid: string, name: string, attempt: number): string {
    return join(this.#options.podsDirectory, uid, "containers", name, String(attempt));
  }

  async terminationMessage({ metadata, labels: given, annotations: noted, ...status }: RuntimeContainerStatus) {
    const uid = given[labels.podUid] ?? "";
    const own = await lastBytes(this.#messagePath(uid, metadata.name, metadata.attempt));
    const isToFallBack = noted[annotations.terminationMessagePolicy] === "FallbackToLogsOnError";
    const hasFailed = status.exitCode !== 0 || status.reason === "ContainerCannotRun";
    if (own !== "" || !isToFallBack || !hasFailed) return own;
    const pod = `${given[labels.podNamespace]}_${given[labels.podName]}_${uid}`;
    return logTail(join(this.#options.logsDirectory, "pods", pod, metadata.name, `${metadata.attempt}.log`));
  }

  async resolver(): Promise<DnsConfig> {
    const own = readResolver(await readFile(resolverPath, "utf8").catch(() => ""));
    // Runtimes know themselves how to hand on the node's own file.
    if (!own.servers.includes(resolvedStub)) return own;
    return readResolver(await readFile(resolvedPath, "utf8").catch(() => ""));
  }
}

function mountOf(hostPath: string, containerPath: string): Mount {
  return {
    volume: managedFile,
    containerPath,
    hostPath,
    readonly: false,
    propagation: "private",
  };
}

async function lastBytes(path: string): Promise<string> {
  const handle = await open(path, "r").catch(() => null);
  if (handle === null) return "";
  try {
    const { size } = await handle.stat();
    const length = Math.min(size, longestMessageBytes);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, size - length);
    return buffer.subarray(0, bytesRead).toString("utf8");
  } finally {
    await handle.close();
  }
}
