// Where a container runtime that speaks the CRI listens on this host.
import { statSync } from "node:fs";

/** The first one that is there is taken. */
const wellKnownSockets: readonly string[] = [
  "/run/containerd/containerd.sock",
  "/run/k3s/containerd/containerd.sock",
  "/var/run/crio/crio.sock",
];

/** The path of the socket; null where there is none. Whether anybody answers, and speaks the CRI, is another question. */
export function findCri(sockets: readonly string[] = wellKnownSockets): string | null {
  return sockets.find((path) => statSync(path, { throwIfNoEntry: false })?.isSocket() === true) ?? null;
}
