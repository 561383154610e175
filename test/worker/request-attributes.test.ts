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

const odd = fc.constantFrom("", ".", "..", "%2e%2e", "a%2fb", "%", "A", "nodes%20", "namespaces", "status", "finalize");
const rare = <T>(usual: fc.Arbitrary<T>) => fc.oneof({ weight: 9, arbitrary: usual }, { weight: 1, arbitrary: odd });
const path = fc
  .tuple(
    rare(fc.constantFrom(...resources)),
    rare(fc.constantFrom("namespaces/x/", "", "watch/", "watch/namespaces/x/")),
    rare(fc.constantFrom("", "/a", "/a/status", "/a/exec", "/a/finalize", "/status", "/a/b/c")),
  )
  .map(([resource, place, rest]) => {
    if (typeof resource === "string") return `/api/v1/${place}${resource}${rest}`;
    const { group, version, plural } = resource;
    return `/${group === "" ? "api" : `apis/${group}`}/${version}/${place}${plural}${rest}`;
  });

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
  expect(served).toBeGreaterThan(500);
});
