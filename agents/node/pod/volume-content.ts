// Which volumes are made of what, and when what they are made of has changed.
import type { Volume } from "../../../src/model/volume.ts";
import type { AssignedPod } from "../../../src/sync/messages.ts";
import type { ObjectKind, ObjectLookup } from "../assignment/objects.ts";
import type { PodDefinition } from "./definition.ts";
import { hashText } from "./hash.ts";

/** A volume's content comes from the agent, and is brought up to date while the pod runs. */
export function hasContent(volume: Volume): boolean {
  const { configMap, secret, projected, downwardAPI } = volume;
  return (configMap ?? secret ?? projected ?? downwardAPI) !== undefined;
}

type ObjectReference = { readonly kind: ObjectKind; readonly name: string };

/** The ConfigMaps and Secrets that a volume is made of. */
function objectsOf({ configMap, secret, projected }: Volume): readonly ObjectReference[] {
  const references: ObjectReference[] = [];
  if (configMap !== undefined) references.push({ kind: "ConfigMap", name: configMap.name ?? "" });
  if (secret !== undefined) references.push({ kind: "Secret", name: secret.secretName ?? "" });
  for (const source of projected?.sources ?? []) {
    if (source.configMap !== undefined) references.push({ kind: "ConfigMap", name: source.configMap.name ?? "" });
    if (source.secret !== undefined) references.push({ kind: "Secret", name: source.secret.name ?? "" });
  }
  return references;
}

type Source = { readonly assigned: AssignedPod; readonly definition: PodDefinition };

/** Another text means that the content of a volume may be another. Tokens, which get old by themselves, do not count. */
export function contentVersion({ assigned, definition }: Source, objects: ObjectLookup): string {
  const parts: string[] = [];
  for (const volume of definition.contentVolumes) {
    for (const { kind, name } of objectsOf(volume)) {
      const object = objects.get(kind, assigned.namespace, name);
      if (object === undefined) parts.push("?");
      else parts.push(object === null ? "-" : object.version);
    }
    if (tellsLabels(volume)) parts.push(hashText(JSON.stringify(definition.template.metadata)));
  }
  return parts.join(" ");
}

function tellsLabels({ downwardAPI, projected }: Volume): boolean {
  const sources = [downwardAPI, ...(projected?.sources ?? []).map((source) => source.downwardAPI)];
  const paths = sources.flatMap((source) => source?.items ?? []).map(({ fieldRef }) => fieldRef?.fieldPath ?? "");
  return paths.some((path) => /^metadata\.(labels|annotations)/.test(path));
}
