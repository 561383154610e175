// `lares agent hold`: "not now", with or without an agent to hear it.
import { join } from "node:path";

import { Hold } from "../hold.ts";
import type { HoldRequest } from "../host/agent-status.ts";
import { HoldFile } from "../host/hold-file.ts";
import { askAgent } from "./local-agent.ts";
import type { CommandCode } from "./output.ts";
import { CommandError, commandCodes, durationText, say } from "./output.ts";

export async function hold(stateDirectory: string, asked: HoldRequest): Promise<CommandCode> {
  const answer = await askAgent(stateDirectory, "/hold", asked);
  if (!answer.ok && answer.isRunning) throw new CommandError(`the agent does not answer: ${answer.message}`);
  if (!answer.ok) {
    // It counts from now, and the agent finds it when it starts.
    const kept = new Hold(new HoldFile(join(stateDirectory, "hold")), { setTimer: () => () => {} });
    if ("release" in asked) kept.release();
    else kept.begin(asked.reason, asked.forMs);
  }
  if ("release" in asked) say("released");
  else say(`held for ${durationText(asked.forMs)}: ${asked.reason}`);
  if (!answer.ok) say("no agent runs here: the next one will know");
  return commandCodes.done;
}
