// Which pod has more on the node's disk than it may have, and what is said of it.
// Source: pkg/kubelet/eviction eviction_manager.go localStorageEviction.
import type { PodSpec } from "../../../src/model/pod-spec.ts";
import { addQuantities, canonicalQuantity, compareQuantities, quantityUnits } from "../../../src/model/quantity.ts";
import type { PodDefinition } from "../pod/definition.ts";
import type { PodDisk } from "./disk-use.ts";
import { layersOf, logsOf, volumesOnDisk } from "./disk-use.ts";

const resource = "ephemeral-storage";

/** What there is to measure of a pod: most have no limit, and disks are not looked through for them. */
export function limitsOf(definition: PodDefinition): { readonly volumes: boolean; readonly all: boolean } {
  return {
    volumes: (definition.spec.volumes ?? []).some(({ emptyDir }) => isSet(emptyDir?.sizeLimit)),
    all: definition.containers.some(({ container }) => isSet(container.resources.limits?.[resource])),
  };
}

/** Null when it keeps within its limits. */
export function storageExcess(
  definition: PodDefinition,
  disk: PodDisk,
  { hasImageDisk }: { readonly hasImageDisk: boolean },
): string | null {
  return (
    volumeExcess(definition, disk) ?? podExcess(definition, disk) ?? containerExcess(definition, disk, hasImageDisk)
  );
}

function volumeExcess({ spec }: PodDefinition, { volumes }: PodDisk): string | null {
  for (const { name, emptyDir } of spec.volumes ?? []) {
    const limit = emptyDir?.sizeLimit;
    const used = volumes.find((volume) => volume.name === name)?.bytes;
    if (limit === undefined || !isSet(limit) || used === undefined || used <= quantityUnits(limit)) continue;
    return `Usage of EmptyDir volume ${JSON.stringify(name)} exceeds the limit ${JSON.stringify(textOf(limit))}. `;
  }
  return null;
}

function podExcess(definition: PodDefinition, disk: PodDisk): string | null {
  const limit = podLimitOf(definition);
  if (limit === undefined) return null;
  const { bytes } = layersOf(disk, logsOf(disk, volumesOnDisk(disk)));
  if (bytes <= quantityUnits(limit)) return null;
  return `Pod ephemeral local storage usage exceeds the total limit of containers ${limit}. `;
}

/** Of the regular containers alone; what lies on the disk of images is none of theirs. */
function containerExcess({ regulars }: PodDefinition, { layers, logs }: PodDisk, hasImageDisk: boolean): string | null {
  for (const { name, container } of regulars) {
    const limit = container.resources.limits?.[resource];
    const used = (logs.get(name)?.bytes ?? 0) + (hasImageDisk ? 0 : (layers.get(name)?.bytes ?? 0));
    if (limit === undefined || !isSet(limit) || used <= quantityUnits(limit)) continue;
    return `Container ${name} exceeded its local ephemeral storage limit ${JSON.stringify(textOf(limit))}. `;
  }
  return null;
}

/**
 * The sum of what runs together, or more where an init container, with the sidecars before it, may have more. Undefined
 * where no container has a limit; those without one add nothing. Source: component-helpers PodLimits.
 */
export function podLimitOf({ inits, regulars, spec }: PodDefinition): string | undefined {
  const limitOf = ({ container }: PodDefinition["containers"][number]) => container.resources.limits?.[resource];
  let sidecars: string | undefined;
  let largest: string | undefined;
  for (const init of inits) {
    const limit = limitOf(init);
    if (init.kind === "sidecar") sidecars = sum(sidecars, limit);
    largest = larger(largest, init.kind === "sidecar" ? sidecars : sum(sidecars, limit));
  }
  const together = regulars.map(limitOf).reduce(sum, sidecars);
  const limit = larger(together, largest);
  return limit === undefined ? undefined : textOf(sum(limit, overheadOf(spec)) ?? limit);
}

function overheadOf({ overhead }: PodSpec): string | undefined {
  return overhead?.[resource];
}

function sum(a: string | undefined, b: string | undefined): string | undefined {
  return a === undefined || b === undefined ? (a ?? b) : addQuantities(a, b);
}

function larger(a: string | undefined, b: string | undefined): string | undefined {
  return a === undefined || b === undefined ? (a ?? b) : compareQuantities(a, b) >= 0 ? a : b;
}

function isSet(limit: string | undefined): boolean {
  return limit !== undefined && quantityUnits(limit) > 0;
}

function textOf(quantity: string): string {
  return canonicalQuantity(quantity) ?? quantity;
}
