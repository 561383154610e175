import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { type Service, services } from "../../src/model/service.ts";
import { drawnAddress, isServiceAddress } from "../../src/model/service-addresses.ts";
import type { Changes, JsonObject } from "./objects.ts";
import { changed, decoded, texts } from "./objects.ts";

const nowMs = Date.UTC(2026, 0, 2);
const uid = "3d1e4c3a-8a55-4b8c-9d0e-1f2a3b4c5d6e";

const plain: JsonObject = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "web", namespace: "default", uid, creationTimestamp: "2026-01-01T00:00:00Z" },
  spec: { selector: { app: "web" }, ports: [{ port: 80 }] },
};

function service(changes: Changes = {}): Service {
  return decoded(services, changed(plain, changes));
}

function created(changes: Changes = {}): Service {
  return services.prepareForCreate(service(changes));
}

function errors(changes: Changes): readonly string[] {
  return texts(services.validate(created(changes)));
}

describe("a new Service", () => {
  it("is given an address of the range, its family and all defaults", () => {
    const { spec, status } = created();
    expect(spec.clusterIP).toBe(drawnAddress(uid, 0));
    expect(isServiceAddress(spec.clusterIP ?? "")).toBe(true);
    expect(JSON.parse(JSON.stringify(spec))).toEqual({
      ports: [{ port: 80, protocol: "TCP", targetPort: 80 }],
      selector: { app: "web" },
      clusterIP: spec.clusterIP,
      clusterIPs: [spec.clusterIP],
      type: "ClusterIP",
      sessionAffinity: "None",
      ipFamilies: ["IPv4"],
      ipFamilyPolicy: "SingleStack",
      internalTrafficPolicy: "Cluster",
    });
    expect(status).toEqual({ loadBalancer: {} });
  });

  it.each<readonly [string, Changes, object]>([
    ["keeps the address asked for", { "spec.clusterIP": "10.96.0.10" }, { clusterIPs: ["10.96.0.10"] }],
    ["may have none", { "spec.clusterIP": "None" }, { clusterIPs: ["None"], ipFamilies: ["IPv4"] }],
    [
      "without address and selector is of both families",
      { "spec.clusterIP": "None", "spec.selector": undefined },
      { clusterIPs: ["None"], ipFamilies: ["IPv4", "IPv6"], ipFamilyPolicy: "RequireDualStack" },
    ],
    [
      "that is a mere name has no address",
      { "spec.type": "ExternalName", "spec.externalName": "example.com" },
      { type: "ExternalName", externalName: "example.com" },
    ],
    [
      "remembers clients for three hours",
      { "spec.sessionAffinity": "ClientIP" },
      { sessionAffinityConfig: { clientIP: { timeoutSeconds: 10_800 } } },
    ],
    [
      "may want a load balancer",
      { "spec.type": "LoadBalancer" },
      { externalTrafficPolicy: "Cluster", allocateLoadBalancerNodePorts: true },
    ],
    ["takes a pod's port by name", { "spec.ports[0].targetPort": "http" }, { ports: [{ targetPort: "http" }] }],
  ])("%s", (_what, changes, spec) => {
    const made = created(changes);
    expect(made.spec).toMatchObject(spec);
    expect(texts(services.validate(made))).toEqual([]);
  });
});

it("a new Service that is a mere name has no address, no family and no policy", () => {
  const { spec } = created({ "spec.type": "ExternalName", "spec.externalName": "example.com" });
  const absent = [spec.clusterIP, spec.clusterIPs, spec.ipFamilies, spec.ipFamilyPolicy, spec.internalTrafficPolicy];
  expect(absent).toEqual(absent.map(() => undefined));
});

describe("validation", () => {
  it.each<readonly [string, Changes, readonly string[]]>([
    ["without ports", { "spec.ports": undefined }, ["spec.ports: Required value"]],
    ["headless, without ports", { "spec.ports": undefined, "spec.clusterIP": "None" }, []],
    [
      "two ports without names",
      { "spec.ports": [{ port: 80 }, { port: 81 }] },
      ["spec.ports[0].name: Required value", "spec.ports[1].name: Required value"],
    ],
    [
      "two ports of one name",
      {
        "spec.ports": [
          { name: "a", port: 80 },
          { name: "a", port: 81 },
        ],
      },
      ['spec.ports[1].name: Duplicate value: "a"'],
    ],
    [
      "the same port twice",
      {
        "spec.ports": [
          { name: "a", port: 80 },
          { name: "b", port: 80 },
        ],
      },
      [
        'spec.ports[1]: Duplicate value: {"Name":"","Protocol":"TCP","AppProtocol":null,"Port":80,"TargetPort":0,"NodePort":0}',
      ],
    ],
    [
      "a port that is none",
      { "spec.ports[0].port": 70_000 },
      [
        "spec.ports[0].port: Invalid value: 70000: must be between 1 and 65535, inclusive",
        "spec.ports[0].targetPort: Invalid value: 70000: must be between 1 and 65535, inclusive",
      ],
    ],
    [
      "a protocol that is none",
      { "spec.ports[0].protocol": "HTTP" },
      ['spec.ports[0].protocol: Unsupported value: "HTTP": supported values: "SCTP", "TCP", "UDP"'],
    ],
    [
      "a name that begins with a digit",
      { "metadata.name": "1web" },
      [
        "metadata.name: Invalid value: \"1web\": a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')",
      ],
    ],
    [
      "a type that is none",
      { "spec.type": "Balloon" },
      [
        'spec.type: Unsupported value: "Balloon": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"',
      ],
    ],
    [
      "ports of the nodes",
      { "spec.type": "NodePort" },
      [
        'spec.type: Invalid value: "NodePort": no ports are opened on the nodes of this cluster; use ClusterIP, or give the containers a hostPort',
      ],
    ],
    [
      "a node's port without the type",
      { "spec.ports[0].nodePort": 30_000 },
      ["spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"],
    ],
    [
      "an address of elsewhere",
      { "spec.clusterIP": "10.1.2.3" },
      [
        'spec.clusterIPs: Invalid value: ["10.1.2.3"]: failed to allocate IP 10.1.2.3: provided IP is not in the valid range. The range of valid IPs is 10.96.0.0/12',
      ],
    ],
    [
      "an address that is none",
      { "spec.clusterIP": "ten" },
      ['spec.clusterIPs[0]: Invalid value: "ten": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'],
    ],
    [
      "two addresses that differ",
      { "spec.clusterIP": "10.96.0.10", "spec.clusterIPs": ["10.96.0.11"] },
      ['spec.clusterIPs: Invalid value: ["10.96.0.11"]: first value must match `clusterIP`'],
    ],
    [
      "None and more",
      { "spec.clusterIP": "None", "spec.clusterIPs": ["None", "10.96.0.11"] },
      ['spec.clusterIPs: Invalid value: ["None","10.96.0.11"]: \'None\' must be the first and only value'],
    ],
    [
      "a family that is not here",
      { "spec.ipFamilies": ["IPv6"] },
      ['spec.ipFamilies[0]: Invalid value: "IPv6": not configured on this cluster'],
    ],
    [
      "both families",
      { "spec.ipFamilyPolicy": "RequireDualStack" },
      [
        'spec.ipFamilyPolicy: Invalid value: "RequireDualStack": this cluster is not configured for dual-stack services',
      ],
    ],
    ["a name for a name that is no name", { "spec.type": "ExternalName" }, ["spec.externalName: Required value"]],
    [
      "an address for what is a mere name",
      { "spec.type": "ExternalName", "spec.externalName": "example.com.", "spec.clusterIP": "10.96.0.10" },
      ["spec.clusterIPs: Forbidden: may not be set for ExternalName services"],
    ],
    [
      "clients remembered for longer than a day",
      { "spec.sessionAffinity": "ClientIP", "spec.sessionAffinityConfig.clientIP.timeoutSeconds": 86_401 },
      [
        "spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 86401: must be greater than 0 and less than 86400",
      ],
    ],
    [
      "an affinity that is none",
      { "spec.sessionAffinity": "Cookie" },
      ['spec.sessionAffinity: Unsupported value: "Cookie": supported values: "ClientIP", "None"'],
    ],
    [
      "an outer address that is the host's own",
      { "spec.externalIPs": ["127.0.0.1"] },
      ['spec.externalIPs[0]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)'],
    ],
    [
      "a policy for traffic that does not come",
      { "spec.externalTrafficPolicy": "Local" },
      ['spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services'],
    ],
    [
      "a policy that is none",
      { "spec.internalTrafficPolicy": "Near" },
      ['spec.internalTrafficPolicy: Unsupported value: "Near": supported values: "Cluster", "Local"'],
    ],
    [
      "what is for load balancers alone",
      { "spec.loadBalancerClass": "example.com/lb", "spec.loadBalancerSourceRanges": ["10.0.0.0/8"] },
      [
        "spec.LoadBalancerSourceRanges: Forbidden: may only be used when `type` is 'LoadBalancer'",
        "spec.loadBalancerClass: Forbidden: may only be used when `type` is 'LoadBalancer'",
      ],
    ],
    [
      "a load balancer without an address",
      { "spec.type": "LoadBalancer", "spec.clusterIP": "None" },
      ["spec.clusterIPs[0]: Invalid value: \"None\": may not be set to 'None' for LoadBalancer services"],
    ],
  ])("%s", (_what, changes, expected) => {
    expect(errors(changes)).toEqual(expected);
  });
});

describe("an update", () => {
  const old = created();

  function update(changes: Changes, from = old) {
    const after = services.prepareForUpdate(service(changes), from);
    return { after, errors: texts([...services.validateUpdate(after, from), ...services.validate(after)]) };
  }

  it("keeps the address and the families that it does not speak of", () => {
    const { after, errors } = update({ "spec.selector.tier": "front" });
    expect(after.spec).toMatchObject({ clusterIP: old.spec.clusterIP, clusterIPs: old.spec.clusterIPs });
    expect(after.spec).toMatchObject({ ipFamilies: ["IPv4"], ipFamilyPolicy: "SingleStack" });
    expect(errors).toEqual([]);
  });

  it.each<readonly [string, string]>([
    ["another address", "10.96.0.10"],
    ["no address", "None"],
  ])("cannot ask for %s", (_what, address) => {
    expect(update({ "spec.clusterIP": address }).errors).toEqual([
      `spec.clusterIPs[0]: Invalid value: ["${address}"]: may not change once set`,
    ]);
  });

  it("to a mere name gives the address back, and back again draws one", () => {
    const named = update({ "spec.type": "ExternalName", "spec.externalName": "example.com" });
    expect(named.errors).toEqual([]);
    expect(named.after.spec.clusterIP).toBeUndefined();
    expect(named.after.spec.clusterIPs).toBeUndefined();
    const back = update({}, named.after);
    expect(back.errors).toEqual([]);
    expect(back.after.spec.clusterIP).toBe(drawnAddress(uid, 0));
  });

  it("away from a load balancer drops what only such have, and its places", () => {
    const balanced = created({ "spec.type": "LoadBalancer" });
    const placed = { ...balanced, status: { loadBalancer: { ingress: [{ ip: "192.0.2.1", ipMode: "VIP" }] } } };
    const change = { ...service(), spec: { ...balanced.spec, type: "ClusterIP" } };
    const after = services.prepareForUpdate(change, placed);
    expect(texts([...services.validateUpdate(after, placed), ...services.validate(after)])).toEqual([]);
    expect(after.spec.allocateLoadBalancerNodePorts).toBeUndefined();
    expect(after.status).toEqual({ loadBalancer: {} });
  });
});

describe("the status", () => {
  const place = (ingress: object, type = "LoadBalancer") => {
    const before = created({ "spec.type": type });
    const after = services.prepareForStatusUpdate(
      service({ "spec.type": type, status: { loadBalancer: { ingress: [ingress] } } }),
      before,
    );
    return { after, errors: texts(services.validateStatusUpdate(after, before)) };
  };

  it("has the places of a load balancer, and how traffic arrives from there", () => {
    const { after, errors } = place({ ip: "192.0.2.1" });
    expect(after.status.loadBalancer.ingress).toEqual([{ ip: "192.0.2.1", ipMode: "VIP" }]);
    expect(errors).toEqual([]);
  });

  it.each<readonly [string, object, string, string]>([
    [
      "of another type",
      { ip: "192.0.2.1" },
      "ClusterIP",
      "status.loadBalancer.ingress: Forbidden: may only be used when `spec.type` is 'LoadBalancer'",
    ],
    [
      "an address for a name",
      { hostname: "192.0.2.1" },
      "LoadBalancer",
      'status.loadBalancer.ingress[0].hostname: Invalid value: "192.0.2.1": must be a DNS name, not an IP address',
    ],
    [
      "a way without an address",
      { ipMode: "VIP", hostname: "a.b" },
      "LoadBalancer",
      "status.loadBalancer.ingress[0].ipMode: Forbidden: may not be specified when `ip` is not set",
    ],
  ])("refuses %s", (_what, ingress, type, error) => {
    expect(place(ingress, type).errors).toEqual([error]);
  });
});

describe("a row", () => {
  const row = (changes: Changes, status: object = {}) => {
    const object = { ...created(changes), ...status };
    return services.columns.map(({ cell }) => cell(object, nowMs));
  };

  it.each<readonly [string, Changes, readonly unknown[]]>([
    ["plain", { "spec.clusterIP": "10.96.0.10" }, ["ClusterIP", "10.96.0.10", "<none>", "80/TCP"]],
    ["headless", { "spec.clusterIP": "None", "spec.ports": undefined }, ["ClusterIP", "None", "<none>", "<none>"]],
    [
      "with outer addresses",
      { "spec.clusterIP": "10.96.0.10", "spec.externalIPs": ["192.0.2.1", "192.0.2.2"] },
      ["ClusterIP", "10.96.0.10", "192.0.2.1,192.0.2.2", "80/TCP"],
    ],
    [
      "waiting for a load balancer",
      { "spec.type": "LoadBalancer", "spec.clusterIP": "10.96.0.10" },
      ["LoadBalancer", "10.96.0.10", "<pending>", "80/TCP"],
    ],
    [
      "a mere name",
      { "spec.type": "ExternalName", "spec.externalName": "example.com", "spec.ports": undefined },
      ["ExternalName", "<none>", "example.com", "<none>"],
    ],
  ])("%s", (_what, changes, cells) => {
    expect(row(changes)).toEqual(["web", ...cells, "24h", "app=web"]);
  });

  it("shows where a load balancer is", () => {
    const ingress = [{ hostname: "b.example.com" }, { ip: "192.0.2.1" }];
    expect(row({ "spec.type": "LoadBalancer" }, { status: { loadBalancer: { ingress } } })[3]).toBe(
      "192.0.2.1,b.example.com",
    );
  });
});

it("every address that is drawn is one that Services may have, and the next try draws another", () => {
  fc.assert(
    fc.property(fc.uuid(), fc.nat(30), (uid, tries) => {
      const address = drawnAddress(uid, tries);
      expect(isServiceAddress(address)).toBe(true);
      expect(address).not.toBe("10.96.0.1");
    }),
  );
});
