import { expect, it } from "vitest";

import {
  base64Problem,
  base64Size,
  canonicalBase64,
  decodeBase64,
  encodeBase64,
  textToBase64,
} from "../../src/model/base64.ts";
import { semanticEqual } from "../../src/model/equality.ts";
import { utf8Length, utf8Text } from "../../src/model/utf8.ts";

it.each<readonly [string, unknown, unknown, boolean]>([
  ["absent and null are one", { a: null }, {}, true],
  ["absent and the empty list are one", { a: [] }, {}, true],
  ["absent and an empty struct are not", { a: {} }, {}, false],
  ["order of keys does not matter", { a: 1, b: 2 }, { b: 2, a: 1 }, true],
  ["order of elements does", [1, 2], [2, 1], false],
  ["one side has more", { a: 1 }, { a: 1, b: 0 }, false],
  ["a list is no object", { a: [] }, { a: {} }, false],
  ["what objects inherit is no field", { constructor: 1 }, {}, false],
])("semanticEqual: %s", (_rule, a, b, equal) => {
  expect(semanticEqual(a, b)).toBe(equal);
  expect(semanticEqual(b, a)).toBe(equal);
});

it.each(["", "a", "ab", "abc", "\u00fc\u20ac\u{1f600}", "\ud800"])("base64 of %j is what Node says", (value) => {
  const encoded = Buffer.from(value).toString("base64");
  expect(textToBase64(value)).toBe(encoded);
  expect(base64Problem(encoded)).toBeNull();
  expect(base64Size(encoded)).toBe(Buffer.from(value).length);
  expect(utf8Length(value)).toBe(Buffer.from(value).length);
  expect(encodeBase64(decodeBase64(encoded))).toBe(encoded);
  expect(canonicalBase64(encoded)).toBe(encoded);
  expect(utf8Text(decodeBase64(encoded))).toBe(Buffer.from(value).toString());
});
