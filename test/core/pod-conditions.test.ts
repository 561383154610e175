import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { reportedPodStatus } from "../../src/core/pod-conditions.ts";

const before = "2026-06-01T11:00:00Z";
const now = "2026-06-01T12:00:00Z";
const device = "1970-01-01T00:00:05Z";

function condition(type: string, status: string, lastTransitionTime: string | null = before) {
  return { type, status, lastTransitionTime };
}

describe("reportedPodStatus", () => {
  it("dates the first report by the control plane's clock", () => {
    const reported = { phase: "Running", conditions: [condition("Ready", "True", device)] };
    expect(reportedPodStatus(null, reported, now)).toEqual({
      phase: "Running",
      conditions: [condition("Ready", "True", now)],
    });
  });

  it("dates a transition by the control plane's clock, and only a transition", () => {
    const stored = { conditions: [condition("Ready", "False"), condition("Initialized", "True")] };
    const reported = { conditions: [condition("Ready", "True", device), condition("Initialized", "True", device)] };
    expect(reportedPodStatus(stored, reported, now).conditions).toEqual([
      condition("Ready", "True", now),
      condition("Initialized", "True", before),
    ]);
  });

  it("keeps conditions that the agent does not know of", () => {
    const stored = { conditions: [condition("DisruptionTarget", "True"), condition("Ready", "True")] };
    const reported = { conditions: [condition("Ready", "True", device)] };
    expect(reportedPodStatus(stored, reported, now).conditions).toEqual([
      condition("Ready", "True"),
      condition("DisruptionTarget", "True"),
    ]);
  });

  it("keeps conditions when the agent reports none", () => {
    expect(reportedPodStatus({ conditions: [condition("PodScheduled", "True")] }, {}, now)).toEqual({
      conditions: [condition("PodScheduled", "True")],
    });
  });

  it("changes nothing when the same report comes again", () => {
    const conditions = fc.uniqueArray(
      fc.record({ type: fc.constantFrom("Ready", "Initialized", "X"), status: fc.constantFrom("True", "False") }),
      { selector: ({ type }) => type },
    );
    fc.assert(
      fc.property(conditions, conditions, (stored, reported) => {
        const once = reportedPodStatus({ conditions: stored }, { conditions: reported }, before);
        expect(reportedPodStatus(once, { conditions: reported }, now)).toEqual(once);
      }),
    );
  });
});
