// Environment variables out of ConfigMaps and Secrets.
// Source: kubelet makeEnvironmentVariables; apimachinery validation IsEnvVarName.
import type { EnvFromSource } from "../../../src/model/env.ts";
import type { HeldObject, ObjectKind } from "../assignment/objects.ts";
import type { PodSurroundings } from "./environment.ts";
import { textKeysOf, textOf } from "./object-text.ts";
import type { PodEvent } from "./pod-event.ts";
import { warning } from "./pod-event.ts";

/** Something that a container cannot do without is not there. */
export class Missing extends Error {}

type Surroundings = Pick<PodSurroundings, "assigned" | "objects">;
type Reference = { readonly name?: string | undefined; readonly optional?: boolean | undefined };

/** Undefined: it is not there, and need not be. Throws Missing. */
export function valueAt(
  kind: ObjectKind,
  { key, ...reference }: Reference & { readonly key: string },
  pod: Surroundings,
): string | undefined {
  const object = find(kind, reference, pod);
  if (object === null) return undefined;
  const value = textOf(object, key);
  if (value !== undefined || reference.optional === true) return value;
  throw new Missing(`couldn't find key ${key} in ${kind} ${object.namespace}/${object.name}`);
}

type Variables = { readonly variables: ReadonlyMap<string, string>; readonly event: PodEvent | null };

/** All keys of an object, but those that can be no names; an event tells of these. Throws Missing. */
export function variablesFrom({ prefix = "", configMapRef, secretRef }: EnvFromSource, pod: Surroundings): Variables {
  const [kind, reference] =
    configMapRef === undefined ? ["Secret" as const, secretRef] : ["ConfigMap" as const, configMapRef];
  const object = reference === undefined ? null : find(kind, reference, pod);
  const variables = new Map<string, string>();
  const invalid: string[] = [];
  if (object === null) return { variables, event: null };
  for (const key of textKeysOf(object)) {
    const name = `${prefix}${key}`;
    if (isVariableName(name)) variables.set(name, textOf(object, key) ?? "");
    else invalid.push(name);
  }
  if (invalid.length === 0) return { variables, event: null };
  const source = `${kind === "Secret" ? "secret" : "configMap"} ${object.namespace}/${object.name}`;
  const message = `Keys [${invalid.sort().join(", ")}] from the EnvFrom ${source} were skipped since they are considered invalid environment variable names.`;
  return { variables, event: warning("InvalidEnvironmentVariableNames", message) };
}

/** Null: there is none, and there need not be. */
function find(
  kind: ObjectKind,
  { name = "", optional }: Reference,
  { assigned, objects }: Surroundings,
): HeldObject | null {
  const object = objects.get(kind, assigned.namespace, name);
  if (object !== undefined && (object !== null || optional === true)) return object;
  const what = `${kind.toLowerCase()} ${JSON.stringify(name)}`;
  throw new Missing(object === null ? `${what} not found` : `${what} is not known yet`);
}

function isVariableName(name: string): boolean {
  return /^[-._a-zA-Z][-._a-zA-Z0-9]*$/.test(name) && name !== "." && !name.startsWith("..");
}
