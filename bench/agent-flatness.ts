// Whether an agent's memory stays as it is: over ten thousand answers, and over a day without a control plane.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

import { assignedPod, template } from "../test/agents/support/pods.ts";
import { World } from "../test/agents/support/world.ts";

const polls = 10_000;
const hourMs = 3_600_000;
const pods = 5;

export type Flatness = {
  /** Kibibytes of heap, in use after a collection. */
  readonly restKib: number;
  readonly pollsKib: number;
  readonly offlineKib: number;
};

/** In this process, on a virtual clock, with a runtime that runs nothing. */
export async function measureFlatness(): Promise<Flatness> {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const heapKib = () => {
    collect();
    return process.memoryUsage().heapUsed / 1024;
  };
  const world = new World();
  const assigned = Array.from({ length: pods }, (_, n) => assignedPod({ uid: `uid-${n}`, name: `app-${n}` }));
  world.controlPlane.assign(assigned, { t1: template() });
  world.agent.start();
  await passing(world, 100);
  const restKib = heapKib();
  await passing(world, polls);
  const pollsKib = heapKib() - restKib;
  world.line = "down";
  for (let hour = 0; hour < 24; hour += 1) await world.clock.advance(hourMs);
  const offlineKib = heapKib() - restKib;
  world.agent.stop();
  return { restKib, pollsKib, offlineKib };
}

/** Lets so many messages be answered; what the stand-in for the control plane remembers of them is thrown away. */
async function passing(world: World, messages: number): Promise<void> {
  const { controlPlane, clock, logs } = world;
  for (let done = 0; done < messages; done += controlPlane.requests.splice(0).length) {
    await clock.advance(10 * controlPlane.nextSyncMs);
    logs.length = 0;
  }
}
