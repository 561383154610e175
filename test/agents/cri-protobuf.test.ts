// The codec of the CRI's messages, against bytes that others have written and against itself.
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { percentDecoded } from "../../agents/node/runtime/cri/grpc.ts";
import type { Of } from "../../agents/node/runtime/cri/protobuf.ts";
import { decode, encode, message } from "../../agents/node/runtime/cri/protobuf.ts";

const Inner = message({ text: [1, "string"], number: [2, "int"] });
const Everything = message({
  text: [1, "string"],
  bytes: [2, "bytes"],
  flag: [3, "bool"],
  number: [4, "int"],
  texts: [5, "strings"],
  numbers: [6, "ints"],
  labels: [7, "map"],
  inner: [8, Inner],
  inners: [16, [Inner]],
});

const text = fc.string({ unit: "grapheme" });
const number = fc.oneof(fc.maxSafeInteger(), fc.integer(), fc.nat(300));
const inner = fc.record({ text, number });
const everything: fc.Arbitrary<Of<typeof Everything>> = fc.record({
  text,
  bytes: fc.uint8Array().map((bytes) => Buffer.from(bytes)),
  flag: fc.boolean(),
  number,
  texts: fc.array(text),
  numbers: fc.array(number),
  labels: fc.dictionary(text, text, { noNullPrototype: true }),
  inner: fc.option(inner, { nil: undefined }),
  inners: fc.array(inner),
});

const Nothing = message({});
const Later = message({ ...Everything.fields, added: [100, "string"], more: [101, [Inner]], count: [102, "int"] });

describe("a message", () => {
  test("is the same after it was written and read", () => {
    fc.assert(
      fc.property(everything, (value) => {
        expect(decode(Everything, encode(Everything, value))).toEqual(value);
      }),
    );
  });

  test("of a later version is read without what is new in it", () => {
    fc.assert(
      fc.property(everything, inner, (value, more) => {
        const bytes = encode(Later, { ...value, added: "new", more: [more], count: -1 });
        expect(decode(Everything, bytes)).toEqual(value);
        expect(decode(Nothing, bytes)).toEqual({});
      }),
    );
  });

  test("that is cut off or is none at all is refused or read, and breaks nothing", () => {
    fc.assert(
      fc.property(everything, fc.double({ min: 0, max: 1, noNaN: true }), (value, share) => {
        const bytes = encode(Everything, value);
        const cut = bytes.subarray(0, Math.floor(bytes.length * share));
        try {
          decode(Everything, cut);
        } catch (error) {
          expect(String(error)).toMatch(/^Error: a (message|number|text|field)/);
        }
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        try {
          decode(Everything, Buffer.from(bytes));
        } catch (error) {
          expect(String(error)).toMatch(/^Error: a (message|number|text|field)/);
        }
      }),
    );
  });

  test.each([
    ["an integer", { number: 150 }, "209601"],
    ["a negative integer", { number: -1 }, "20ffffffffffffffffff01"],
    ["a time in nanoseconds", { number: 1_700_000_000_000_000_000 }, "208080a8b1e39fe7cb17"],
    ["a text", { text: "testing" }, "0a0774657374696e67"],
    ["packed numbers", { numbers: [3, 270, 86_942] }, "3206038e029ea705"],
    ["a field number beyond 15", { inners: [{ text: "a" }] }, "8201030a0161"],
    ["nothing but defaults", { text: "", number: 0, flag: false, texts: [], labels: {} }, ""],
    ["an entry of a map", { labels: { a: "b" } }, "3a060a0161120162"],
    ["an empty text in a list", { texts: [""] }, "2a00"],
  ])("%s has the bytes that protobuf gives it", (_, value, hex) => {
    expect(encode(Everything, value).toString("hex")).toBe(hex);
    expect(decode(Everything, Buffer.from(hex, "hex"))).toMatchObject(value);
  });

  test("is read where a list of numbers comes unpacked, and where the last one of several counts", () => {
    expect(decode(Everything, Buffer.from("3003308e02", "hex")).numbers).toEqual([3, 270]);
    expect(decode(Everything, Buffer.from("20012002", "hex")).number).toBe(2);
  });

  test("takes every name as the key of a map", () => {
    const labels = JSON.parse('{"__proto__":"x","constructor":"y"}') as Record<string, string>;
    const read = decode(Everything, encode(Everything, { labels })).labels;
    expect(Object.entries(read)).toEqual([
      ["__proto__", "x"],
      ["constructor", "y"],
    ]);
  });
});

test.each([
  ["plain", "plain"],
  ["100%25 of %E2%82%AC", "100% of €"],
  ["a lone % and %zz", "a lone % and %zz"],
])("the message %j of a server means %j", (sent, meant) => {
  expect(percentDecoded(sent)).toBe(meant);
});
