// Budgets follow their pods, and evictions ask them.
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";

import type { PodDisruptionBudget } from "../../src/model/pod-disruption-budget.ts";
import * as api from "./support/api.ts";
import { addNodes, newCluster } from "./support/cluster.ts";
import { createSet, daemonPods, reconcile } from "./support/daemonset.ts";
import { until } from "./support/until.ts";

const budgets = "/apis/policy/v1/namespaces/default/poddisruptionbudgets";

beforeEach(newCluster);

async function createPod(name: string, isReady = true): Promise<void> {
  const spec = { nodeName: "n1", containers: [{ name: "c", image: "nginx:1" }] };
  await api.create(api.pods, { apiVersion: "v1", kind: "Pod", metadata: { name, labels: { app: "db" } }, spec });
  const conditions = [{ type: "Ready", status: isReady ? "True" : "False" }];
  await api.patch(`${api.pods}/${name}/status`, { status: { phase: "Running", conditions } });
}

async function createBudget(name: string, spec: object): Promise<void> {
  const manifest = { apiVersion: "policy/v1", kind: "PodDisruptionBudget", metadata: { name } };
  await api.create(budgets, { ...manifest, spec: { selector: { matchLabels: { app: "db" } }, ...spec } });
}

async function budget(name: string): Promise<PodDisruptionBudget> {
  // The API answers with what it was asked for.
  return (await api.get(`${budgets}/${name}`)) as unknown as PodDisruptionBudget;
}

function evict(name: string, query = "") {
  const body = { apiVersion: "policy/v1", kind: "Eviction", metadata: { name, namespace: "default" } };
  return api.call(`${api.pods}/${name}/eviction${query}`, { method: "POST", body });
}

/** Lets who counts do so, until the status is as it should be. */
async function counts(name: string, wanted: object): Promise<void> {
  await until(`${name} counts ${JSON.stringify(wanted)}`, async () => {
    await env.SELECTOR_CONTROLLER.get(env.SELECTOR_CONTROLLER.idFromName("selectors")).poke();
    const { status } = await budget(name);
    return Object.entries(wanted).every(([field, value]) => Reflect.get(status, field) === value);
  });
}

describe("a budget", () => {
  it("counts pods that are ready, and follows them", async () => {
    await createPod("a");
    await createPod("b", false);
    await createBudget("db", { minAvailable: 1 });
    await counts("db", { expectedPods: 2, currentHealthy: 1, desiredHealthy: 1, disruptionsAllowed: 0 });
    await api.patch(`${api.pods}/b/status`, { status: { conditions: [{ type: "Ready", status: "True" }] } });
    await counts("db", { currentHealthy: 2, disruptionsAllowed: 1 });
    await api.patch(`${budgets}/db`, { spec: { minAvailable: 2 } });
    await counts("db", { observedGeneration: 2, desiredHealthy: 2, disruptionsAllowed: 0 });
  });

  it("of daemon pods cannot tell a percentage, and says why", async () => {
    await addNodes(["n1"]);
    await createSet({ "spec.template.metadata.labels": { app: "web" } });
    await reconcile();
    expect(await daemonPods()).toHaveLength(1);
    await createBudget("web", { maxUnavailable: 1, selector: { matchLabels: { app: "web" } } });
    await until("the condition says so", async () => {
      await env.SELECTOR_CONTROLLER.get(env.SELECTOR_CONTROLLER.idFromName("selectors")).poke();
      return (await budget("web")).status.conditions !== undefined;
    });
    expect((await budget("web")).status.conditions).toMatchObject([
      { reason: "SyncFailed", message: "daemonsets.apps does not implement the scale subresource" },
    ]);
    const events = await api.list("/api/v1/namespaces/default/events");
    expect(events.map(({ reason }) => reason)).toContain("CalculateExpectedPodCountFailed");
  });
});

describe("an eviction", () => {
  it("is refused when the budget is spent, in the words that kubectl drain waits upon", async () => {
    await createPod("a");
    await createPod("b");
    await createBudget("db", { minAvailable: 1 });
    await counts("db", { disruptionsAllowed: 1 });
    expect((await evict("a", "?dryRun=All")).code).toBe(201);
    expect((await evict("a")).code).toBe(201);
    const { code, body } = await evict("b");
    expect(code).toBe(429);
    expect(body).toMatchObject({
      reason: "TooManyRequests",
      message: "Cannot evict pod as it would violate the pod's disruption budget.",
      details: {
        causes: [{ reason: "DisruptionBudget", message: expect.stringMatching(/^The disruption budget db needs 1 /) }],
      },
    });
    expect((await api.get(`${api.pods}/b`)).metadata.deletionTimestamp).toBeUndefined();
    const status = (await api.get(`${api.pods}/a`))["status"];
    expect(status).toMatchObject({
      conditions: expect.arrayContaining([expect.objectContaining({ type: "DisruptionTarget" })]),
    });
  });

  it.each([
    ["a pod that does not say how long it has", "", { gracePeriodSeconds: null }],
    ["a dry run that is none", "?dryRun=", {}],
    ["the version that there is", "", "resourceVersion"],
  ])("takes %s for what it is, and evicts", async (_what, query, options) => {
    await createPod("a");
    const { resourceVersion } = (await api.get(`${api.pods}/a`)).metadata;
    const deleteOptions = options === "resourceVersion" ? { preconditions: { resourceVersion } } : options;
    const body = { apiVersion: "policy/v1beta1", kind: "Eviction", metadata: { name: "a" }, deleteOptions };
    expect(await api.call(`${api.pods}/a/eviction${query}`, { method: "POST", body })).toMatchObject({ code: 201 });
    expect((await api.get(`${api.pods}/a`)).metadata.deletionTimestamp).toBeDefined();
  });

  it("of many at once takes no more than is allowed", async () => {
    const names = ["a", "b", "c", "d", "e"];
    for (const name of names) await createPod(name);
    await createBudget("db", { minAvailable: 3 });
    await counts("db", { disruptionsAllowed: 2 });
    const codes = (await Promise.all(names.map((name) => evict(name)))).map(({ code }) => code);
    expect(codes.toSorted()).toEqual([201, 201, 429, 429, 429]);
    await counts("db", { currentHealthy: 3, disruptionsAllowed: 0 });
  });

  it("of a pod with two budgets is not supported, and one without is granted", async () => {
    await createPod("torn");
    expect((await evict("torn", "?dryRun=All")).code).toBe(201);
    await createBudget("one", { minAvailable: 0 });
    await createBudget("two", { minAvailable: 0 });
    const { code, body } = await evict("torn");
    expect([code, body["message"]]).toEqual([
      500,
      "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
    ]);
  });

  it("of a pod that has not begun asks nobody", async () => {
    await createBudget("db", { minAvailable: 5 });
    const spec = { containers: [{ name: "c", image: "nginx:1" }], nodeName: "n1" };
    await api.create(api.pods, { apiVersion: "v1", kind: "Pod", metadata: { name: "p", labels: { app: "db" } }, spec });
    expect((await evict("p")).code).toBe(201);
  });
});
