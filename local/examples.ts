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

/** Creates the DaemonSets of the examples that are not there yet; returns the names of all. */
export async function applyExamples(api: ApiClient): Promise<readonly DaemonSetName[]> {
  const dir = join(projectRoot, "examples");
  const names: DaemonSetName[] = [];
  for (const file of readdirSync(dir)
    .filter((name) => name.endsWith(".yaml"))
    .sort()) {
    for (const document of parseAllDocuments(readFileSync(join(dir, file), "utf8"))) {
      const object = document.toJS();
      if (object?.kind !== "DaemonSet") continue;
      const { name, namespace = "default" } = object.metadata;
      await api.create(`/apis/apps/v1/namespaces/${namespace}/daemonsets`, object);
      names.push({ namespace, name });
    }
  }
  return names;
}
