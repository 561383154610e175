import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { bucketCount, bucketOf, bucketsOf, shardOf } from "../../src/core/buckets.ts";
import { fnv1a32, generatedName, nameSuffix, safeEncode } from "../../src/core/hash.ts";

describe("fnv1a32", () => {
  // From the test vectors published with the algorithm, and of hash/fnv for text beyond ASCII.
  it.each<readonly [string, number]>([
    ["", 0x811c9dc5],
    ["a", 0xe40c292c],
    ["foobar", 0xbf9cf968],
  ])("of %j is as published", (text, hash) => {
    expect(fnv1a32(text)).toBe(hash);
  });

  it("hashes the bytes of the UTF-8 form", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        let hash = 0x811c9dc5;
        for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
        expect(fnv1a32(text)).toBe(hash);
      }),
    );
  });

  it("goes on from an earlier hash", () => {
    expect(fnv1a32("bar", fnv1a32("foo"))).toBe(fnv1a32("foobar"));
  });
});

describe("generated names", () => {
  it("are of upstream's alphabet, which spells no words", () => {
    expect(safeEncode(1_234_567_890)).toBe("56789bcdf4");
    expect(nameSuffix(() => 0)).toBe("bbbbb");
    expect(nameSuffix((below) => below - 1)).toBe("99999");
  });

  it("are cut so that the whole fits a label", () => {
    const name = generatedName(`${"x".repeat(100)}-`, "bcdfg");
    expect([name.length, name.endsWith("bcdfg")]).toEqual([63, true]);
    expect(generatedName("web-", "bcdfg")).toBe("web-bcdfg");
  });
});

describe("shards", () => {
  it("are ranges of buckets that cover all of them once, however many there are", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: bucketCount }), (shards) => {
        let next = 0;
        for (let shard = 0; shard < shards; shard += 1) {
          const { first, last } = bucketsOf(shard, shards);
          expect(first).toBe(next);
          expect([shardOf(first, shards), shardOf(last, shards)]).toEqual([shard, shard]);
          next = last + 1;
        }
        expect(next).toBe(bucketCount);
      }),
      { numRuns: 30 },
    );
  });

  it("never move a node to another bucket: it is stored with it", () => {
    expect(["edge-1", "edge-2", "a.very.long.name.example.com"].map(bucketOf)).toEqual([
      bucketOf("edge-1"),
      bucketOf("edge-2"),
      bucketOf("a.very.long.name.example.com"),
    ]);
  });

  it("take about equal shares of a fleet", () => {
    const sizes = new Array<number>(8).fill(0);
    for (let index = 0; index < 8_000; index += 1) {
      const shard = shardOf(bucketOf(`node-${index}`), 8);
      sizes[shard] = (sizes[shard] ?? 0) + 1;
    }
    for (const size of sizes) expect(Math.abs(size - 1_000)).toBeLessThan(150);
  });
});
