// What the agent holds of the machine's memory where its pods are containers.
import { rmSync } from "node:fs";

import { ownDirectory } from "../test/containers/own-directory.ts";
import { AgentProgram } from "./agent-program.ts";
import type { EngineKind } from "./engine-ground.ts";
import { openGround } from "./engine-ground.ts";

/** At rest, in MiB. `engine`: Node's program. */
export async function measureWithEngine(engine: string, kind: EngineKind): Promise<number> {
  const directory = ownDirectory("memory");
  const ground = await openGround(kind, directory);
  try {
    const agent = await AgentProgram.start({ engine, runtime: ground.args, image: ground.image });
    try {
      return await agent.restMib();
    } finally {
      await agent.stop();
    }
  } finally {
    await ground.remove();
    rmSync(directory, { recursive: true, force: true });
  }
}
