// Where a container runtime that speaks the CRI listens on this host, and whether it answers.
import { CriClient, methods } from "./service.ts";

/** In the order in which they are tried. */
export const wellKnownSockets: readonly string[] = [
  "/run/containerd/containerd.sock",
  "/run/k3s/containerd/containerd.sock",
  "/var/run/crio/crio.sock",
];

const timeoutMs = 5000;

/** Throws when nobody answers there, or nobody who speaks the CRI: Docker's own containerd does not. */
export async function askCri(endpoint: string): Promise<void> {
  const client = new CriClient(endpoint.replace(/^unix:\/\//, ""));
  try {
    await client.call(methods.version, {}, { timeoutMs });
  } finally {
    client.close();
  }
}
