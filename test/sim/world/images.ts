// Images of the simulated registry: how a container behaves is in the name of its image.
import type { FakeBehaviour, FakeScript } from "../../../agents/node/runtime/fake-script.ts";

/** In the order of how much trouble they are. */
const traits = ["good", "slow", "late", "crash", "unready", "missing"] as const;
export type Trait = (typeof traits)[number];

const behaviours: Readonly<Record<Trait, Partial<FakeBehaviour>>> = {
  good: { sandboxMs: 50, pullMs: 400, startMs: 100, stopMs: 300 },
  slow: { sandboxMs: 300, pullMs: 25_000, startMs: 1_500, stopMs: 6_000 },
  late: { pullMs: 300, startMs: 50, stopMs: 100, readyAfterMs: 7_000 },
  crash: { pullMs: 200, startMs: 50, exitAfterMs: 1_500, exitCode: 3 },
  unready: { pullMs: 200, startMs: 50, ready: false },
  missing: { pullError: "not found" },
};

export function imageOf(trait: Trait, version: number): string {
  return `registry.example/${trait}:v${version}`;
}

function traitOf(image: string): Trait {
  return traits.find((trait) => image.startsWith(`registry.example/${trait}:`)) ?? "good";
}

/** Whether containers of it become ready and stay so. */
export function isHealthy(image: string): boolean {
  const trait = traitOf(image);
  return trait === "good" || trait === "slow" || trait === "late";
}

export const behaviourOfImage: FakeScript = (image) => behaviours[traitOf(image)];
