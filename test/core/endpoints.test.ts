import fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { Placed, ServiceFacts, Slice } from "../../src/core/endpoints.ts";
import { endpointOf, endpointSubsets, endpointsPerSlice, placeEndpoints, selects } from "../../src/core/endpoints.ts";
import type { Changes } from "../model/objects.ts";
import { pod } from "../model/objects.ts";

const service: ServiceFacts = {
  namespace: "default",
  name: "web",
  uid: "s",
  labels: {},
  selector: { app: "web" },
  ports: [{ name: "http", protocol: "TCP", port: 80, targetPort: "http" }],
  publishNotReady: false,
  headless: false,
};

const ready = [{ type: "Ready", status: "True" }];
const plain: Changes = {
  "metadata.uid": "p",
  "spec.nodeName": "n",
  "spec.containers[0].ports": [{ name: "http", containerPort: 8080 }],
  status: { phase: "Running", podIP: "10.0.0.1", conditions: ready },
};

function placed(changes: Changes = {}, facts: Partial<ServiceFacts> = {}): Placed | null {
  return endpointOf({ ...service, ...facts }, pod({ ...plain, ...changes }));
}

it("a selector picks pods that have all its labels", () => {
  expect(selects(service, { app: "web", tier: "front" })).toBe(true);
  expect(selects(service, { app: "other" })).toBe(false);
  expect(selects(service, undefined)).toBe(false);
});

describe("the endpoint of a pod", () => {
  it("has its address, its node and its port", () => {
    expect(placed()).toEqual({
      endpoint: {
        addresses: ["10.0.0.1"],
        conditions: { ready: true, serving: true, terminating: false },
        targetRef: { kind: "Pod", namespace: "default", name: "web", uid: "p" },
        nodeName: "n",
      },
      ports: [{ name: "http", protocol: "TCP", port: 8080 }],
    });
  });

  it.each<readonly [string, Changes, Partial<ServiceFacts>, object]>([
    [
      "that is not ready",
      { status: { phase: "Running", podIP: "10.0.0.1" } },
      {},
      { ready: false, serving: false, terminating: false },
    ],
    [
      "that is not ready, of a Service that wants all",
      { status: { phase: "Running", podIP: "10.0.0.1" } },
      { publishNotReady: true },
      { ready: true, serving: false, terminating: false },
    ],
    [
      "that is ending",
      { "metadata.deletionTimestamp": "2026-01-01T00:00:00Z" },
      {},
      { ready: false, serving: true, terminating: true },
    ],
  ])("%s", (_what, changes, facts, conditions) => {
    expect(placed(changes, facts)?.endpoint.conditions).toEqual(conditions);
  });

  it.each<readonly [string, Changes]>([
    ["without an address", { status: { phase: "Running", conditions: ready } }],
    ["that has failed", { status: { phase: "Failed", podIP: "10.0.0.1" } }],
    ["that is done", { status: { phase: "Succeeded", podIP: "10.0.0.1" } }],
  ])("%s is none", (_what, changes) => {
    expect(placed(changes)).toBeNull();
  });

  it("leaves out a port that the pod has not, and takes a number as it is", () => {
    const ports = [
      { name: "a", protocol: "TCP", port: 80, targetPort: "nope" },
      { name: "b", protocol: "UDP", port: 53, targetPort: 5353, appProtocol: "dns" },
    ];
    expect(placed({}, { ports })?.ports).toEqual([{ name: "b", protocol: "UDP", port: 5353, appProtocol: "dns" }]);
  });

  it("has a name of its own if the pod's subdomain is the Service", () => {
    expect(placed({ "spec.hostname": "one", "spec.subdomain": "web" })?.endpoint.hostname).toBe("one");
    expect(placed({ "spec.hostname": "one", "spec.subdomain": "db" })?.endpoint.hostname).toBeUndefined();
  });
});

function numbered(index: number, port = 80, isReady = true): Placed {
  return {
    endpoint: {
      addresses: [`10.0.${Math.floor(index / 250)}.${1 + (index % 250)}`],
      conditions: { ready: isReady, serving: isReady, terminating: false },
      targetRef: { kind: "Pod", uid: `p${index}` },
    },
    ports: [{ name: "", protocol: "TCP", port }],
  };
}

function namer(): () => string {
  let made = 0;
  return () => {
    made += 1;
    return `web-${made}-${Math.random()}`;
  };
}

const place = (before: readonly Slice[], changes: Iterable<readonly [string, Placed | null]>) =>
  placeEndpoints(before, new Map(changes), namer());

const all = (count: number) => Array.from({ length: count }, (_, index) => [`p${index}`, numbered(index)] as const);

describe("slices", () => {
  it("hold a hundred endpoints each", () => {
    const { slices, changed } = place([], all(250));
    expect(slices.map(({ endpoints }) => endpoints.length)).toEqual([100, 100, 50]);
    expect(changed.size).toBe(3);
  });

  it("change only where a pod has changed", () => {
    const { slices } = place([], all(10_000));
    const changes = [["p4242", numbered(4242, 80, false)]] as const;
    const plan = place(slices, changes);
    expect(plan.changed.size).toBe(1);
    expect(plan.removed.size).toBe(0);
    expect(plan.slices.filter(({ name }) => !plan.changed.has(name))).toEqual(
      slices.filter(({ name }) => !plan.changed.has(name)),
    );
  });

  it("take a new endpoint where another has just gone", () => {
    const { slices } = place([], all(300));
    const plan = place(slices, [
      ["p5", null],
      ["p900", numbered(900)],
    ]);
    expect(plan.changed.size).toBe(1);
    expect(plan.slices.map(({ endpoints }) => endpoints.length)).toEqual([100, 100, 100]);
  });

  it("part endpoints with different ports", () => {
    const { slices } = place([], [...all(2), ["q", numbered(7, 81)]]);
    expect(slices.map(({ ports, endpoints }) => [ports[0]?.port, endpoints.length])).toEqual([
      [80, 2],
      [81, 1],
    ]);
  });

  it("are one of nothing where there is nothing, and go when they are empty beside others", () => {
    const none = place([], []);
    expect(none.slices.map(({ ports, endpoints }) => [ports, endpoints])).toEqual([[[], []]]);
    expect(none.changed.size).toBe(1);
    expect(place(none.slices, []).changed.size).toBe(0);
    const filled = place(none.slices, all(1));
    expect(filled.slices.map(({ name }) => name)).toEqual(none.slices.map(({ name }) => name));
    const emptied = place(filled.slices, [["p0", null]]);
    expect(emptied.slices).toEqual(none.slices);
    const two = place([], all(101));
    expect(place(two.slices, [["p100", null]]).removed.size).toBe(1);
  });
});

describe("whatever happens", () => {
  const change = fc.tuple(
    fc.nat(400).map((index) => `p${index}`),
    fc.option(fc.tuple(fc.nat(400), fc.constantFrom(80, 81), fc.boolean()), { freq: 3 }),
  );
  const rounds = fc.array(fc.array(change, { maxLength: 300 }), { minLength: 1, maxLength: 5 });

  it("no endpoint is lost or doubled, no slice is too full, and again changes nothing", () => {
    fc.assert(
      fc.property(rounds, (given) => {
        const newName = namer();
        let slices: readonly Slice[] = [];
        const expected = new Map<string, Placed>();
        for (const round of given) {
          const changes = new Map(
            round.map(([uid, to]) => {
              if (to === null) return [uid, null] as const;
              const made = numbered(to[0], to[1], to[2]);
              const targetRef = { kind: "Pod", uid };
              return [uid, { ...made, endpoint: { ...made.endpoint, targetRef } }] as const;
            }),
          );
          const plan = placeEndpoints(slices, changes, newName);
          const again = placeEndpoints(plan.slices, changes, newName);
          expect([again.changed.size, again.removed.size]).toEqual([0, 0]);
          for (const [uid, to] of changes) {
            if (to === null) expected.delete(uid);
            else expected.set(uid, to);
          }
          const untouched = plan.slices.filter(({ name }) => !plan.changed.has(name));
          for (const slice of untouched) expect(slices).toContainEqual(slice);
          slices = plan.slices;
          for (const { endpoints } of slices) expect(endpoints.length).toBeLessThanOrEqual(endpointsPerSlice);
          const found = slices.flatMap(({ ports, endpoints }) =>
            endpoints.map((endpoint) => [endpoint.targetRef?.uid ?? "", { endpoint, ports }] as const),
          );
          expect(found.length).toBe(expected.size);
          expect(new Map(found)).toEqual(expected);
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe("Endpoints", () => {
  it("group addresses by ports, ready and not, and leave out those that are ending", () => {
    const ending = numbered(3, 80, false);
    const slices = place(
      [],
      [
        ...all(2),
        ["p2", numbered(2, 80, false)],
        [
          "p3",
          {
            ...ending,
            endpoint: { ...ending.endpoint, conditions: { ...ending.endpoint.conditions, terminating: true } },
          },
        ],
      ],
    ).slices;
    const { subsets, isTruncated } = endpointSubsets(slices);
    expect(isTruncated).toBe(false);
    expect(subsets).toHaveLength(1);
    expect(subsets[0]?.addresses?.map(({ ip }) => ip)).toEqual(["10.0.0.1", "10.0.0.2"]);
    expect(subsets[0]?.notReadyAddresses?.map(({ ip }) => ip)).toEqual(["10.0.0.3"]);
    expect(subsets[0]?.ports).toEqual([{ port: 80, protocol: "TCP" }]);
  });

  it("are a thousand at most, the ready ones first", () => {
    const slices = place(
      [],
      [
        ...Array.from({ length: 600 }, (_, index) => [`q${index}`, numbered(index, 80, false)] as const),
        ...Array.from({ length: 700 }, (_, index) => [`r${index}`, numbered(600 + index)] as const),
      ],
    ).slices;
    const { subsets, isTruncated } = endpointSubsets(slices);
    expect(isTruncated).toBe(true);
    expect(subsets[0]?.addresses).toHaveLength(700);
    expect(subsets[0]?.notReadyAddresses).toHaveLength(300);
  });
});
