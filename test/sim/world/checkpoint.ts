// How an agent's state gets to the disk of its machine: it may die on the way, and the disk may be full.
import type { Checkpoint } from "../../../agents/node/ports.ts";
import type { Actor } from "../engine/actor.ts";
import type { Crossings } from "../engine/crossing.ts";
import type { DiskContent } from "./disk.ts";
import type { Machine } from "./machine.ts";

type Parts = {
  readonly crossings: Crossings;
  readonly machine: Machine;
  readonly actor: Actor;
  /** Is told of each assignment once it is on the disk. */
  readonly saved: (assignment: string) => void;
  /** Is told when the agent is told that it is not, though it is. */
  readonly savedUnknown: () => void;
};

export function checkpointOn({ crossings, machine, actor, saved, savedUnknown }: Parts): Checkpoint {
  const write = (port: string, change: Partial<DiskContent>, done: () => void): Promise<void> =>
    crossings.call<void>({
      port,
      caller: actor,
      allows: ["crash-before", "before", "crash-after", "lost"],
      latencyMs: [0.1, 2],
      lost: () => new Error("ENOSPC: no space left on device"),
      perform: (settle) => {
        if (machine.disk.isFull) return settle({ ok: false, error: new Error("ENOSPC: no space left on device") });
        machine.disk.write(change);
        done();
        settle({ ok: true, value: undefined });
      },
    });
  return {
    load: () =>
      crossings.call({
        port: "disk.load",
        caller: actor,
        allows: ["crash-before", "before", "crash-after"],
        latencyMs: [0.1, 2],
        lost: () => new Error("EIO: input/output error"),
        perform: (settle) => settle({ ok: true, value: machine.disk.loaded() }),
      }),
    saveAssignment: (assignment) => {
      const text = JSON.stringify(assignment);
      let isOnDisk = false;
      const written = write("disk.assignment", { assignment: text }, () => {
        isOnDisk = true;
        saved(text);
      });
      written.catch(() => isOnDisk && savedUnknown());
      return written;
    },
    saveMemory: (memory) => write("disk.memory", { memory: JSON.stringify(memory) }, () => {}),
    saveObjects: (objects) => write("disk.objects", { objects: JSON.stringify(objects) }, () => {}),
  };
}
