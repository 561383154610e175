import { expect, it } from "vitest";

import { canonicalQuantity, compareQuantities, quantityMilli, quantityUnits } from "../../src/model/quantity.ts";

it.each([
  ["fractions become milli", "0.5", "500m"],
  ["milli collapses to units", "1000m", "1"],
  ["binary suffixes grow", "1024Mi", "1Gi"],
  ["binary fractions become whole smaller units", "1.5Gi", "1536Mi"],
  ["an inexact binary fraction is written decimally", "0.1Gi", "107374182400m"],
  ["decimal units grow by thousands", "1500000", "1500k"],
  ["numbers no suffix divides stay plain", "12345678901", "12345678901"],
  ["exponents stay exponents", "1E3", "1e3"],
  ["small binary amounts are plain numbers", "0.5Ki", "512"],
  ["negative amounts keep their sign", "-1Ki", "-1Ki"],
  ["zero is zero whatever its unit", "0Gi", "0"],
])("canonicalQuantity: %s", (_rule, given, canonical) => {
  expect(canonicalQuantity(given)).toBe(canonical);
});

it.each(["abc", "", "1.2.3", "1Xi", "--1", "1e", `1${"0".repeat(80)}`])("canonicalQuantity refuses %j", (given) => {
  expect(canonicalQuantity(given)).toBeNull();
});

it("compares by worth, not by spelling", () => {
  expect(compareQuantities("1Gi", "1024Mi")).toBe(0);
  expect(compareQuantities("1G", "1Gi")).toBeLessThan(0);
  expect(quantityMilli("1.5")).toBe(1500);
  expect(quantityUnits("1Ki")).toBe(1024);
});
