import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { NodeSelectorRequirement, NodeSelectorTerm } from "../../src/core/node-affinity.ts";
import { matchesNodeSelector, matchesNodeSelectorTerms } from "../../src/core/node-affinity.ts";
import { nodeFacts } from "../support/facts.ts";

const node = nodeFacts({ name: "edge-1", labels: { zone: "a", cores: "8", empty: "", odd: "8x" } });

describe("matchesNodeSelector", () => {
  it.each<readonly [string, Readonly<Record<string, string>> | undefined, boolean]>([
    ["no selector matches every node", undefined, true],
    ["an empty selector matches every node", {}, true],
    ["a pair that is there matches", { zone: "a" }, true],
    ["all pairs must be there", { zone: "a", cores: "4" }, false],
    ["an absent label is not the empty one", { missing: "" }, false],
    ["an empty value matches an empty label", { empty: "" }, true],
    ["what every object inherits is no label", { constructor: "Object" }, false],
  ])("%s", (_rule, selector, matches) => {
    expect(matchesNodeSelector(selector, node.labels)).toBe(matches);
  });
});

describe("matchesNodeSelectorTerms with one expression", () => {
  it.each<readonly [string, NodeSelectorRequirement, boolean]>([
    ["In takes a value of the list", { key: "zone", operator: "In", values: ["b", "a"] }, true],
    ["In refuses a value that is not listed", { key: "zone", operator: "In", values: ["b"] }, false],
    ["In refuses an absent label", { key: "missing", operator: "In", values: ["a"] }, false],
    ["In without values matches nothing", { key: "zone", operator: "In", values: [] }, false],
    ["NotIn refuses a listed value", { key: "zone", operator: "NotIn", values: ["a"] }, false],
    ["NotIn takes another value", { key: "zone", operator: "NotIn", values: ["b"] }, true],
    ["NotIn takes an absent label", { key: "missing", operator: "NotIn", values: ["a"] }, true],
    ["NotIn without values cannot be read", { key: "zone", operator: "NotIn", values: [] }, false],
    ["Exists takes a label with any value", { key: "empty", operator: "Exists" }, true],
    ["Exists refuses an absent label", { key: "missing", operator: "Exists" }, false],
    ["Exists with values cannot be read", { key: "zone", operator: "Exists", values: ["a"] }, false],
    ["DoesNotExist takes an absent label", { key: "missing", operator: "DoesNotExist" }, true],
    ["DoesNotExist refuses a present one", { key: "empty", operator: "DoesNotExist" }, false],
    ["DoesNotExist with values cannot be read", { key: "missing", operator: "DoesNotExist", values: ["a"] }, false],
    ["Gt compares numbers, not texts", { key: "cores", operator: "Gt", values: ["10"] }, false],
    ["Gt is strict", { key: "cores", operator: "Gt", values: ["8"] }, false],
    ["Gt takes a greater label", { key: "cores", operator: "Gt", values: ["7"] }, true],
    ["Gt takes a negative bound", { key: "cores", operator: "Gt", values: ["-1"] }, true],
    ["Lt takes a smaller label", { key: "cores", operator: "Lt", values: ["9"] }, true],
    ["Lt is strict", { key: "cores", operator: "Lt", values: ["8"] }, false],
    ["Gt refuses an absent label", { key: "missing", operator: "Gt", values: ["1"] }, false],
    ["Gt refuses a label that is no number", { key: "odd", operator: "Gt", values: ["1"] }, false],
    ["Gt refuses an empty label", { key: "empty", operator: "Gt", values: ["-1"] }, false],
    ["Gt with a bound that is no number cannot be read", { key: "cores", operator: "Gt", values: ["many"] }, false],
    [
      "Gt with a bound beyond 64 bits cannot be read",
      { key: "cores", operator: "Lt", values: [`${2n ** 63n}`] },
      false,
    ],
    ["Gt with two bounds cannot be read", { key: "cores", operator: "Gt", values: ["1", "2"] }, false],
    ["an unknown operator matches nothing", { key: "zone", operator: "Near", values: ["a"] }, false],
    ["what every object inherits is no label", { key: "toString", operator: "Exists" }, false],
  ])("%s", (_rule, expression, matches) => {
    expect(matchesNodeSelectorTerms([{ matchExpressions: [expression] }], node)).toBe(matches);
  });

  it.each<readonly [string, NodeSelectorRequirement, boolean]>([
    ["In takes the node's name", { key: "metadata.name", operator: "In", values: ["edge-1"] }, true],
    ["In refuses another name", { key: "metadata.name", operator: "In", values: ["edge-2"] }, false],
    ["NotIn refuses the node's name", { key: "metadata.name", operator: "NotIn", values: ["edge-1"] }, false],
    ["NotIn takes another name", { key: "metadata.name", operator: "NotIn", values: ["edge-2"] }, true],
    ["two names cannot be read", { key: "metadata.name", operator: "In", values: ["edge-1", "edge-2"] }, false],
    ["no other field is known", { key: "metadata.uid", operator: "In", values: ["edge-1"] }, false],
    ["no other operator is known", { key: "metadata.name", operator: "Exists", values: ["edge-1"] }, false],
  ])("of matchFields, %s", (_rule, field, matches) => {
    expect(matchesNodeSelectorTerms([{ matchFields: [field] }], node)).toBe(matches);
  });
});

describe("matchesNodeSelectorTerms", () => {
  const inZone = (zone: string): NodeSelectorRequirement => ({ key: "zone", operator: "In", values: [zone] });
  const unreadable: NodeSelectorRequirement = { key: "cores", operator: "Gt", values: ["many"] };

  it.each<readonly [string, readonly NodeSelectorTerm[], boolean]>([
    ["an empty list matches nothing", [], false],
    ["an empty term matches nothing", [{}], false],
    ["a term with empty lists matches nothing", [{ matchExpressions: [], matchFields: [] }], false],
    ["an empty term does not spoil the others", [{}, { matchExpressions: [inZone("a")] }], true],
    ["terms are alternatives", [{ matchExpressions: [inZone("b")] }, { matchExpressions: [inZone("a")] }], true],
    ["expressions of a term must all hold", [{ matchExpressions: [inZone("a"), inZone("b")] }], false],
    [
      "expressions and fields of a term must both hold",
      [
        {
          matchExpressions: [inZone("a")],
          matchFields: [{ key: "metadata.name", operator: "In", values: ["edge-2"] }],
        },
      ],
      false,
    ],
    ["a term that cannot be read does not match", [{ matchExpressions: [inZone("a"), unreadable] }], false],
    [
      "a term that cannot be read does not spoil the others",
      [{ matchExpressions: [unreadable] }, { matchExpressions: [inZone("a")] }],
      true,
    ],
  ])("%s", (_rule, terms, matches) => {
    expect(matchesNodeSelectorTerms(terms, node)).toBe(matches);
  });

  const requirement = fc.record({
    key: fc.constantFrom("zone", "cores", "missing"),
    operator: fc.constantFrom("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"),
    values: fc.array(fc.constantFrom("a", "b", "8", "9"), { maxLength: 2 }),
  });
  const term = fc.record({ matchExpressions: fc.array(requirement, { maxLength: 3 }) });

  it("does not depend on the order of terms and expressions", () => {
    fc.assert(
      fc.property(fc.array(term, { maxLength: 3 }), (terms) => {
        const backwards = terms
          .map(({ matchExpressions }) => ({ matchExpressions: matchExpressions.toReversed() }))
          .toReversed();
        expect(matchesNodeSelectorTerms(backwards, node)).toBe(matchesNodeSelectorTerms(terms, node));
      }),
    );
  });

  it("never picks fewer nodes for a term more, nor more nodes for an expression more", () => {
    fc.assert(
      fc.property(fc.array(term, { minLength: 1, maxLength: 3 }), term, requirement, (terms, extra, expression) => {
        const before = matchesNodeSelectorTerms(terms, node);
        if (before) expect(matchesNodeSelectorTerms([...terms, extra], node)).toBe(true);
        const narrower = terms.map(({ matchExpressions }) => ({ matchExpressions: [...matchExpressions, expression] }));
        const wasEmpty = terms.some(({ matchExpressions }) => matchExpressions.length === 0);
        if (!before && !wasEmpty) expect(matchesNodeSelectorTerms(narrower, node)).toBe(false);
      }),
    );
  });
});
