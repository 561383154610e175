// What stories about one agent have in common.
import { behaviourAnnotation } from "../../../agents/node/runtime/fake-script.ts";
import type { ContainerStatus } from "../../../src/model/container-status.ts";
import type { PodSpec } from "../../../src/model/pod-spec.ts";
import type { PodStatus } from "../../../src/model/pod-status.ts";
import { assignedPod, template } from "./pods.ts";
import { World } from "./world.ts";

export const secondMs = 1000;
export const minuteMs = 60_000;
export const hourMs = 3_600_000;

type Started = { readonly spec?: Partial<PodSpec>; readonly behaviour?: object; readonly world?: World };

/** A world whose agent has had a moment with one pod. */
export async function started({ spec, behaviour, world = new World() }: Started = {}): Promise<World> {
  const annotations =
    behaviour === undefined ? {} : { annotations: { [behaviourAnnotation]: JSON.stringify(behaviour) } };
  world.controlPlane.assign([assignedPod()], { t1: template(spec, annotations) });
  world.agent.start();
  await world.clock.advance(100);
  return world;
}

export function status(world: World, uid = "uid-1"): PodStatus {
  // The stand-in keeps what the agent sent, which made it as a PodStatus.
  return world.controlPlane.status(uid) as PodStatus;
}

export function main(world: World, uid = "uid-1"): ContainerStatus {
  const [first] = status(world, uid).containerStatuses ?? [];
  if (first === undefined) throw new Error("no container status");
  return first;
}

export function ready(world: World, uid = "uid-1"): string | undefined {
  return status(world, uid)?.conditions?.find(({ type }) => type === "Ready")?.status;
}
