// Whether the memory of the program that ships stays as it is: over thousands of polls, and over a day without a server.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

import { AgentProgram, sleep } from "./agent-program.ts";

const warmPolls = 500;
const secondsOfDay = 86_400;
/** A day in less than five minutes. */
const rate = 300;
const librariesPath = "/usr/lib";

export type PolledMemory = { readonly firstMib: number; readonly lastMib: number; readonly peakMib: number };

/** `engine`: Node's program. The agent asks as often as it may: each tenth of a second. */
export async function measurePolls(engine: string, polls: number): Promise<PolledMemory> {
  const agent = await AgentProgram.start({ engine, connection: "poll", nextSyncMs: 0 });
  try {
    await agent.restMib();
    await agent.polled(warmPolls);
    const firstMib = agent.residentMib;
    const seen = [firstMib];
    await agent.polled(polls, () => seen.push(agent.residentMib));
    return { firstMib, lastMib: agent.residentMib, peakMib: Math.max(...seen) };
  } finally {
    await agent.stop();
  }
}

/** A day on a clock that runs faster; null where the machine has none: Debian's libfaketime. */
export async function measureOfflineDay(engine: string): Promise<PolledMemory | null> {
  const library = fasterClock();
  if (library === undefined) return null;
  const agent = await AgentProgram.start({ engine, env: { LD_PRELOAD: library, FAKETIME: `+0 x${rate}` } });
  try {
    const firstMib = await agent.restMib();
    await agent.server.stop();
    const seen = [firstMib];
    for (let second = 0; second < secondsOfDay / rate; second += 1) {
      await sleep(1000);
      seen.push(agent.residentMib);
    }
    const lastMib = agent.residentMib;
    await agent.server.start();
    await agent.polled(1);
    return { firstMib, lastMib, peakMib: Math.max(...seen) };
  } finally {
    await agent.stop();
  }
}

function fasterClock(): string | undefined {
  const places = readdirSync(librariesPath).map((name) => join(librariesPath, name, "faketime", "libfaketime.so.1"));
  return places.find((place) => existsSync(place));
}
