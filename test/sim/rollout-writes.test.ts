import { expect, it } from "vitest";
import { noFaults } from "./engine/faults.ts";
import { loadCode, migrations } from "./platform/bundle.ts";
import { runSeed } from "./run/run-seed.ts";
import { isHealthy } from "./world/images.ts";
import type { Swarm } from "./world/swarm.ts";
import { swarmOf } from "./world/swarm.ts";

const [code, sql] = await Promise.all([loadCode(), migrations()]);

const calm: Partial<Swarm> = {
  nodes: 30,
  sets: 1,
  rates: noFaults,
  troubleEveryMs: null,
  deeds: [],
  informers: 0,
  recovery: "whole",
};

it.each([1, 2, 3, 4])("L3: without faults a rollout writes six rows for each node at most, seed %i", async (seed) => {
  const writes: number[] = [];
  const { breach } = await runSeed({
    swarm: { ...swarmOf(seed), ...calm },
    code,
    migrations: sql,
    print: null,
    inspect: ({ judge }) => {
      // Those of an image that does not work are written as often as it fails.
      const nodes = judge.history.entries.flatMap(({ subject }) =>
        subject.kind === "pod" && isHealthy(subject.pod.image) ? [subject.pod.node] : [],
      );
      for (const { length } of Map.groupBy(nodes, (node) => node).values()) writes.push(length);
    },
  });
  expect(breach).toBe(null);
  expect(writes.length).toBeGreaterThan(0);
  expect(Math.max(...writes)).toBeLessThanOrEqual(6);
});
