// What comes out otherwise than one may think. What is refused is the same as with any other runtime of containers.
import type { Container } from "../../../../src/model/container.ts";
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
