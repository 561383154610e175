// What a node is short of, and for how long it has been: what its conditions tell, and because of what pods have to go.
// Source: pkg/kubelet/eviction eviction_manager.go synchronize.
import type { Clock } from "../ports.ts";
import type { EvictionOptions, Readings, Signal, Threshold } from "./thresholds.ts";
import { thresholdsMet } from "./thresholds.ts";

export type Pressure = "memory" | "disk" | "pids";

const pressureOf: Readonly<Record<Signal, Pressure>> = {
  "memory.available": "memory",
  "nodefs.available": "disk",
  "nodefs.inodesFree": "disk",
  "imagefs.available": "disk",
  "imagefs.inodesFree": "disk",
  "pid.available": "pids",
};

/** Thresholds are known by themselves: there is one object for each. */
export type Shortages = {
  /** Since when each threshold has been met, or has not been recovered from. */
  readonly sinceMs: ReadonlyMap<Threshold, number>;
  /** Those because of which pods have to go, the most pressing first. */
  readonly due: readonly Threshold[];
  readonly lastMs: ReadonlyMap<Pressure, number>;
};

export const noShortages: Shortages = { sinceMs: new Map(), due: [], lastMs: new Map() };

/** What the readings make of what was known. `nowMs` never jumps. */
export function withReadings(
  before: Shortages,
  readings: Readings,
  { thresholds, nowMs }: { readonly thresholds: readonly Threshold[]; readonly nowMs: number },
): Shortages {
  const met = new Set(thresholdsMet(thresholds, readings, { andReclaim: false }));
  for (const threshold of thresholdsMet(before.due, readings, { andReclaim: true })) met.add(threshold);
  const standing = thresholds.filter((threshold) => met.has(threshold));
  const sinceMs = new Map(standing.map((threshold) => [threshold, before.sinceMs.get(threshold) ?? nowMs]));
  const pressures = standing.map(({ signal }) => [pressureOf[signal], nowMs] as const);
  return {
    sinceMs,
    due: standing.filter((threshold) => nowMs - (sinceMs.get(threshold) ?? nowMs) >= threshold.graceMs),
    lastMs: new Map([...before.lastMs, ...pressures]),
  };
}

/** Those that the node tells of: a grace period says nothing about them, and they last for a while. */
export function pressuresOf({ lastMs }: Shortages, transitionMs: number, nowMs: number): ReadonlySet<Pressure> {
  const standing = [...lastMs].filter(([, atMs]) => atMs === nowMs || nowMs - atMs < transitionMs);
  return new Set(standing.map(([pressure]) => pressure));
}

export type PressureParts = {
  readonly options: EvictionOptions;
  readonly clock: Pick<Clock, "monotonicMs">;
  /** What the machine has left. */
  readonly readings: () => Readings;
};

/** Remembers between one look and the next. It may be looked at by several, in any rhythm. */
export class PressureWatch {
  readonly options: EvictionOptions;
  readonly #parts: PressureParts;
  #shortages = noShortages;

  constructor(parts: PressureParts) {
    this.options = parts.options;
    this.#parts = parts;
  }

  look(): {
    readonly readings: Readings;
    readonly due: readonly Threshold[];
    readonly pressures: ReadonlySet<Pressure>;
  } {
    const { clock, options } = this.#parts;
    const nowMs = clock.monotonicMs();
    const readings = this.#parts.readings();
    this.#shortages = withReadings(this.#shortages, readings, { thresholds: options.thresholds, nowMs });
    const pressures = pressuresOf(this.#shortages, options.transitionMs, nowMs);
    return { readings, due: this.#shortages.due, pressures };
  }

  /** Whether there is enough of everything again, also of what was to be won back. Pods need not go then. */
  isRelieved(): boolean {
    return thresholdsMet(this.options.thresholds, this.#parts.readings(), { andReclaim: true }).length === 0;
  }
}
