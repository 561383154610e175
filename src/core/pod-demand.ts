// What a pod takes of a node's resources and host ports, as the scheduler counts it.
// Source: component-helpers resource PodRequests; pkg/scheduler/framework HostPortInfo.
import type { Container } from "../model/container.ts";
import type { PodSpec } from "../model/pod-spec.ts";
import { quantityMilli, quantityUnits } from "../model/quantity.ts";
import type { ResourceList } from "../model/resource-requirements.ts";

/** By resource name: CPU in thousandths, everything else in units. */
export type Amounts = ReadonlyMap<string, number>;

export type HostPort = { readonly ip: string; readonly protocol: string; readonly port: number };

export type PodDemand = { readonly amounts: Amounts; readonly ports: readonly HostPort[] };

export function amountsOf(list: ResourceList | undefined): Amounts {
  return new Map(
    Object.entries(list ?? {}).map(([name, quantity]) => [
      name,
      name === "cpu" ? quantityMilli(quantity) : quantityUnits(quantity),
    ]),
  );
}

export function addAmounts(a: Amounts, b: Amounts): Amounts {
  if (b.size === 0) return a;
  const sum = new Map(a);
  for (const [name, amount] of b) sum.set(name, (sum.get(name) ?? 0) + amount);
  return sum;
}

function largerAmounts(a: Amounts, b: Amounts): Amounts {
  const larger = new Map(a);
  for (const [name, amount] of b) larger.set(name, Math.max(larger.get(name) ?? 0, amount));
  return larger;
}

const none: Amounts = new Map();

function requestsOf({ resources }: Container): Amounts {
  return amountsOf(resources.requests);
}

function isSidecar({ restartPolicy }: Container): boolean {
  return restartPolicy === "Always";
}

/** Sidecars run beside everything after them; other init containers run alone, one after the other. */
export function podDemand(spec: PodSpec): PodDemand {
  let sidecars = none;
  let starting = none;
  for (const container of spec.initContainers ?? []) {
    const wanted = addAmounts(sidecars, requestsOf(container));
    if (isSidecar(container)) sidecars = wanted;
    starting = largerAmounts(starting, wanted);
  }
  const running = spec.containers.map(requestsOf).reduce(addAmounts, sidecars);
  const amounts = addAmounts(largerAmounts(running, starting), amountsOf(spec.overhead));
  return { amounts: new Map([...amounts].filter(([, amount]) => amount > 0)), ports: hostPorts(spec) };
}

const anyAddress = "0.0.0.0";

function hostPorts({ containers, initContainers = [] }: PodSpec): readonly HostPort[] {
  return [...initContainers.filter(isSidecar), ...containers].flatMap(({ ports = [] }) =>
    ports.flatMap(({ hostPort = 0, hostIP = anyAddress, protocol }) =>
      hostPort === 0 ? [] : [{ ip: hostIP === "" ? anyAddress : hostIP, protocol, port: hostPort }],
    ),
  );
}

/** A port on any address is taken on each. */
export function clashes(a: HostPort, b: HostPort): boolean {
  const sameAddress = a.ip === b.ip || a.ip === anyAddress || b.ip === anyAddress;
  return a.port === b.port && a.protocol === b.protocol && sameAddress;
}

/** Such a pod fits wherever there is room for one more. */
export function asksForNothing({ amounts, ports }: PodDemand): boolean {
  return amounts.size === 0 && ports.length === 0;
}
