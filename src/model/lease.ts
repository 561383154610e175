// Leases: who holds something, and until when. Those of nodes, in a namespace of their own, are worked out from what agents
// were last heard to say, and nobody writes them; others are their holders' to write.
// Source: coordination.k8s.io/v1 Lease; pkg/apis/coordination/validation/validation.go.
import type * as z from "zod";

import { forbidden, invalid, invalidForEach } from "./field-error.ts";
import { embedded, int32, microTime, pointer, string, struct } from "./fields.ts";
import { ObjectMeta, typeMeta } from "./meta.ts";
import { ageColumn, nameColumn } from "./printing.ts";
import type { Resource } from "./resource.ts";
import { defineResource } from "./resource.ts";
import { actedOn } from "./support.ts";
import type { Errors } from "./validation/each.ts";
import { validateMetadata, validateMetadataUpdate } from "./validation/metadata.ts";
import { dns1123Subdomain, nameRule, qualifiedName } from "./validation/names.ts";

/** Where nodes have theirs. */
export const nodeLeaseNamespace = "kube-node-lease";

const coordination = (name: string): string => `io.k8s.api.coordination.v1.${name}`;

export const Lease = struct(
  coordination("Lease"),
  {
    ...typeMeta,
    metadata: embedded(ObjectMeta),
    spec: embedded(
      struct(
        coordination("LeaseSpec"),
        {
          holderIdentity: pointer(string),
          leaseDurationSeconds: pointer(int32),
          acquireTime: pointer(microTime),
          renewTime: pointer(microTime),
          leaseTransitions: pointer(int32),
          strategy: pointer(string),
          preferredHolder: pointer(string),
        },
        {
          about: "Who holds a lease, and until when.",
          holderIdentity: "Who holds it.",
          leaseDurationSeconds: "How long it holds after renewTime.",
          acquireTime: "When its holder took it.",
          renewTime: "When its holder last renewed it.",
          leaseTransitions: "How often it went from one holder to another.",
          strategy: "How the next holder is chosen, where that is coordinated.",
          preferredHolder: "Who is asked to take it over.",
        },
      ),
    ),
  },
  {
    about: "Who holds something, and until when. Those of nodes say when each was last heard.",
    metadata: "Standard object metadata.",
    spec: "Who holds it, and until when.",
  },
);
export type Lease = z.output<typeof Lease>;

function validateSpec({ spec }: Lease): Errors {
  const { leaseDurationSeconds = 1, leaseTransitions = 0, strategy, preferredHolder = "" } = spec;
  return [
    ...(leaseDurationSeconds > 0
      ? []
      : [invalid("spec.leaseDurationSeconds", leaseDurationSeconds, "must be greater than 0")]),
    ...(leaseTransitions >= 0
      ? []
      : [invalid("spec.leaseTransitions", leaseTransitions, "must be greater than or equal to 0")]),
    ...(strategy === undefined ? [] : invalidForEach("spec.strategy", strategy, qualifiedName(strategy))),
    ...(preferredHolder === "" || (strategy ?? "") !== ""
      ? []
      : [forbidden("spec.preferredHolder", "may only be specified when `strategy` is defined")]),
  ];
}

export const leases: Resource<Lease> = defineResource<Lease>({
  group: "coordination.k8s.io",
  version: "v1",
  kind: "Lease",
  plural: "leases",
  createsOnUpdate: true,
  support: actedOn(
    "for programs that elect a leader: each renewal is a write. Those of nodes in `kube-node-lease` are made up from when they were last heard; a watch never hears of a change of theirs",
  ),
  schema: Lease,
  validateName: nameRule(dns1123Subdomain),
  validate: (lease) => [
    ...validateSpec(lease),
    ...validateMetadata(lease.metadata, { namespaced: true, name: dns1123Subdomain }),
  ],
  validateUpdate: (lease, old) => validateMetadataUpdate(lease.metadata, old.metadata),
  columns: [
    nameColumn,
    {
      name: "Holder",
      type: "string",
      description: "Who holds the lease.",
      cell: ({ spec }) => spec.holderIdentity ?? "",
    },
    ageColumn,
  ],
});
