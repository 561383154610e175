// Small kinds with one field of each sort that patches, OpenAPI and discovery tell apart.
import * as z from "zod";

import {
  apps,
  bytes,
  core,
  embedded,
  int32,
  int64,
  intOrString,
  list,
  mapOf,
  mergeable,
  mergedStrings,
  microTime,
  pointer,
  quantity,
  string,
  stringMap,
  strings,
  struct,
  text,
} from "../../src/model/fields.ts";
import type { KubeObject } from "../../src/model/meta.ts";
import { ObjectMeta, typeMeta } from "../../src/model/meta.ts";
import { defineResource } from "../../src/model/resource.ts";

const EnvVar = struct(core("EnvVar"), { name: text, value: text });
const Port = struct(core("ContainerPort"), { containerPort: int32, protocol: text });
const Container = struct(core("Container"), {
  name: text,
  image: text,
  args: strings,
  env: list(EnvVar, { mergeKey: "name" }),
  ports: list(Port, { mergeKey: "containerPort" }),
  limits: mapOf(quantity),
});
const Volume = struct(core("Volume"), {
  name: text,
  emptyDir: pointer(struct(core("EmptyDirVolumeSource"), { medium: text })),
  hostPath: pointer(struct(core("HostPathVolumeSource"), { path: text })),
});
const Toleration = struct(core("Toleration"), { key: text, seconds: pointer(int64) });
const ShipSpec = struct(apps("ShipSpec"), {
  containers: list(Container, { mergeKey: "name" }),
  volumes: list(Volume, { mergeKey: "name", retainKeys: true }),
  tolerations: list(Toleration),
  nodeSelector: stringMap,
  rigging: pointer(z.record(z.string(), Container).meta({ description: "By mast." })),
  cargo: mergeable(z.array(z.unknown()), {}).optional(),
  seal: pointer(bytes),
  leftAt: pointer(microTime),
  crew: pointer(intOrString),
  flags: mergedStrings,
  ballast: pointer(
    struct(apps("Ballast"), { stone: text, water: text }).meta({ "x-kubernetes-patch-strategy": "replace" }),
  ),
});

const Ship = struct(apps("Ship"), { ...typeMeta, metadata: embedded(ObjectMeta), spec: embedded(ShipSpec) });
const Harbour = struct(core("Harbour"), { ...typeMeta, metadata: embedded(ObjectMeta), depth: pointer(string) });

// Typed stub: the schemas of these kinds accept more than KubeObject says, as those of real kinds do.
const schemaOf = (schema: z.ZodType): z.ZodType<KubeObject> => schema as z.ZodType<KubeObject>;

export const ships = defineResource({
  group: "apps",
  version: "v1",
  kind: "Ship",
  plural: "ships",
  shortNames: ["sh"],
  categories: ["all"],
  statusSubresource: true,
  schema: schemaOf(Ship),
});

export const harbours = defineResource({
  group: "",
  version: "v1",
  kind: "Harbour",
  plural: "harbours",
  namespaced: false,
  verbs: ["create", "get", "list"],
  schema: schemaOf(Harbour),
});
