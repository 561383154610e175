import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { scaledCountRoundedUp } from "../../src/core/int-or-percent.ts";

describe("scaledCountRoundedUp", () => {
  it.each<readonly [string, number | string, number, number]>([
    ["a number stays as it is", 3, 2, 3],
    ["half of 2 is 1", "50%", 2, 1],
    ["half of 3 is rounded up to 2", "50%", 3, 2],
    ["a hundredth of 1 is rounded up to 1", "1%", 1, 1],
    ["a quarter of 10 is rounded up to 3", "25%", 10, 3],
    ["all of 7 are 7", "100%", 7, 7],
    ["nothing of 10 is 0", "0%", 10, 0],
    ["a share of nothing is 0", "50%", 0, 0],
    ["text that is no share counts as 0", "many", 10, 0],
    ["a number as text is no share", "5", 10, 0],
    ["a share with a fraction is none", "1.5%", 10, 0],
  ])("%s", (_rule, value, total, count) => {
    expect(scaledCountRoundedUp(value, total)).toBe(count);
  });

  it("lies less than one above the exact share, for fleets of any size", () => {
    fc.assert(
      fc.property(fc.nat(100), fc.nat(1_000_000), (percent, total) => {
        const count = scaledCountRoundedUp(`${percent}%`, total);
        expect(count * 100).toBeGreaterThanOrEqual(percent * total);
        expect((count - 1) * 100).toBeLessThan(Math.max(percent * total, 1));
      }),
    );
  });
});
