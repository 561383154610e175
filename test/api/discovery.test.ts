import { describe, expect, it } from "vitest";

import {
  apiGroup,
  apiGroupDiscoveryList,
  apiGroupList,
  apiResourceList,
  apiVersions,
  type Catalogue,
  serverVersion,
} from "../../src/api/discovery.ts";
import { harbours, ships } from "./small-resources.ts";

const allVerbs = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
const catalogue: Catalogue = {
  resources: [harbours, ships, { ...ships, version: "v1beta1" }],
  subresources: [
    {
      parent: { group: "", plural: "harbours" },
      name: "eviction",
      kind: "Eviction",
      group: "policy",
      version: "v1",
      verbs: ["create"],
    },
    { parent: { group: "apps", plural: "ships" }, name: "log", kind: "Ship", verbs: ["get"] },
  ],
};

it("the version is one kubectl can parse, and clients of 1.32 are at home with", () => {
  expect(serverVersion.gitVersion).toMatch(/^v1\.32\.\d+/);
  expect([serverVersion.major, serverVersion.minor]).toEqual(["1", "32"]);
});

describe("the old form", () => {
  it("lists the versions of the core group", () => {
    expect(apiVersions()).toEqual({ kind: "APIVersions", versions: ["v1"], serverAddressByClientCIDRs: [] });
  });

  it("lists the named groups with their versions, the first of the table preferred", () => {
    const versions = [
      { groupVersion: "apps/v1", version: "v1" },
      { groupVersion: "apps/v1beta1", version: "v1beta1" },
    ];
    const apps = { name: "apps", versions, preferredVersion: versions[0] };
    expect(apiGroupList(catalogue)).toEqual({ kind: "APIGroupList", apiVersion: "v1", groups: [apps] });
    expect(apiGroup(catalogue, "apps")).toEqual({ kind: "APIGroup", apiVersion: "v1", ...apps });
  });

  it("has no group that nothing is served in", () => {
    expect(apiGroup(catalogue, "batch")).toBeUndefined();
    expect(apiGroup(catalogue, "")).toBeUndefined();
    expect(apiResourceList(catalogue, { group: "apps", version: "v2" })).toBeUndefined();
  });

  it("lists resources with their subresources", () => {
    expect(apiResourceList(catalogue, { group: "apps", version: "v1" })).toEqual({
      kind: "APIResourceList",
      apiVersion: "v1",
      groupVersion: "apps/v1",
      resources: [
        {
          name: "ships",
          singularName: "ship",
          namespaced: true,
          kind: "Ship",
          verbs: allVerbs,
          shortNames: ["sh"],
          categories: ["all"],
        },
        { name: "ships/log", singularName: "", namespaced: true, kind: "Ship", verbs: ["get"] },
        { name: "ships/status", singularName: "", namespaced: true, kind: "Ship", verbs: ["get", "patch", "update"] },
      ],
    });
  });

  it("names group and version of a subresource of another group, and no empty lists", () => {
    expect(apiResourceList(catalogue, { group: "", version: "v1" })).toEqual({
      kind: "APIResourceList",
      apiVersion: "v1",
      groupVersion: "v1",
      resources: [
        {
          name: "harbours",
          singularName: "harbour",
          namespaced: false,
          kind: "Harbour",
          verbs: ["create", "get", "list"],
        },
        {
          name: "harbours/eviction",
          singularName: "",
          namespaced: false,
          group: "policy",
          version: "v1",
          kind: "Eviction",
          verbs: ["create"],
        },
      ],
    });
  });
});

describe("the aggregated form", () => {
  it("holds the core group under no name", () => {
    expect(apiGroupDiscoveryList(catalogue, { which: "core", version: "v2" })).toEqual({
      kind: "APIGroupDiscoveryList",
      apiVersion: "apidiscovery.k8s.io/v2",
      metadata: {},
      items: [
        {
          metadata: { name: "", creationTimestamp: null },
          versions: [
            {
              version: "v1",
              freshness: "Current",
              resources: [
                {
                  resource: "harbours",
                  responseKind: { group: "", version: "v1", kind: "Harbour" },
                  scope: "Cluster",
                  singularResource: "harbour",
                  verbs: ["create", "get", "list"],
                  subresources: [
                    {
                      subresource: "eviction",
                      responseKind: { group: "policy", version: "v1", kind: "Eviction" },
                      verbs: ["create"],
                    },
                  ],
                },
              ],
            },
          ],
        },
      ],
    });
  });

  it("holds named groups, each version with its own resources", () => {
    const list = apiGroupDiscoveryList(catalogue, { which: "named", version: "v2beta1" });
    expect(list.apiVersion).toBe("apidiscovery.k8s.io/v2beta1");
    expect(list.items.map(({ metadata }) => metadata.name)).toEqual(["apps"]);
    const versions = list.items[0]?.versions ?? [];
    expect(versions.map(({ version }) => version)).toEqual(["v1", "v1beta1"]);
    const ship = {
      resource: "ships",
      responseKind: { group: "apps", version: "v1", kind: "Ship" },
      scope: "Namespaced",
      singularResource: "ship",
      verbs: allVerbs,
      shortNames: ["sh"],
      categories: ["all"],
      subresources: [
        { subresource: "log", responseKind: { group: "apps", version: "v1", kind: "Ship" }, verbs: ["get"] },
        {
          subresource: "status",
          responseKind: { group: "apps", version: "v1", kind: "Ship" },
          verbs: ["get", "patch", "update"],
        },
      ],
    };
    expect(versions[0]?.resources).toEqual([ship]);
  });
});
