// What became of daemon pods that a node may have no place for.
import type { Pod } from "../../../src/model/pod.ts";
import type { Agent } from "./agent.ts";
import { daemonPods } from "./daemonset.ts";
import { until } from "./until.ts";

/** A DaemonSet of this name, whose pods are of an app of this name. */
export const named = (name: string) => ({
  "metadata.name": name,
  "spec.selector.matchLabels.app": name,
  "spec.template.metadata.labels.app": name,
});

/** The first pod of the set. */
export async function podOf(set: string): Promise<Pod | undefined> {
  return (await daemonPods()).find(({ metadata }) => metadata.labels?.["app"] === set);
}

export function scheduledCondition(pod: Pod | undefined) {
  return pod?.status.conditions?.find(({ type }) => type === "PodScheduled");
}

/** The pod once it was found that there is no place for it. */
export function waitingPod(set: string): Promise<Pod> {
  return until(`the pod of ${set} waits`, async () => {
    const pod = await podOf(set);
    return scheduledCondition(pod)?.status === "False" ? pod : null;
  });
}

/** The names of the sets whose pods the agent was given. */
export async function given(agent: Agent): Promise<readonly string[]> {
  await agent.sync();
  const names = new Map((await daemonPods()).map(({ metadata }) => [metadata.uid, metadata.labels?.["app"] ?? ""]));
  return [...agent.pods.keys()].map((uid) => names.get(uid) ?? uid).toSorted();
}
