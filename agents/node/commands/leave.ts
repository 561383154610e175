// `lares agent leave`: the machine is no node any more. Its pods end, its Node goes, and its credential opens nothing.
import { rmSync } from "node:fs";
import { join } from "node:path";

import { choiceFile } from "../runtime/choose.ts";
import { askAgent, startingAgent } from "./local-agent.ts";
import { askNode } from "./node-request.ts";
import type { CommandCode } from "./output.ts";
import { CommandError, commandCodes, durationText, say } from "./output.ts";
import type { Places } from "./places.ts";
import type { Identity } from "./settings.ts";
import { stopAgent } from "./start.ts";
import { uninstall } from "./uninstall.ts";

export type LeaveOptions = {
  readonly places: Places;
  readonly identity: Identity;
  readonly authorityFile: string;
  /** Leave though the control plane cannot be told, or pods do not end. */
  readonly force: boolean;
  /** Nothing of the agent stays on the machine. */
  readonly purge: boolean;
  readonly timeoutMs: number;
};

const lookEveryMs = 500;
/** What the next agent must not find. The lock is its holder's, and the runtime's records go with their pods. */
const forgotten = ["credential", "credential-waiting", "assignment.a", "assignment.b", "memory.a", "memory.b", "hold"];

export async function leave(options: LeaveOptions): Promise<CommandCode> {
  const { places, identity, authorityFile, force, purge } = options;
  const agent = await askAgent(places.state, "/status");
  if (!agent.ok && !force) {
    // It alone knows how to end its pods in good order.
    const starting = startingAgent(places.state);
    if (starting !== null) throw new CommandError(`${starting}; or leave with --force`, commandCodes.waiting);
    throw new CommandError("no agent runs here to end the pods: start it, or leave with --force", commandCodes.absent);
  }
  // Somebody who leaves does not want to be held.
  if (agent.ok && agent.status.hold !== undefined) await askAgent(places.state, "/hold", { release: true });
  const left = await askNode(identity, "leave", authorityFile);
  if (!left.ok && !left.isRefused && !force) {
    throw new CommandError(
      `the control plane cannot be told: ${left.message}; leave with --force, and delete the Node by kubectl`,
    );
  }
  const haveEnded = agent.ok && (await haveAllEnded(options));
  await stopAgent(places);
  const over = await askNode(identity, "forget", authorityFile);
  for (const name of forgotten) rmSync(join(places.state, name), { force: true });
  // Where pods may run on it is still known in what.
  if (haveEnded) rmSync(choiceFile(places.state), { force: true });
  rmSync(places.joinToken, { force: true });
  const isTold = left.ok && over.ok;
  say(isTold ? `node ${identity.node} has left ${identity.server}` : `node ${identity.node} has left without a word`);
  if (purge) await uninstall(places);
  return commandCodes.done;
}

/** Of a machine that never came to join, or was not let in. */
export async function leaveUnjoined(places: Places): Promise<CommandCode> {
  await stopAgent(places);
  say("this machine has not joined: there is nothing to leave");
  await uninstall(places);
  return commandCodes.done;
}

/** Waits for it; false: nobody knows any more, or they did not within the time and are left with --force. */
async function haveAllEnded({ places, force, timeoutMs }: LeaveOptions): Promise<boolean> {
  const endAtMs = performance.now() + timeoutMs;
  let told = -1;
  for (;;) {
    const answer = await askAgent(places.state, "/status");
    // An agent that is gone ends no more pods.
    if (!answer.ok) return false;
    const { pods, isRegistered } = answer.status;
    if (pods.length === 0 && !isRegistered) return true;
    if (pods.length !== told && pods.length > 0) say(`${pods.length} pods are ending`);
    told = pods.length;
    if (performance.now() > endAtMs) {
      if (force) return false;
      throw new CommandError(
        `${pods.length} pods are still here after ${durationText(timeoutMs)}`,
        commandCodes.waiting,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
  }
}
