// The subresources that are served beside /status, as discovery tells of them.
import { bindings } from "../model/binding.ts";
import { Eviction } from "../model/eviction.ts";
import type { Subresource } from "./discovery.ts";

const pods = { group: "", plural: "pods" } as const;

export const subresources: readonly Subresource[] = [
  { parent: pods, name: "binding", kind: "Binding", verbs: ["create"], schema: bindings.schema },
  {
    parent: pods,
    name: "eviction",
    kind: "Eviction",
    group: "policy",
    version: "v1",
    verbs: ["create"],
    schema: Eviction,
  },
];
