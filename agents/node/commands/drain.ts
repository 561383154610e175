// `lares agent drain`: no more work for this node, and what another node can run goes there. Daemons stay, as kubectl
// leaves them: they belong to the machine.
import type { NodeAnswer } from "../../../src/sync/messages.ts";
import { askNode } from "./node-request.ts";
import type { CommandCode } from "./output.ts";
import { CommandError, commandCodes, durationText, say } from "./output.ts";
import type { Identity } from "./settings.ts";

export type DrainOptions = {
  readonly identity: Identity;
  readonly authorityFile: string;
  readonly timeoutMs: number;
};

const againMs = 2000;

export async function drain({ identity, authorityFile, timeoutMs }: DrainOptions): Promise<CommandCode> {
  const endAtMs = performance.now() + timeoutMs;
  const told = new Set<string>();
  for (;;) {
    const result = await askNode(identity, "drain", authorityFile);
    if (!result.ok) throw new CommandError(`cannot drain node ${identity.node}: ${result.message}`);
    const left = (result.answer.pods ?? []).filter(({ state }) => state !== "stays");
    tell(result.answer.pods ?? [], told);
    if (left.length === 0) break;
    if (performance.now() > endAtMs) {
      throw new CommandError(
        `${left.length} pods are still here after ${durationText(timeoutMs)}`,
        commandCodes.waiting,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, againMs));
  }
  say(`node ${identity.node} takes no more work; lares agent drain --undo lets it again`);
  return commandCodes.done;
}

function tell(pods: NonNullable<NodeAnswer["pods"]>, told: Set<string>): void {
  const texts = { stays: "stays: it is of this machine", ending: "ends", blocked: "cannot go now" } as const;
  for (const { namespace, name, state, message } of pods) {
    const line = `pod ${namespace}/${name} ${texts[state]}${message === undefined ? "" : `: ${message}`}`;
    if (!told.has(line)) say(line);
    told.add(line);
  }
}

export async function undoDrain({ identity, authorityFile }: Omit<DrainOptions, "timeoutMs">): Promise<CommandCode> {
  const result = await askNode(identity, "uncordon", authorityFile);
  if (!result.ok) throw new CommandError(`cannot let node ${identity.node} work again: ${result.message}`);
  say(`node ${identity.node} takes work again`);
  return commandCodes.done;
}
