// Which port a probe or hook means.
import type { Container } from "../../../src/model/container.ts";

/** A number, or the name of one of the container's ports; null when there is no such port. */
export function portNumber(port: number | string, container: Container): number | null {
  if (typeof port === "number") return port;
  const named = container.ports?.find(({ name }) => name === port);
  if (named !== undefined) return named.containerPort;
  const number = Number(port);
  return Number.isInteger(number) && number > 0 && number < 65_536 ? number : null;
}
