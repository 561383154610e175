// What a new cluster is shown: the manifests in examples/.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { parseAllDocuments } from "yaml";

import type { ApiClient } from "./api-client.ts";
import { projectRoot } from "./bundle.ts";

export type DaemonSetName = { readonly namespace: string; readonly name: string };

export function daemonSetPath({ namespace, name }: DaemonSetName): string {
  return `/apis/apps/v1/namespaces/${namespace}/daemonsets/${name}`;
}

/** Every image that the examples run. */
export function exampleImages(): readonly string[] {
  const images = exampleDaemonSets().flatMap(({ spec }) => {
    const { initContainers = [], containers = [] } = spec.template.spec;
    return [...initContainers, ...containers].map(({ image }) => image);
  });
  return [...new Set(images)];
}

/** Creates the DaemonSets of the examples that are not there yet; returns the names of all. */
export async function applyExamples(api: ApiClient): Promise<readonly DaemonSetName[]> {
  const names: DaemonSetName[] = [];
  for (const object of exampleDaemonSets()) {
    const { name, namespace = "default" } = object.metadata;
    await api.create(`/apis/apps/v1/namespaces/${namespace}/daemonsets`, object);
    names.push({ namespace, name });
  }
  return names;
}

type Containers = readonly { readonly image: string }[];
type Example = {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec: {
    readonly template: { readonly spec: { readonly containers?: Containers; readonly initContainers?: Containers } };
  };
};

function exampleDaemonSets(): readonly Example[] {
  const dir = join(projectRoot, "examples");
  const files = readdirSync(dir).filter((name) => name.endsWith(".yaml"));
  return files.sort().flatMap((file) => {
    const objects = parseAllDocuments(readFileSync(join(dir, file), "utf8")).map((document) => document.toJS());
    return objects.filter((object) => object?.kind === "DaemonSet");
  });
}
