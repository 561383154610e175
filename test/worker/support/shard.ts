// One node of the fleet, and the shard that looks after it.
import { env } from "cloudflare:workers";

import type { Node } from "../../../src/model/node.ts";
import type { Pod } from "../../../src/model/pod.ts";
import { nodeShard, shardOfNode } from "../../../src/pokes.ts";
import type { NewPod } from "../../../src/store/pods.ts";
import { insertPods } from "../../../src/store/pods.ts";
import * as api from "./api.ts";
import { run } from "./cluster.ts";
import { keepTemplate, newPod, podTemplate } from "./pods.ts";

/** The node that tests are about, when they are about one. */
export const name = "edge-1";

export function shard() {
  return nodeShard(env, shardOfNode(env, name));
}

export async function getNode(): Promise<Node> {
  // The API's own answer.
  return (await api.get(`${api.nodes}/${name}`)) as Node;
}

export async function getPod(pod = `web-${name}`): Promise<Pod> {
  // The API's own answer.
  return (await api.get(`${api.pods}/${pod}`)) as Pod;
}

export function statusOf({ status }: Node | Pod, type: string): string | undefined {
  return status.conditions?.find((condition) => condition.type === type)?.status;
}

export function taintsOf({ spec }: Node): readonly string[] {
  return (spec.taints ?? []).map(({ key, effect }) => `${key}:${effect}`).toSorted();
}

/** A pod on the node, as a controller would have made it; the shard is told. */
export async function addPod(
  fields: Partial<NewPod> = {},
  tolerations: readonly object[] = [{ operator: "Exists" }],
): Promise<string> {
  const { spec } = podTemplate();
  // Typed stub: tolerations of the test's own.
  const template = podTemplate({
    spec: { ...spec, tolerations: [...tolerations] as NonNullable<typeof spec.tolerations> },
  });
  const pod = newPod(name, { template: await keepTemplate(template), createdMs: Date.now(), ...fields });
  await run(insertPods(env.DB, [pod], null, { nowMs: Date.now() }));
  await shard().poke();
  return pod.uid;
}
