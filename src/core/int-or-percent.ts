// What "25%" or 3 of N comes to.
// Source: apimachinery pkg/util/intstr GetScaledValueFromIntOrPercent.

const percent = /^(\d+)%$/;

/** Absolute numbers as they are, percentages of `total` rounded up; text that is no percentage counts as 0. */
export function scaledCountRoundedUp(value: number | string, total: number): number {
  if (typeof value === "number") return value;
  const match = percent.exec(value);
  return match === null ? 0 : Math.ceil((Number(match[1]) * total) / 100);
}
