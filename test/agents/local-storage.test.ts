// Which pods have more on the disk than they may have.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { definitionOf } from "../../agents/node/pod/definition.ts";
import type { DiskUse } from "../../agents/node/runtime/runtime.ts";
import type { PodDisk } from "../../agents/node/upkeep/disk-use.ts";
import { nothingOnDisk } from "../../agents/node/upkeep/disk-use.ts";
import { limitsOf, podLimitOf, storageExcess } from "../../agents/node/upkeep/local-storage.ts";
import type { PodSpec } from "../../src/model/pod-spec.ts";
import { container, template } from "./support/pods.ts";

const kibi = 1024;
const limited = (name: string, limit?: string, fields: object = {}) =>
  container({ name, ...fields, resources: limit === undefined ? {} : { limits: { "ephemeral-storage": limit } } });
const uses = (kibibytes: Readonly<Record<string, number>>): ReadonlyMap<string, DiskUse> =>
  new Map(Object.entries(kibibytes).map(([name, size]) => [name, { bytes: size * kibi, inodes: 1 }]));
const volume = (name: string, kibibytes: number, isOnDisk = true) => ({
  name,
  isOnDisk,
  bytes: kibibytes * kibi,
  inodes: 1,
});

const one: Partial<PodSpec> = { containers: [limited("a", "10Ki"), container({ name: "b" })] };
const two: Partial<PodSpec> = { containers: [limited("a", "10Ki"), limited("b", "20Ki")] };
const cache: Partial<PodSpec> = { volumes: [{ name: "cache", emptyDir: { sizeLimit: "10Ki" } }] };

describe("storageExcess", () => {
  it.each<readonly [rule: string, spec: Partial<PodSpec>, disk: Partial<PodDisk>, message: string | null]>([
    ["nothing limits who has no limit", {}, { layers: uses({ main: 1_000_000 }) }, null],
    ["as much as the limit is allowed", two, { layers: uses({ a: 6 }), logs: uses({ a: 4 }) }, null],
    [
      "a container's layer and logs count together",
      two,
      { layers: uses({ a: 6 }), logs: uses({ a: 5 }) },
      'Container a exceeded its local ephemeral storage limit "10Ki". ',
    ],
    [
      "what a container without a limit has counts for the pod",
      one,
      { layers: uses({ b: 11 }) },
      "Pod ephemeral local storage usage exceeds the total limit of containers 10Ki. ",
    ],
    [
      "so do volumes on the disk, beside their own limits",
      two,
      { logs: uses({ a: 1 }), volumes: [volume("x", 30)] },
      "Pod ephemeral local storage usage exceeds the total limit of containers 30Ki. ",
    ],
    ["and none in memory", two, { volumes: [volume("x", 100, false)] }, null],
    [
      "a volume's own limit comes first",
      { ...cache, ...two },
      { volumes: [volume("cache", 100)] },
      'Usage of EmptyDir volume "cache" exceeds the limit "10Ki". ',
    ],
    [
      "also in memory",
      cache,
      { volumes: [volume("cache", 11, false)] },
      'Usage of EmptyDir volume "cache" exceeds the limit "10Ki". ',
    ],
    ["a volume may have its limit", cache, { volumes: [volume("cache", 10)] }, null],
    ["a limit of nothing is none", { containers: [limited("a", "0")] }, {}, null],
  ])("%s", (_rule, spec, disk, message) => {
    const definition = definitionOf(template(spec));
    expect(storageExcess(definition, { ...nothingOnDisk, ...disk }, { hasImageDisk: false })).toBe(message);
  });

  it("leaves layers out that lie on the disk of images, but for the pod as a whole", () => {
    const disk = { ...nothingOnDisk, layers: uses({ a: 25 }) };
    const excess = (hasImageDisk: boolean) => storageExcess(definitionOf(template(two)), disk, { hasImageDisk });
    expect(excess(false)).toMatch(/^Container a /);
    expect(excess(true)).toBeNull();
  });

  it("tells nothing of who keeps within each limit, and something of everybody else", () => {
    const anyUse = fc.record({ a: fc.nat(20), b: fc.nat(40), logs: fc.nat(20), cache: fc.nat(20) });
    fc.assert(
      fc.property(anyUse, (use) => {
        const disk = {
          layers: uses({ a: use.a, b: use.b }),
          logs: uses({ a: use.logs }),
          volumes: [volume("cache", use.cache)],
        };
        const isOver =
          use.cache > 10 || use.a + use.logs > 10 || use.b > 20 || use.a + use.b + use.logs + use.cache > 30;
        const definition = definitionOf(template({ ...cache, ...two }));
        expect(storageExcess(definition, disk, { hasImageDisk: false }) !== null).toBe(isOver);
      }),
    );
  });
});

describe("podLimitOf", () => {
  it.each<readonly [rule: string, spec: Partial<PodSpec>, limit: string | undefined]>([
    ["none", {}, undefined],
    ["the sum", two, "30Ki"],
    ["or what an init container may have, if that is more", { ...two, initContainers: [limited("i", "1Mi")] }, "1Mi"],
    [
      "with the sidecars before it",
      { ...two, initContainers: [limited("s", "1Mi", { restartPolicy: "Always" }), limited("i", "1Mi")] },
      "2Mi",
    ],
    [
      "which run beside the others",
      { ...two, initContainers: [limited("s", "1Ki", { restartPolicy: "Always" })] },
      "31Ki",
    ],
    ["and what its runtime takes", { ...one, overhead: { "ephemeral-storage": "1Ki" } }, "11Ki"],
  ])("%s", (_rule, spec, limit) => expect(podLimitOf(definitionOf(template(spec)))).toBe(limit));
});

it("says what has to be measured", () => {
  const limits = (spec: Partial<PodSpec>) => limitsOf(definitionOf(template(spec)));
  expect(limits({ volumes: [{ name: "v", emptyDir: {} }] })).toEqual({ volumes: false, all: false });
  expect(limits(cache)).toEqual({ volumes: true, all: false });
  expect(limits(one)).toEqual({ volumes: false, all: true });
});
