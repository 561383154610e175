// Bindings: how a scheduler says on which node a pod is to run. They are taken, never kept.
// Source: core/v1 Binding; pkg/apis/core/validation ValidatePodBinding.
import type * as z from "zod";

import { core, embedded, mandatory, struct } from "./fields.ts";
import { ObjectMeta, typeMeta } from "./meta.ts";
import { ageColumn, nameColumn } from "./printing.ts";
import { ObjectReference } from "./references.ts";
import type { Resource } from "./resource.ts";
import { defineResource } from "./resource.ts";
import { actedOn } from "./support.ts";

const Binding = struct(
  core("Binding"),
  { ...typeMeta, metadata: embedded(ObjectMeta), target: mandatory(embedded(ObjectReference)) },
  {
    about: "Puts a pod on a node. Schedulers create it; nothing of it is kept but the pod's node.",
    metadata: "The pod's name; annotations are added to the pod's own.",
    target: "The node.",
  },
);
export type Binding = z.output<typeof Binding>;

export const bindings: Resource<Binding> = defineResource<Binding>({
  group: "",
  version: "v1",
  kind: "Binding",
  plural: "bindings",
  support: actedOn("puts a pod on a node, as schedulers do"),
  verbs: ["create"],
  schema: Binding,
  columns: [nameColumn, ageColumn],
});
