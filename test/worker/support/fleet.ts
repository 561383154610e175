// Agents of many nodes, who do as they are told.

import { Agent } from "./agent.ts";
import { head, nodeNames } from "./cluster.ts";
import { reconcile } from "./daemonset.ts";

/** Agents of as many nodes, all well. */
export async function fleet(count: number): Promise<readonly Agent[]> {
  return Promise.all(nodeNames(count).map((name) => Agent.registered(name)));
}

export async function obeyAll(agents: readonly Agent[]): Promise<void> {
  await Promise.all(agents.map((agent) => agent.obey()));
}

/** Agents and controller take turns until neither has anything left to do. */
export async function rollOut(agents: readonly Agent[]): Promise<void> {
  for (let round = 0; round < 4 * agents.length + 4; round += 1) {
    const before = await head();
    await reconcile();
    await obeyAll(agents);
    if ((await head()) === before) return;
  }
  throw new Error("the rollout never ended");
}
