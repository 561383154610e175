// What a node must have left of each thing, and how the command line says it: in the kubelet's words.
// Source: pkg/kubelet/eviction helpers.go ParseThresholdConfig, thresholdsMet; defaults_linux.go.
import { canonicalQuantity, quantityUnits } from "../../../src/model/quantity.ts";
import { durationMs, UpkeepFlagError } from "./flags.ts";

/** In the order in which they are seen to: memory first, for what lacks it does nothing else. */
const signals = [
  "memory.available",
  "nodefs.available",
  "nodefs.inodesFree",
  "imagefs.available",
  "imagefs.inodesFree",
  "pid.available",
] as const;
export type Signal = (typeof signals)[number];

export type Reading = { readonly available: number; readonly capacity: number };
/** Signals that cannot be read are not there, and cause nothing. */
export type Readings = Readonly<Partial<Record<Signal, Reading>>>;

/** Bytes or pieces, or a share of all. */
type Amount = { readonly amount: number } | { readonly share: number };

export type Threshold = {
  readonly signal: Signal;
  /** What must be left. */
  readonly least: Amount;
  /** For how long less may be left before pods have to go. 0: not at all, which is a hard threshold. */
  readonly graceMs: number;
  /** What has to be won back beyond `least` before it is enough again. */
  readonly reclaim?: Amount;
};

export type EvictionOptions = {
  /** The most pressing first. */
  readonly thresholds: readonly Threshold[];
  /** The most that a pod is given to end for a soft threshold; negative: as much as it wants. */
  readonly maxPodGraceSeconds: number;
  /** How long a pressure that is over is still told: readings go up and down. */
  readonly transitionMs: number;
};

type Statements = ReadonlyMap<Signal, string>;

/** As they were given; absent: not at all. */
export type EvictionFlags = {
  readonly hard?: string | undefined;
  readonly soft?: string | undefined;
  readonly softGracePeriod?: string | undefined;
  readonly minimumReclaim?: string | undefined;
  readonly maxPodGracePeriod?: string | undefined;
  readonly pressureTransitionPeriod?: string | undefined;
};

const defaultHard =
  "memory.available<100Mi,nodefs.available<10%,nodefs.inodesFree<5%,imagefs.available<15%,imagefs.inodesFree<5%,pid.available<5%";

/** Throws an UpkeepFlagError. What `hard` does not name is not watched, as with a kubelet. */
export function parseEviction(flags: EvictionFlags): EvictionOptions {
  const hard = statements("--eviction-hard", flags.hard ?? defaultHard, "<");
  const soft = statements("--eviction-soft", flags.soft ?? "", "<");
  const graces = statements("--eviction-soft-grace-period", flags.softGracePeriod ?? "", "=");
  const reclaims = statements("--eviction-minimum-reclaim", flags.minimumReclaim ?? "", "=");
  const withReclaim = (threshold: Threshold): Threshold => {
    const text = reclaims.get(threshold.signal);
    const reclaim = text === undefined ? null : amountOf("--eviction-minimum-reclaim", threshold.signal, text);
    return reclaim === null ? threshold : { ...threshold, reclaim };
  };
  const hards = [...hard].flatMap(([signal, text]) => thresholdOf("--eviction-hard", { signal, text, graceMs: 0 }));
  const softs = [...soft].flatMap(([signal, text]) => {
    const period = graces.get(signal);
    if (period === undefined) {
      throw new UpkeepFlagError(`--eviction-soft: ${signal} needs a period in --eviction-soft-grace-period`);
    }
    const graceMs = durationMs("--eviction-soft-grace-period", period);
    return thresholdOf("--eviction-soft", { signal, text, graceMs });
  });
  const order = ({ signal }: Threshold) => signals.indexOf(signal);
  return {
    thresholds: [...hards, ...softs].map(withReclaim).toSorted((a, b) => order(a) - order(b)),
    maxPodGraceSeconds: wholeNumber("--eviction-max-pod-grace-period", flags.maxPodGracePeriod ?? "0"),
    transitionMs: durationMs("--eviction-pressure-transition-period", flags.pressureTransitionPeriod ?? "5m"),
  };
}

function statements(flag: string, text: string, separator: "<" | "="): Statements {
  const found = new Map<Signal, string>();
  for (const statement of text.split(",").map((one) => one.trim())) {
    if (statement === "") continue;
    const at = statement.indexOf(separator);
    const name = statement.slice(0, at).trim();
    const signal = signals.find((one) => one === name);
    if (at === -1) {
      throw new UpkeepFlagError(`${flag}: ${JSON.stringify(statement)} is no SIGNAL${separator}VALUE`);
    }
    if (signal === undefined) {
      throw new UpkeepFlagError(`${flag}: there is no signal ${JSON.stringify(name)}; ${signals.join(", ")} are`);
    }
    found.set(signal, statement.slice(at + 1).trim());
  }
  return found;
}

type Statement = { readonly signal: Signal; readonly text: string; readonly graceMs: number };

/** None for a share that says nothing. */
function thresholdOf(flag: string, { signal, text, graceMs }: Statement): readonly Threshold[] {
  if (text === "0%" || text === "100%") return [];
  return [{ signal, least: amountOf(flag, signal, text), graceMs }];
}

function amountOf(flag: string, signal: Signal, text: string): Amount {
  const percent = /^(\d+(?:\.\d+)?)%$/.exec(text)?.[1];
  if (percent !== undefined && Number(percent) <= 100) return { share: Number(percent) / 100 };
  const amount = canonicalQuantity(text) === null ? Number.NaN : quantityUnits(text);
  if (amount > 0 || (amount === 0 && flag === "--eviction-minimum-reclaim")) return { amount };
  throw new UpkeepFlagError(`${flag}: ${signal} cannot be ${JSON.stringify(text)}; "100Mi" or "10%" it can`);
}

function wholeNumber(flag: string, text: string): number {
  if (/^-?\d{1,9}$/.test(text)) return Number(text);
  throw new UpkeepFlagError(`${flag}: ${JSON.stringify(text)} is no whole number of seconds`);
}

export function amountIn(amount: Amount, { capacity }: Reading): number {
  return "amount" in amount ? amount.amount : Math.floor(capacity * amount.share);
}

/** Those of which too little is left; `andReclaim`: also those of which not enough has been won back. */
export function thresholdsMet(
  thresholds: readonly Threshold[],
  readings: Readings,
  { andReclaim }: { readonly andReclaim: boolean },
): readonly Threshold[] {
  return thresholds.filter(({ signal, least, reclaim }) => {
    const reading = readings[signal];
    if (reading === undefined || reading.capacity <= 0) return false;
    const more = andReclaim && reclaim !== undefined ? amountIn(reclaim, reading) : 0;
    return reading.available < amountIn(least, reading) + more;
  });
}
