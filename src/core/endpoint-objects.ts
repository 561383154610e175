// The objects that tell of a Service's endpoints: EndpointSlices, and Endpoints for those who read the older form.
// Source: k8s.io/endpointslice newEndpointSlice, setEndpointSliceLabels; pkg/controller/endpoint syncService.
import type { EndpointSlice } from "../model/endpoint-slice.ts";
import type { Endpoints } from "../model/endpoints.ts";
import { goTime } from "../model/instant.ts";
import type { ObjectMeta } from "../model/meta.ts";
import type { Service } from "../model/service.ts";
import { isHeadless } from "../model/service-addresses.ts";
import type { ServiceFacts, Slice } from "./endpoints.ts";
import { endpointSubsets } from "./endpoints.ts";

export const serviceNameLabel = "kubernetes.io/service-name";
const managedByLabel = "endpointslice.kubernetes.io/managed-by";
const manager = "endpointslice-controller.k8s.io";
const headlessLabel = "service.kubernetes.io/headless";
const overCapacity = "endpoints.kubernetes.io/over-capacity";

/** Whether the slice is one that is looked after here; others have others who do. */
export function isManaged({ labels = {} }: ObjectMeta): boolean {
  return labels[managedByLabel] === manager;
}

/** Null: nothing picks its endpoints, so whoever made it looks after them. */
export function serviceFacts({ metadata, spec }: Service): ServiceFacts | null {
  if (spec.selector === undefined || spec.type === "ExternalName" || metadata.deletionTimestamp !== undefined)
    return null;
  const { namespace = "", name = "", uid = "", labels = {} } = metadata;
  return {
    namespace,
    name,
    uid,
    labels,
    selector: spec.selector,
    ports: spec.ports ?? [],
    publishNotReady: spec.publishNotReadyAddresses === true,
    headless: isHeadless(spec),
  };
}

type Written = { readonly uid: string; readonly generation: number; readonly createdMs: number };

export function sliceObject(
  service: ServiceFacts,
  slice: Slice,
  { uid, generation, createdMs }: Written,
): EndpointSlice {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      name: slice.name,
      generateName: `${service.name}-`,
      namespace: service.namespace,
      uid,
      generation,
      creationTimestamp: goTime(createdMs),
      labels: {
        ...service.labels,
        ...(service.headless ? { [headlessLabel]: "" } : {}),
        [managedByLabel]: manager,
        [serviceNameLabel]: service.name,
      },
      ownerReferences: [
        {
          apiVersion: "v1",
          kind: "Service",
          name: service.name,
          uid: service.uid,
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    addressType: "IPv4",
    endpoints: slice.endpoints.length === 0 ? null : [...slice.endpoints],
    ports: slice.ports.length === 0 ? null : [...slice.ports],
  };
}

export function endpointsObject(
  service: ServiceFacts,
  slices: readonly Slice[],
  { uid, createdMs }: Pick<Written, "uid" | "createdMs">,
): Endpoints {
  const { subsets, isTruncated } = endpointSubsets(slices);
  const labels = { ...service.labels, ...(service.headless ? { [headlessLabel]: "" } : {}) };
  return {
    apiVersion: "v1",
    kind: "Endpoints",
    metadata: {
      name: service.name,
      namespace: service.namespace,
      uid,
      creationTimestamp: goTime(createdMs),
      ...(Object.keys(labels).length === 0 ? {} : { labels }),
      ...(isTruncated ? { annotations: { [overCapacity]: "truncated" } } : {}),
    },
    ...(subsets.length === 0 ? {} : { subsets: [...subsets] }),
  };
}
