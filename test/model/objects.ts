// Objects for the tests of the model: a plain one of a kind, and the same with some fields changed.
import { assert } from "vitest";

import type { DaemonSet } from "../../src/model/daemonset.ts";
import { daemonSets } from "../../src/model/daemonset.ts";
import { decodeObject } from "../../src/model/decode.ts";
import type { FieldError } from "../../src/model/field-error.ts";
import { fieldErrorText } from "../../src/model/field-error.ts";
import type { KubeObject } from "../../src/model/meta.ts";
import type { Pod } from "../../src/model/pod.ts";
import { pods } from "../../src/model/pod.ts";
import type { Resource } from "../../src/model/resource.ts";

export type JsonObject = { [key: string]: unknown };

/** New values by path (`spec.template.spec.containers[0].image`); undefined takes the field away. */
export type Changes = Readonly<Record<string, unknown>>;

export function changed(json: JsonObject, changes: Changes): JsonObject {
  const copy = structuredClone(json);
  for (const [path, value] of Object.entries(changes)) setPath(copy, path.split(/[.[]/), value);
  return copy;
}

function setPath(target: object, [step = "", ...rest]: readonly string[], value: unknown): void {
  const key = step.replace(/\]$/, "");
  if (rest.length > 0) {
    const next: unknown = Reflect.get(target, key) ?? (/^\d+\]$/.test(rest[0] ?? "") ? [] : {});
    assert(typeof next === "object" && next !== null);
    Reflect.set(target, key, next);
    setPath(next, rest, value);
  } else if (value === undefined) Reflect.deleteProperty(target, key);
  else Reflect.set(target, key, value);
}

export function decoded<T extends KubeObject>(resource: Resource<T>, json: unknown): T {
  const result = decodeObject(resource, json);
  assert(result.ok, result.ok ? "" : result.message);
  return result.object;
}

export const plainDaemonSet: JsonObject = {
  apiVersion: "apps/v1",
  kind: "DaemonSet",
  metadata: { name: "web", namespace: "default" },
  spec: {
    selector: { matchLabels: { app: "web" } },
    template: {
      metadata: { labels: { app: "web" } },
      spec: { containers: [{ name: "c", image: "nginx:1.27" }] },
    },
  },
};

export function daemonSet(changes: Changes = {}): DaemonSet {
  return decoded(daemonSets, changed(plainDaemonSet, changes));
}

const plainPod: JsonObject = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "web", namespace: "default" },
  spec: { containers: [{ name: "c", image: "nginx:1.27" }] },
};

export function pod(changes: Changes = {}): Pod {
  return decoded(pods, changed(plainPod, changes));
}

export function texts(errors: readonly FieldError[]): readonly string[] {
  return errors.map(fieldErrorText);
}
