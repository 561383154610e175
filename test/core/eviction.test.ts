import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { Stay } from "../../src/core/eviction.ts";
import { stayOnTaintedNode } from "../../src/core/eviction.ts";
import type { Taint, Toleration } from "../../src/core/tolerations.ts";
import { daemonPodTolerations } from "../../src/core/tolerations.ts";

const bad: Taint = { key: "bad", effect: "NoExecute" };
const worse: Taint = { key: "worse", effect: "NoExecute" };

function tolerating(key: string, tolerationSeconds?: number): Toleration {
  return {
    key,
    operator: "Exists",
    effect: "NoExecute",
    ...(tolerationSeconds === undefined ? {} : { tolerationSeconds }),
  };
}

describe("stayOnTaintedNode", () => {
  it.each<readonly [string, readonly Taint[], readonly Toleration[], Stay]>([
    ["without taints a pod stays", [], [], "stays"],
    ["NoSchedule drives nobody away", [{ key: "bad", effect: "NoSchedule" }], [], "stays"],
    ["an untolerated taint drives away now", [bad], [], 0],
    ["one untolerated taint among tolerated ones is enough", [bad, worse], [tolerating("bad")], 0],
    ["a toleration without a time lets stay for ever", [bad], [tolerating("bad")], "stays"],
    ["a toleration with a time lets stay as long", [bad], [tolerating("bad", 300)], 300_000],
    ["of several times the shortest counts", [bad, worse], [tolerating("bad", 300), tolerating("worse", 60)], 60_000],
    [
      "of several tolerations of one taint the shortest time counts",
      [bad],
      [tolerating("bad"), tolerating("bad", 60)],
      60_000,
    ],
    ["a toleration that is not used does not count", [bad], [tolerating("bad", 300), tolerating("worse", 1)], 300_000],
    ["a time of 0 is now", [bad], [tolerating("bad", 0)], 0],
    ["a time below 0 is now", [bad], [tolerating("bad", -5)], 0],
    [
      "daemon pods stay on nodes that are not ready or not heard",
      [
        { key: "node.kubernetes.io/not-ready", effect: "NoExecute" },
        { key: "node.kubernetes.io/unreachable", effect: "NoExecute" },
      ],
      daemonPodTolerations([], false),
      "stays",
    ],
    ["daemon pods leave for any other taint", [bad], daemonPodTolerations([], false), 0],
  ])("%s", (_rule, taints, tolerations, stay) => {
    expect(stayOnTaintedNode(taints, tolerations)).toBe(stay);
  });

  it("never lets stay longer for a taint more", () => {
    const taints = fc.array(fc.constantFrom(bad, worse), { maxLength: 3 });
    const tolerations = fc.array(
      fc
        .tuple(fc.constantFrom("bad", "worse"), fc.option(fc.nat(600), { nil: undefined }))
        .map(([key, seconds]) => tolerating(key, seconds)),
      { maxLength: 4 },
    );
    const length = (stay: Stay) => (stay === "stays" ? Number.POSITIVE_INFINITY : stay);
    fc.assert(
      fc.property(taints, tolerations, (given, tolerated) => {
        const stay = length(stayOnTaintedNode(given, tolerated));
        expect(length(stayOnTaintedNode([...given, worse], tolerated))).toBeLessThanOrEqual(stay);
      }),
    );
  });
});
