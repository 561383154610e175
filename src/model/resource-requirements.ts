// How much of what a container may use.
// Source: core/v1 types ResourceRequirements, ContainerResizePolicy.
import type * as z from "zod";

import { always, core, list, resourceList, string, struct, text } from "./fields.ts";

export const ResourceRequirements = struct(
  core("ResourceRequirements"),
  {
    limits: resourceList,
    requests: resourceList,
    claims: list(
      struct(
        core("ResourceClaim"),
        { name: always(string, ""), request: text },
        {
          about: "A claim of the pod whose resources a container may use.",
          name: "The name of the claim in spec.resourceClaims.",
          request: "Which request of the claim is meant. Empty: all of them.",
        },
      ),
      { mapKeys: ["name"] },
    ),
  },
  {
    about: "How much a container may use and how much it is promised.",
    limits: "The most it may use, by resource: cpu, memory and others.",
    requests: "The least it needs, by resource. Absent: its limits.",
    claims: "The claims of the pod whose resources this container uses.",
  },
);
export type ResourceRequirements = z.output<typeof ResourceRequirements>;

/** Amounts by resource name. */
export type ResourceList = Readonly<Record<string, string>>;

export const ContainerResizePolicy = struct(
  core("ContainerResizePolicy"),
  {
    resourceName: always(string, ""),
    restartPolicy: always(string, ""),
  },
  {
    about: "Whether a container has to be restarted when its amount of a resource is changed.",
    resourceName: "The resource: cpu or memory.",
    restartPolicy: "NotRequired or RestartContainer.",
  },
);
export type ContainerResizePolicy = z.output<typeof ContainerResizePolicy>;
