// How pods are found, and how what they share is kept.
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { trimLog } from "../../src/store/log.ts";
import { insertObjects } from "../../src/store/objects.ts";
import type { PodRow } from "../../src/store/pod-rows.ts";
import type { NewPod } from "../../src/store/pods.ts";
import {
  deletePods,
  insertPods,
  readPods,
  readPodsByKey,
  readPodsOfBuckets,
  readPodsOfNode,
  readPodsOfOwner,
  readTemplates,
  removeUnusedTemplates,
} from "../../src/store/pods.ts";
import { daemonSet } from "../model/objects.ts";
import { newCluster, nodeNames, run } from "./support/cluster.ts";
import { keepTemplate, newPod, podTemplate, storedPod } from "./support/pods.ts";

const nowMs = Date.UTC(2026, 5, 1);
const setKey = { resource: "daemonsets.apps", namespace: "default", name: "web" };

beforeEach(async () => {
  await newCluster();
  await keepTemplate();
});

function insert(pods: readonly NewPod[]) {
  return run(insertPods(env.DB, pods, null, { nowMs }));
}

describe("reading pods", () => {
  it("finds those of a node, of a range of buckets, and by key", async () => {
    await insert([newPod("a"), newPod("b"), newPod("", { name: "unbound" })]);
    const [a, b] = [newPod("a"), newPod("b")];
    const names = (rows: readonly PodRow[]) => rows.map(({ name }) => name);
    expect(names(await run(readPodsOfNode(env.DB, a.bucket, "a")))).toEqual(["web-a"]);
    expect(names(await run(readPodsOfBuckets(env.DB, b.bucket, b.bucket)))).toEqual(["web-b"]);
    expect(names(await run(readPodsOfBuckets(env.DB, 0, 4095))).toSorted()).toEqual(["web-a", "web-b"]);
    const stored = await storedPod("web-a");
    const keys = [
      { namespace: "default", name: "web-a", uid: stored?.uid ?? "" },
      { namespace: "default", name: "web-b", uid: "another" },
    ];
    expect(names(await run(readPodsByKey(env.DB, keys)))).toEqual(["web-a"]);
  });

  it("goes through them page by page", async () => {
    await insert(nodeNames(7).map((node) => newPod(node)));
    const seen: string[] = [];
    let after: { namespace: string; name: string } | null = null;
    for (let page = 0; page < 4; page += 1) {
      const rows: readonly PodRow[] = await run(readPods(env.DB, { namespace: null, after, limit: 2 }));
      seen.push(...rows.map(({ name }) => name));
      after = rows.at(-1) ?? after;
    }
    expect(seen).toEqual(nodeNames(7).map((node) => `web-${node}`));
  });
});

describe("templates", () => {
  it("are kept once, however often they are given, under a name that is their content", async () => {
    const first = await keepTemplate();
    const again = await keepTemplate(structuredClone(podTemplate()));
    const other = await keepTemplate(podTemplate({ metadata: { labels: { app: "other" } } }));
    expect([again === first, other === first]).toEqual([true, false]);
    expect(await env.DB.prepare("SELECT count(*) FROM pod_templates").first("count(*)")).toBe(2);
    expect((await run(readTemplates(env.DB, [first]))).get(first)).toEqual(podTemplate());
  });

  it("lead to the pods of an owner", async () => {
    const ownerReferences = [{ apiVersion: "apps/v1", kind: "DaemonSet", name: "web", uid: "set-1", controller: true }];
    const id = await keepTemplate(podTemplate({ metadata: { ownerReferences } }));
    await insert([newPod("a", { template: id }), newPod("b")]);
    for (const namespace of ["default", ""]) {
      const pods = await run(readPodsOfOwner(env.DB, "set-1", namespace));
      expect(pods.map(({ name }) => name)).toEqual(["web-a"]);
    }
    expect(await run(readPodsOfOwner(env.DB, "set-1", "kube-system"))).toEqual([]);
    expect(await run(readPodsOfOwner(env.DB, "set-2", "default"))).toEqual([]);
  });

  it("are forgotten once neither a pod nor the log names them", async () => {
    await insert([newPod("a")]);
    const used = newPod("a").template;
    const unused = await keepTemplate(podTemplate({ metadata: { labels: { app: "unused" } } }));
    expect(await run(removeUnusedTemplates(env.DB))).toBe(1);
    expect([...(await run(readTemplates(env.DB, [used, unused]))).keys()]).toEqual([used]);
    const row = await storedPod("web-a");
    await run(
      deletePods(env.DB, [{ namespace: "default", name: "web-a", uid: row?.uid ?? "", graceSeconds: 0 }], { nowMs }),
    );
    expect(await run(removeUnusedTemplates(env.DB))).toBe(0);
    await run(insertObjects(env.DB, [{ ...setKey, object: daemonSet({ "metadata.uid": "x" }) }], { nowMs }));
    await run(trimLog(env.DB, { beforeMs: nowMs + 1, keep: 0, limit: 1_000 }));
    expect(await run(removeUnusedTemplates(env.DB))).toBe(1);
  });
});
