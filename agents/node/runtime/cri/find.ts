// Where a container runtime that speaks the CRI listens on this host, and whether it answers.
import { access } from "node:fs/promises";

/** In the order in which they are tried. */
export const wellKnownSockets: readonly string[] = [
  "/run/containerd/containerd.sock",
  "/run/k3s/containerd/containerd.sock",
  "/var/run/crio/crio.sock",
];

const timeoutMs = 5000;

/** Throws when nobody answers there, or nobody who speaks the CRI: Docker's own containerd does not. */
export async function askCri(endpoint: string): Promise<void> {
  const path = socketPath(endpoint);
  await access(path);
  // Loaded where there is something to talk to: a node without a CRI has no use for the memory that HTTP/2 takes.
  const { CriClient, methods } = await import("./service.ts");
  const client = new CriClient(path);
  try {
    await client.call(methods.version, {}, { timeoutMs });
  } finally {
    client.close();
  }
}

function socketPath(endpoint: string): string {
  return endpoint.replace(/^unix:\/\//, "");
}
