import { describe, expect, it } from "vitest";
import { plantedBugs } from "./planted-bugs.ts";
import { loadCode, migrations } from "./platform/bundle.ts";
import { runSeed } from "./run/run-seed.ts";
import { swarmOf } from "./world/swarm.ts";

const sql = await migrations();
/** Twice what the best hidden of them takes. */
const mostSeeds = 80;

describe("the simulator finds that", () => {
  it.each(plantedBugs)("$name", async (bug) => {
    const code = await loadCode(bug);
    const found: string[] = [];
    for (let seed = 1; seed <= mostSeeds; seed += 1) {
      const { breach } = await runSeed({
        swarm: { ...swarmOf(seed), ...bug.swarm },
        code,
        migrations: sql,
        print: null,
      });
      if (breach === null) continue;
      if (bug.breaks.some((id) => id === breach.rule)) return;
      found.push(`seed ${seed} breaks ${breach.rule}: ${breach.what}`);
    }
    expect.fail(`none of ${mostSeeds} seeds breaks ${bug.breaks.join(" or ")}; ${found.join("; ")}`);
  });
});

it("a planted bug whose text is gone is not taken for one that was not found", async () => {
  const bug = { file: "src/core/rollout.ts", find: "no such text", replace: "" };
  await expect(loadCode(bug)).rejects.toThrow(/planted bug's text must be in src\/core\/rollout\.ts once/);
});

it("nor is one whose file is gone", async () => {
  const bug = { file: "src/core/no-such-file.ts", find: "a", replace: "b" };
  await expect(loadCode(bug)).rejects.toThrow(/planted bug's file src\/core\/no-such-file\.ts is not part/);
});
