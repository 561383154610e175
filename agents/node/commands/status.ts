// `lares agent status`: how the agent of this machine is.
import type { AgentStatus } from "../host/agent-status.ts";
import { askAgent, startingAgent } from "./local-agent.ts";
import type { CommandCode } from "./output.ts";
import { bytesText, CommandError, commandCodes, durationText, say } from "./output.ts";

export async function status(stateDirectory: string, isJson: boolean): Promise<CommandCode> {
  const answer = await askAgent(stateDirectory, "/status");
  if (!answer.ok && !answer.isRunning) {
    const starting = startingAgent(stateDirectory);
    if (starting !== null) throw new CommandError(starting, commandCodes.waiting);
    throw new CommandError(`no agent runs here (${stateDirectory})`, commandCodes.absent);
  }
  if (!answer.ok) throw new CommandError(`the agent does not answer: ${answer.message}`);
  if (isJson) say(JSON.stringify(answer.status, null, 2));
  else for (const line of statusLines(answer.status)) say(line);
  const { connection, isRegistered } = answer.status;
  return connection.state === "connected" && isRegistered ? commandCodes.done : commandCodes.waiting;
}

function statusLines(status: AgentStatus): readonly string[] {
  const { node, server, runtime, version, pid, runningForMs, revision, pods, hold, disks } = status;
  const live = pods.filter(({ pod }) => pod !== null);
  const ready = live.filter(({ isReady }) => isReady).length;
  return [
    `node        ${node}`,
    `agent       ${version}, process ${pid}, running for ${durationText(runningForMs)}, runtime ${runtime}`,
    `control     ${server}`,
    `            ${connectionText(status)}`,
    `assignment  revision ${revision}, ${live.length} pods, ${ready} ready`,
    ...(hold === undefined ? [] : [`held        for ${durationText(hold.remainingMs)} more: ${hold.reason}`]),
    ...disks.map(
      ({ directory, usedBytes, totalBytes, freeBytes }) =>
        `disk        ${directory}: ${bytesText(usedBytes)} of ${bytesText(totalBytes)} used, ${bytesText(freeBytes)} free`,
    ),
    ...pods.map(({ pod, phase, isReady, uid, hasEnded }) => {
      const name = pod === null ? uid : `${pod.namespace}/${pod.name}`;
      return `pod         ${name}: ${pod === null || hasEnded ? "ending" : phase}${isReady ? ", ready" : ""}`;
    }),
  ];
}

function connectionText({ connection: { state, message, forMs }, isRegistered }: AgentStatus): string {
  if (!isRegistered) return "the Node was deleted: pods end, and nothing is synced until the agent is started again";
  const duration = durationText(forMs);
  switch (state) {
    case "connected":
      return `connected for ${duration}`;
    case "connecting":
      return `connecting for ${duration}`;
    case "waiting":
      return `waiting to be let in for ${duration}: ${message}`;
    case "refused":
      return `refused for ${duration}: ${message}`;
    case "unreachable":
      return `not connected for ${duration}: ${message}`;
    default:
      return state satisfies never;
  }
}
