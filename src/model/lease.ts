// Leases: who holds something, and until when. The leases of nodes are worked out from what agents were last heard to
// say; nobody writes them.
// Source: coordination.k8s.io/v1 Lease.
import type * as z from "zod";

import { embedded, int32, microTime, pointer, string, struct } from "./fields.ts";
import { ObjectMeta, typeMeta } from "./meta.ts";
import { ageColumn, nameColumn } from "./printing.ts";
import type { Resource } from "./resource.ts";
import { defineResource } from "./resource.ts";
import { actedOn } from "./support.ts";
import { dns1123Subdomain, nameRule } from "./validation/names.ts";

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

export const leases: Resource<Lease> = defineResource<Lease>({
  group: "coordination.k8s.io",
  version: "v1",
  kind: "Lease",
  plural: "leases",
  support: actedOn(
    "one per node in `kube-node-lease`, made up from when it was last heard; a watch never hears of a change",
  ),
  verbs: ["get", "list", "watch"],
  schema: Lease,
  validateName: nameRule(dns1123Subdomain),
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
