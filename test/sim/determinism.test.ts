import { expect, it } from "vitest";
import { loadCode, migrations } from "./platform/bundle.ts";
import { runSeed } from "./run/run-seed.ts";
import { swarmOf } from "./world/swarm.ts";

const [code, sql] = await Promise.all([loadCode(), migrations()]);

async function traceOf(seed: number): Promise<string> {
  return (await runSeed({ swarm: swarmOf(seed), code, migrations: sql, print: null })).hash;
}

it("a seed tells the same story each time, whatever ran before it", async () => {
  const seeds = [3, 4, 5, 6];
  const once: string[] = [];
  for (const seed of seeds) once.push(await traceOf(seed));
  const again: string[] = [];
  for (const seed of seeds.toReversed()) again.unshift(await traceOf(seed));
  expect(again).toEqual(once);
  expect(new Set(once).size).toBe(seeds.length);
});
