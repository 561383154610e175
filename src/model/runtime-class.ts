// RuntimeClasses: with which runtime the containers of a pod are run.
// Source: node.k8s.io/v1; pkg/apis/node/validation.
import type * as z from "zod";

import { always, atomicStringMap, embedded, list, pointer, resourceList, string, struct } from "./fields.ts";
import { ObjectMeta, typeMeta } from "./meta.ts";
import { ageColumn, nameColumn } from "./printing.ts";
import type { Resource } from "./resource.ts";
import { defineResource } from "./resource.ts";
import { storedOnly } from "./support.ts";
import { Toleration } from "./taint.ts";
import { validateImmutable, validateMetadataUpdate } from "./validation/metadata.ts";
import { dns1123Subdomain, nameRule } from "./validation/names.ts";
import { validateRuntimeClass } from "./validation/runtime-class.ts";

const node = (name: string): string => `io.k8s.api.node.v1.${name}`;

const Overhead = struct(
  node("Overhead"),
  { podFixed: resourceList },
  { about: "What a pod of the class needs beside its containers.", podFixed: "How much of each resource." },
);

const Scheduling = struct(
  node("Scheduling"),
  { nodeSelector: atomicStringMap, tolerations: list(Toleration) },
  {
    about: "Which nodes have the runtime.",
    nodeSelector: "The labels of such nodes.",
    tolerations: "The taints of such nodes, which pods of the class tolerate.",
  },
);

const RuntimeClass = struct(
  node("RuntimeClass"),
  {
    ...typeMeta,
    metadata: embedded(ObjectMeta),
    handler: always(string, ""),
    overhead: pointer(Overhead),
    scheduling: pointer(Scheduling),
  },
  {
    about: "A name for a way to run containers. It is kept here; pods that name one are refused by their node.",
    metadata: "Standard object metadata.",
    handler: "What the nodes call it. Cannot be changed.",
    overhead: "What a pod of the class needs beside its containers.",
    scheduling: "Which nodes have it.",
  },
);
export type RuntimeClass = z.output<typeof RuntimeClass>;

export const runtimeClasses: Resource<RuntimeClass> = defineResource<RuntimeClass>({
  group: "node.k8s.io",
  version: "v1",
  kind: "RuntimeClass",
  plural: "runtimeclasses",
  createsOnUpdate: true,
  namespaced: false,
  schema: RuntimeClass,
  support: storedOnly("pods that name one are refused by their node"),
  validateName: nameRule(dns1123Subdomain),
  validate: validateRuntimeClass,
  validateUpdate: ({ metadata, handler }, old) => [
    ...validateMetadataUpdate(metadata, old.metadata),
    ...validateImmutable(handler, old.handler, "handler"),
  ],
  columns: [
    nameColumn,
    { name: "Handler", type: "string", description: "What the nodes call it.", cell: ({ handler }) => handler },
    ageColumn,
  ],
});
