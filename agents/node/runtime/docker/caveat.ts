// What comes out otherwise than one may think. What is refused is the same as with any other runtime of containers.
import type { Container } from "../../../../src/model/container.ts";
import type { Log } from "../../ports.ts";
import type { EngineClient } from "./engine-client.ts";
import type { EngineKind } from "./engine-types.ts";

export function caveatOf(kind: EngineKind, container: Container): string | null {
  if (kind !== "podman") return null;
  const { name, livenessProbe, readinessProbe, startupProbe } = container;
  if (![livenessProbe, readinessProbe, startupProbe].some((probe) => probe?.exec !== undefined)) return null;
  return (
    `Container ${name} is probed by commands: Podman keeps two processes of each for five minutes, unless ` +
    "exit_command_delay is made shorter in the [engine] section of its containers.conf"
  );
}

/** Docker takes its containers with it unless it is told otherwise. */
export async function warnOfRestarts(client: EngineClient, log: Log): Promise<void> {
  const { LiveRestoreEnabled } = await client.get<{ readonly LiveRestoreEnabled?: boolean }>("/info");
  if (LiveRestoreEnabled === true) return;
  const remedy = 'set "live-restore": true in /etc/docker/daemon.json';
  log.warn("pods end when dockerd is stopped or upgraded", { remedy });
}
