// Pods as the store keeps them, with only the fields that a test is about.
import { env } from "cloudflare:workers";

import { bucketOf } from "../../../src/core/buckets.ts";
import type { PodTemplate } from "../../../src/model/pod-template.ts";
import type { PodRow } from "../../../src/store/pod-rows.ts";
import { templateId, toPodRow } from "../../../src/store/pod-rows.ts";
import type { NewPod, PodKey, StatusUpdate } from "../../../src/store/pods.ts";
import { insertTemplates } from "../../../src/store/pods.ts";
import { pod } from "../../model/objects.ts";
import { newUid, run } from "./cluster.ts";

export function podTemplate(fields: Partial<PodTemplate> = {}): PodTemplate {
  return { metadata: { labels: { app: "web" } }, spec: pod().spec, pinned: true, ...fields };
}

/** A new pod on `node`; its name is `web-NODE` unless `fields` say otherwise. Keep its template first. */
export function newPod(node: string, fields: Partial<NewPod> = {}): NewPod {
  return {
    namespace: "default",
    name: `web-${node}`,
    uid: newUid(),
    template: templateId(podTemplate()),
    node,
    bucket: node === "" ? -1 : bucketOf(node),
    ownerUid: null,
    slot: 0,
    createdMs: Date.UTC(2026, 5, 1),
    hasFinalizers: false,
    phase: "Pending",
    ...fields,
  };
}

export async function keepTemplate(template: PodTemplate = podTemplate()): Promise<string> {
  const id = templateId(template);
  await run(insertTemplates(env.DB, new Map([[id, template]])));
  return id;
}

/** Every pod, by name. */
export async function storedPods(): Promise<ReadonlyMap<string, PodRow>> {
  const { results } = await env.DB.prepare("SELECT * FROM pods ORDER BY name").all();
  return new Map(results.map(toPodRow).map((row) => [row.name, row]));
}

export async function storedPod(name: string): Promise<PodRow | undefined> {
  return (await storedPods()).get(name);
}

/** A report of the agent that the pod runs, the first unless `fields` say otherwise. */
export function statusUpdate({ namespace, name, uid }: PodKey, fields: Partial<StatusUpdate> = {}): StatusUpdate {
  return {
    namespace,
    name,
    uid,
    phase: "Running",
    status: { phase: "Running" },
    lost: false,
    observation: 1,
    ...fields,
  };
}
