// Where a Docker Engine or a Podman service listens on this host, and whether it answers.
import { join } from "node:path";

import type { EngineAddress } from "./engine-client.ts";
import { EngineClient } from "./engine-client.ts";
import type { EngineKind } from "./engine-types.ts";
import { kindOf } from "./engine-types.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** In the order in which they are tried: what the environment names, what the host has, what a user of it has. */
export function engineEndpoints(environment: Environment): readonly string[] {
  const named = environment["DOCKER_HOST"] ?? "";
  const own = environment["XDG_RUNTIME_DIR"] ?? "";
  return [
    ...(named === "" ? [] : [named]),
    "/var/run/docker.sock",
    "/run/podman/podman.sock",
    ...(own === "" ? [] : [join(own, "docker.sock"), join(own, "podman/podman.sock")]),
  ];
}

/** `unix:///path`, `/path` or `tcp://host:port`. Throws for anything else. */
export function engineAddress(endpoint: string): EngineAddress {
  const path = endpoint.replace(/^unix:\/\//, "");
  if (path.startsWith("/")) return { socketPath: path };
  const { protocol, hostname, port } = URL.canParse(endpoint)
    ? new URL(endpoint)
    : { protocol: "", hostname: "", port: "" };
  if (protocol === "tcp:" || protocol === "http:") return { host: hostname, port: Number(port === "" ? "2375" : port) };
  throw new Error(`${endpoint} is no unix:///path and no tcp://host:port`);
}

/** Says who answers there. Throws when nobody does, or nobody who speaks this language. */
export async function askEngine(endpoint: string): Promise<{ readonly kind: EngineKind; readonly version: string }> {
  const client = new EngineClient(engineAddress(endpoint));
  try {
    const version = await client.negotiate();
    return { kind: kindOf(version), version: version.Version };
  } finally {
    client.close();
  }
}
