// What is asked whether it may be done is what is done.
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { beforeAll, expect, it } from "vitest";

import { attributesOf } from "../../src/api/request-attributes.ts";
import { targetOf } from "../../src/api/target.ts";
import { resources } from "../../src/model/resources.ts";
import { ServedKinds } from "../../src/store/served-kinds.ts";
import { newCluster } from "./support/cluster.ts";

beforeAll(newCluster);

const segment = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom(...resources.map(({ plural }) => plural), ...resources.map(({ group }) => group)),
  },
  { weight: 6, arbitrary: fc.constantFrom("api", "apis", "v1", "namespaces", "x", "status", "finalize", "exec") },
  { weight: 1, arbitrary: fc.constantFrom("", ".", "..", "%2e%2e", "a%2fb", "%", "A", "nodes%20") },
);
const path = fc
  .tuple(
    fc.constantFrom("/api/v1/", "/apis/apps/v1/", "/apis/rbac.authorization.k8s.io/v1/", "/"),
    fc.array(segment, { maxLength: 7 }),
  )
  .map(([root, segments]) => root + segments.join("/"));

it("a path that is served as a resource is asked about as that resource, place and part", async () => {
  const kinds = new ServedKinds(env.DB);
  let served = 0;
  await fc.assert(
    fc.asyncProperty(path, fc.constantFrom("GET", "POST", "PUT", "PATCH", "DELETE"), async (pathname, method) => {
      const url = new URL("https://lares.test");
      url.pathname = pathname;
      const target = await targetOf(url.pathname, kinds);
      if (target === null) return;
      served += 1;
      const isNamespace = target.resource.plural === "namespaces" && target.name !== null;
      expect(attributesOf(method, url)).toMatchObject({
        kind: "resource",
        group: target.resource.group,
        resource: target.resource.plural,
        namespace: (isNamespace ? target.name : target.namespace) ?? "",
        name: target.name ?? "",
        subresource: target.subresource ?? "",
      });
    }),
    { numRuns: 2_000 },
  );
  expect(served).toBeGreaterThan(50);
});
