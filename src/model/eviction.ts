// What asks for a pod to be evicted: a deletion that asks first.
// Source: policy/v1 Eviction.
import type * as z from "zod";

import { DeleteOptions } from "./delete-options.ts";
import { embedded, pointer, struct } from "./fields.ts";
import { ObjectMeta, typeMeta } from "./meta.ts";
import type { Kind } from "./resource.ts";

export const Eviction = struct(
  "io.k8s.api.policy.v1.Eviction",
  { ...typeMeta, metadata: embedded(ObjectMeta), deleteOptions: pointer(DeleteOptions) },
  {
    about: "A deletion of a pod that may be refused for the sake of others.",
    metadata: "The name and namespace of the pod.",
    deleteOptions: "How the pod is to be deleted.",
  },
);
export type Eviction = z.output<typeof Eviction>;

export const evictions: Kind<Eviction> = {
  group: "policy",
  version: "v1",
  kind: "Eviction",
  schema: Eviction,
  decode: null,
  rawFields: [],
};
