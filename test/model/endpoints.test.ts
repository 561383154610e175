import { describe, expect, it } from "vitest";

import { endpointSlices } from "../../src/model/endpoint-slice.ts";
import { endpoints } from "../../src/model/endpoints.ts";
import type { KubeObject } from "../../src/model/meta.ts";
import type { Resource } from "../../src/model/resource.ts";
import { decoded, texts } from "./objects.ts";

const nowMs = Date.UTC(2026, 0, 2);

function make<T extends KubeObject>(resource: Resource<T>, json: object): T {
  const metadata = { name: "web", namespace: "default", creationTimestamp: "2026-01-01T00:00:00Z" };
  return decoded(resource, { metadata, ...json });
}

function row<T extends KubeObject>(resource: Resource<T>, json: object): readonly unknown[] {
  const object = make(resource, json);
  return resource.columns.map(({ cell }) => cell(object, nowMs));
}

const ips = (count: number) => Array.from({ length: count }, (_, index) => ({ ip: `10.0.0.${index + 1}` }));

describe("the row of Endpoints", () => {
  it.each<readonly [string, object, string]>([
    ["none", {}, "<none>"],
    ["not ready", { subsets: [{ notReadyAddresses: ips(1), ports: [{ port: 80 }] }] }, ""],
    ["one", { subsets: [{ addresses: ips(1), ports: [{ port: 80 }] }] }, "10.0.0.1:80"],
    ["without ports", { subsets: [{ addresses: ips(2) }] }, "10.0.0.1,10.0.0.2"],
    ["IPv6", { subsets: [{ addresses: [{ ip: "fd00::1" }], ports: [{ port: 80 }] }] }, "[fd00::1]:80"],
    [
      "more than three",
      {
        subsets: [
          {
            addresses: ips(2),
            ports: [
              { name: "a", port: 80 },
              { name: "b", port: 81 },
            ],
          },
          { addresses: ips(1) },
        ],
      },
      "10.0.0.1:80,10.0.0.2:80,10.0.0.1:81 + 2 more...",
    ],
  ])("%s", (_what, json, cell) => {
    expect(row(endpoints, json)).toEqual(["web", cell, "24h"]);
  });
});

describe("Endpoints", () => {
  it.each<readonly [string, object, readonly string[]]>([
    ["that are fine", { addresses: [{ ip: "10.0.0.1", nodeName: "n" }], ports: [{ port: 80 }] }, []],
    [
      "of nobody",
      { ports: [{ port: 80 }] },
      ["subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`"],
    ],
    [
      "at no address",
      { addresses: [{ ip: "x" }] },
      ['subsets[0].addresses[0].ip: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'],
    ],
    [
      "at a link-local address",
      { notReadyAddresses: [{ ip: "169.254.1.1" }] },
      [
        'subsets[0].notReadyAddresses[0].ip: Invalid value: "169.254.1.1": may not be in the link-local range (169.254.0.0/16, fe80::/10)',
      ],
    ],
    [
      "with ports without names",
      { addresses: ips(1), ports: [{ port: 80 }, { port: 0, name: "b", protocol: "X" }] },
      [
        "subsets[0].ports[0].name: Required value",
        "subsets[0].ports[1].port: Invalid value: 0: must be between 1 and 65535, inclusive",
        'subsets[0].ports[1].protocol: Unsupported value: "X": supported values: "SCTP", "TCP", "UDP"',
      ],
    ],
  ])("%s", (_what, subset, errors) => {
    expect(texts(endpoints.validate(make(endpoints, { subsets: [subset] })))).toEqual(errors);
  });
});

const slice = (json: object = {}) => ({
  addressType: "IPv4",
  endpoints: [{ addresses: ["10.0.0.1"] }],
  ports: [{ name: "http", port: 80 }],
  ...json,
});

describe("an EndpointSlice", () => {
  it("writes empty lists as null, and fills in names and protocols of ports", () => {
    expect(make(endpointSlices, { addressType: "IPv4" })).toMatchObject({ endpoints: null, ports: null });
    expect(make(endpointSlices, slice({ ports: [{}] })).ports).toEqual([{ name: "", protocol: "TCP" }]);
  });

  it.each<readonly [string, object, readonly string[]]>([
    ["that is fine", slice(), []],
    ["without a type", slice({ addressType: "", endpoints: [] }), ["addressType: Required value"]],
    [
      "of a type that is none",
      slice({ addressType: "IPv5" }),
      ['addressType: Unsupported value: "IPv5": supported values: "FQDN", "IPv4", "IPv6"'],
    ],
    [
      "with an endpoint at no address",
      slice({ endpoints: [{}] }),
      ["endpoints[0].addresses: Required value: must contain at least 1 address"],
    ],
    [
      "with an address of the other family",
      slice({ endpoints: [{ addresses: ["fd00::1"] }] }),
      ['endpoints[0].addresses[0]: Invalid value: "fd00::1": must be a valid IPv4 address'],
    ],
    [
      "with too many endpoints",
      slice({ endpoints: Array.from({ length: 1001 }, () => ({ addresses: ["10.0.0.1"] })) }),
      ["endpoints: Too many: 1001: must have at most 1000 items"],
    ],
    [
      "with two ports of one name",
      slice({ ports: [{ name: "a" }, { name: "a" }] }),
      ['ports[1].name: Duplicate value: "a"'],
    ],
    [
      "with a hint twice",
      slice({ endpoints: [{ addresses: ["10.0.0.1"], hints: { forZones: [{ name: "a" }, { name: "a" }] } }] }),
      ['endpoints[0].hints.forZones[1].name: Duplicate value: "a"'],
    ],
  ])("%s", (_what, json, errors) => {
    expect(texts(endpointSlices.validate(make(endpointSlices, json)))).toEqual(errors);
  });

  it("keeps its type, and counts its changes", () => {
    const old = endpointSlices.prepareForCreate(make(endpointSlices, slice()));
    expect(old.metadata.generation).toBe(1);
    const same = endpointSlices.prepareForUpdate(make(endpointSlices, slice()), old);
    expect(same.metadata.generation).toBe(1);
    const other = endpointSlices.prepareForUpdate(make(endpointSlices, slice({ addressType: "IPv6" })), old);
    expect(other.metadata.generation).toBe(2);
    expect(texts(endpointSlices.validateUpdate(other, old))).toEqual([
      'addressType: Invalid value: "IPv6": field is immutable',
    ]);
  });

  it.each<readonly [string, object, readonly string[]]>([
    ["plain", slice(), ["IPv4", "80", "10.0.0.1"]],
    ["of nothing", { addressType: "IPv4" }, ["IPv4", "<unset>", "<unset>"]],
    ["of all ports", slice({ ports: [{ name: "any" }] }), ["IPv4", "any", "10.0.0.1"]],
    [
      "of many",
      slice({ endpoints: ["1", "2", "3", "4", "5"].map((last) => ({ addresses: [`10.0.0.${last}`] })) }),
      ["IPv4", "80", "10.0.0.1,10.0.0.2,10.0.0.3 + 2 more..."],
    ],
  ])("has a row: %s", (_what, json, cells) => {
    expect(row(endpointSlices, json)).toEqual(["web", ...cells, "24h"]);
  });
});
