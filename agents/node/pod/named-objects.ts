// What a pod on this node needs of ConfigMaps and Secrets, and whether it is there.
import type { NamedObject } from "../../../src/model/named-objects.ts";
import { secretsNamed } from "../../../src/model/named-objects.ts";
import type { AssignedPod } from "../../../src/sync/messages.ts";
import type { HeldObjects } from "../assignment/held-objects.ts";
import type { ObjectLookup } from "../assignment/objects.ts";
import type { PodDefinition } from "./definition.ts";

type Wanted = { readonly assigned: AssignedPod; readonly definition: PodDefinition };

/** The Secrets to pull the pod's images with: its own, or else its ServiceAccount's. */
export function pullSecretsOf({ assigned, definition }: Wanted): readonly NamedObject[] {
  const own = definition.spec.imagePullSecrets ?? [];
  if (own.length > 0) return secretsNamed(own);
  return secretsNamed((assigned.serviceAccount?.imagePullSecrets ?? []).map((name) => ({ name })));
}

/**
 * Whether it is not known yet what the objects are that the pod is made of, or those that its images are pulled with are
 * still to come: it would start as it is not meant to.
 */
export function awaitsObjects(wanted: Wanted, objects: ObjectLookup): boolean {
  const { namespace } = wanted.assigned;
  return (
    wanted.definition.objects.some(({ kind, name }) => objects.get(kind, namespace, name) === undefined) ||
    pullSecretsOf(wanted).some(({ kind, name }) => objects.isOnItsWay(kind, namespace, name))
  );
}

/** Whether any of the objects that the pod names is another one than before. */
export function areOthers(wanted: Wanted, objects: HeldObjects, before: HeldObjects): boolean {
  if (objects === before) return false;
  const { namespace } = wanted.assigned;
  const named = [...wanted.definition.objects, ...pullSecretsOf(wanted)];
  return named.some(({ kind, name }) => objects.differsFrom(before, kind, namespace, name));
}
