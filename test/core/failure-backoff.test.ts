import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { FailureBackoff } from "../../src/core/failure-backoff.ts";
import { failureBackoffUntilMs, longestFailureDelayMs, nextFailureBackoff } from "../../src/core/failure-backoff.ts";
import { nowMs } from "../support/facts.ts";

function backoff(fields: Partial<FailureBackoff> = {}): FailureBackoff {
  return { generation: 1, delayMs: 1_000, lastAtMs: nowMs, ...fields };
}

describe("failureBackoffUntilMs", () => {
  it.each<readonly [string, FailureBackoff | null, number, number | null]>([
    ["a node without failures waits for nothing", null, nowMs, null],
    ["a failure makes the next one wait", backoff(), nowMs, nowMs + 1_000],
    ["the wait is over at its end, to the millisecond", backoff(), nowMs + 1_000, null],
    ["the wait is not over before", backoff(), nowMs + 999, nowMs + 1_000],
    ["failures of an earlier generation do not count", backoff({ generation: 2 }), nowMs, null],
  ])("%s", (_rule, known, atMs, untilMs) => {
    expect(failureBackoffUntilMs(known, 1, atMs)).toBe(untilMs);
  });
});

describe("nextFailureBackoff", () => {
  it.each<readonly [string, FailureBackoff | null, number]>([
    ["the first failure makes the next wait a second", null, 1_000],
    ["each failure doubles the wait", backoff({ delayMs: 8_000 }), 16_000],
    ["the wait grows to a quarter of an hour and no further", backoff({ delayMs: 800_000 }), longestFailureDelayMs],
    ["a new generation starts over", backoff({ delayMs: 8_000, generation: 7 }), 1_000],
    [
      "failures are forgotten after half an hour without one",
      backoff({ delayMs: 8_000, lastAtMs: nowMs - 1_800_001 }),
      1_000,
    ],
    ["failures are remembered for half an hour", backoff({ delayMs: 8_000, lastAtMs: nowMs - 1_800_000 }), 16_000],
  ])("%s", (_rule, known, delayMs) => {
    expect(nextFailureBackoff(known, 1, nowMs)).toEqual({ generation: 1, delayMs, lastAtMs: nowMs });
  });

  it("never lets a node that fails for ever lose more than a pod in a quarter of an hour, in the long run", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(5_000), { minLength: 50, maxLength: 80 }), (reactionsMs) => {
        let known: FailureBackoff | null = null;
        let atMs = nowMs;
        for (const reactionMs of reactionsMs) {
          atMs = (failureBackoffUntilMs(known, 1, atMs) ?? atMs) + reactionMs;
          known = nextFailureBackoff(known, 1, atMs);
        }
        const spanMs = atMs - nowMs;
        expect(reactionsMs.length).toBeLessThan(12 + spanMs / longestFailureDelayMs);
      }),
    );
  });
});
