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
import { actedOn, storedOnly } from "../../src/model/support.ts";

const EnvVar = struct(
  core("EnvVar"),
  { name: text, value: text },
  { about: "A variable.", name: "Its name.", value: "Its value." },
);
const Port = struct(
  core("ContainerPort"),
  { containerPort: int32, protocol: text },
  { about: "A port.", containerPort: "Its number.", protocol: "TCP or UDP." },
);
const Container = struct(
  core("Container"),
  {
    name: text,
    image: text,
    args: strings,
    env: list(EnvVar, { mergeKey: "name" }),
    ports: list(Port, { mergeKey: "containerPort" }),
    limits: mapOf(quantity),
  },
  {
    about: "A program.",
    name: "Its name.",
    image: "Its image.",
    args: "Its arguments.",
    env: "Its variables.",
    ports: "Its ports.",
    limits: "How much it may use.",
  },
);
const Volume = struct(
  core("Volume"),
  {
    name: text,
    emptyDir: pointer(
      struct(
        core("EmptyDirVolumeSource"),
        { medium: text },
        { about: "An empty directory.", medium: "What holds it." },
      ),
    ),
    hostPath: pointer(
      struct(core("HostPathVolumeSource"), { path: text }, { about: "A path of the node.", path: "The path." }),
    ),
  },
  { about: "A volume.", name: "Its name.", emptyDir: "An empty directory.", hostPath: "A path of the node." },
);
const Toleration = struct(
  core("Toleration"),
  { key: text, seconds: pointer(int64) },
  { about: "A toleration.", key: "Of what.", seconds: "For how long." },
);
const ShipSpec = struct(
  apps("ShipSpec"),
  {
    containers: list(Container, { mergeKey: "name" }),
    volumes: list(Volume, { mergeKey: "name", retainKeys: true }),
    tolerations: list(Toleration),
    nodeSelector: stringMap,
    rigging: pointer(z.record(z.string(), Container)),
    cargo: mergeable(z.array(z.unknown()), {}).optional(),
    seal: pointer(bytes),
    leftAt: pointer(microTime),
    crew: pointer(intOrString),
    flags: mergedStrings,
    ballast: pointer(
      struct(
        apps("Ballast"),
        { stone: text, water: text },
        { about: "What keeps it upright.", stone: "Stones.", water: "Water." },
      ).meta({ "x-kubernetes-patch-strategy": "replace" }),
    ),
  },
  {
    about: "What a ship is to be.",
    containers: "What runs on it.",
    volumes: "What it can mount.",
    tolerations: "What it does not mind.",
    nodeSelector: "Where it sails.",
    rigging: "By mast.",
    cargo: "What it carries.",
    seal: "Its seal.",
    leftAt: "When it left.",
    crew: "How many sail it.",
    flags: "What it shows.",
    ballast: "What keeps it upright.",
  },
);

const Ship = struct(
  apps("Ship"),
  { ...typeMeta, metadata: embedded(ObjectMeta), spec: embedded(ShipSpec) },
  { about: "A ship.", metadata: "Standard.", spec: "What it is to be." },
);
const Harbour = struct(
  core("Harbour"),
  { ...typeMeta, metadata: embedded(ObjectMeta), depth: pointer(string) },
  { about: "A harbour.", metadata: "Standard.", depth: "How deep it is." },
);

// Typed stub: the schemas of these kinds accept more than KubeObject says, as those of real kinds do.
const schemaOf = (schema: z.ZodType): z.ZodType<KubeObject> => schema as z.ZodType<KubeObject>;

export const ships = defineResource({
  group: "apps",
  version: "v1",
  kind: "Ship",
  plural: "ships",
  support: actedOn(),
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
  support: storedOnly(),
  namespaced: false,
  verbs: ["create", "get", "list"],
  schema: schemaOf(Harbour),
});
