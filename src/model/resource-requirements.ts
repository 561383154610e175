// How much of what a container may use.
// Source: core/v1 types ResourceRequirements, ContainerResizePolicy.
import type * as z from "zod";

import { always, core, list, resourceList, string, struct, text } from "./fields.ts";

export const ResourceRequirements = struct(core("ResourceRequirements"), {
  limits: resourceList,
  requests: resourceList,
  claims: list(struct(core("ResourceClaim"), { name: always(string, ""), request: text }), { mapKeys: ["name"] }),
});
export type ResourceRequirements = z.output<typeof ResourceRequirements>;

/** Amounts by resource name. */
export type ResourceList = Readonly<Record<string, string>>;

export const ContainerResizePolicy = struct(core("ContainerResizePolicy"), {
  resourceName: always(string, ""),
  restartPolicy: always(string, ""),
});
export type ContainerResizePolicy = z.output<typeof ContainerResizePolicy>;
