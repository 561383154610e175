import { describe, expect, test } from "vitest";

import type { BackOff } from "../../agents/node/pod/back-off.ts";
import { durationText, heldOffUntilMs, nextBackOff, preciseDurationText } from "../../agents/node/pod/back-off.ts";

const minuteMs = 60_000;

describe("back-off", () => {
  test("doubles from ten seconds to five minutes", () => {
    const delays: number[] = [];
    let backOff: BackOff | undefined;
    let nowMs = 0;
    for (let crash = 0; crash < 8; crash++) {
      const endedAtMs = nowMs + 1000;
      nowMs = Math.max(endedAtMs, heldOffUntilMs(backOff, endedAtMs));
      backOff = nextBackOff(backOff, endedAtMs, nowMs);
      delays.push(backOff.delayMs / 1000);
    }
    expect(delays).toEqual([10, 20, 40, 80, 160, 300, 300, 300]);
  });

  test.each([
    ["nothing was held", undefined, 0, 0],
    ["an end right after the start", { delayMs: 20_000, updatedAtMs: 0 }, 1000, 21_000],
    ["an end after nine minutes", { delayMs: 20_000, updatedAtMs: 0 }, 9 * minuteMs, 9 * minuteMs + 20_000],
    ["an end after more than ten minutes", { delayMs: 300_000, updatedAtMs: 0 }, 10 * minuteMs + 1, 0],
  ])("for %s", (_, backOff, endedAtMs, untilMs) => {
    expect(heldOffUntilMs(backOff, endedAtMs)).toBe(untilMs);
  });

  test("starts afresh after ten quiet minutes", () => {
    const held = { delayMs: 300_000, updatedAtMs: 0 };
    expect(nextBackOff(held, 11 * minuteMs, 11 * minuteMs)).toEqual({ delayMs: 10_000, updatedAtMs: 11 * minuteMs });
  });

  test.each([
    [10_000, "10s"],
    [40_000, "40s"],
    [80_000, "1m20s"],
    [160_000, "2m40s"],
    [300_000, "5m0s"],
    [3_661_000, "1h1m1s"],
  ])("of %i ms reads %s", (durationMs, text) => {
    expect(durationText(durationMs)).toBe(text);
  });
});

test.each([
  [0, "0s"],
  [250.7, "250ms"],
  [1000, "1s"],
  [1500, "1.5s"],
  [12_345, "12.345s"],
  [60_020, "1m0.02s"],
  [3_723_004, "1h2m3.004s"],
])("%d milliseconds are %s to the millisecond", (ms, text) => {
  expect(preciseDurationText(ms)).toBe(text);
});
