// "Not now", said at a node: how the control plane shows it, and that rollouts go on without the node.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import type { NodeReport } from "../../src/sync/messages.ts";
import { Agent, nodeReport } from "./support/agent.ts";
import * as api from "./support/api.ts";
import { stopClock } from "./support/clock.ts";
import { newCluster } from "./support/cluster.ts";
import { changeSet, createSet, podsByNode, reconcile } from "./support/daemonset.ts";
import { Watching } from "./support/watch.ts";

beforeEach(async () => {
  await newCluster();
  stopClock();
});
afterEach(() => {
  vi.useRealTimers();
});

const hold = { reason: "stocktaking", remainingSeconds: 7200 };
const until = () => `${new Date(Date.now() + 7_200_000).toISOString().slice(0, 19)}Z`;

function report(held: NodeReport["hold"]) {
  return { nodeReport: nodeReport(held === undefined ? {} : { hold: held }) };
}

async function seenOf(node: string) {
  const { metadata, status } = (await api.get(`${api.nodes}/${node}`)) as never as {
    metadata: { annotations?: Record<string, string> };
    status: { conditions: { type: string }[] };
  };
  return { metadata, condition: status.conditions.find(({ type }) => type === "lares.dev/Held") };
}

async function images(): Promise<Record<string, string | undefined>> {
  const pods = [...(await podsByNode())].map(([node, { spec }]) => [node, spec.containers[0]?.image]);
  return Object.fromEntries(pods);
}

describe("a hold that an agent tells of", () => {
  it("is a condition and annotations of the Node, with its reason and its end, and goes when it is over", async () => {
    const agent = await Agent.registered("n1");
    expect((await seenOf("n1")).condition).toBeUndefined();
    await agent.sync(report(hold));
    const end = until();
    const { metadata, condition } = await seenOf("n1");
    expect(metadata.annotations).toEqual({ "lares.dev/held-until": end, "lares.dev/held-reason": "stocktaking" });
    expect(condition).toMatchObject({ status: "True", reason: "HeldAtNode", message: expect.stringContaining(end) });
    vi.setSystemTime(Date.now() + 10_000);
    await agent.sync(report({ ...hold, remainingSeconds: 7195 }));
    expect((await seenOf("n1")).metadata.annotations?.["lares.dev/held-until"]).toBe(end);
    await agent.sync(report(undefined));
    const after = await seenOf("n1");
    expect(after.condition).toBeUndefined();
    expect(after.metadata.annotations ?? {}).toEqual({});
  });

  it("is over in time though the agent is never heard again, and nothing is written for that", async () => {
    const agent = await Agent.registered("n1");
    await agent.sync(report(hold));
    const end = until();
    const { resourceVersion } = (await seenOf("n1")).metadata as { resourceVersion?: string };
    vi.setSystemTime(Date.now() + 7_199_000);
    expect((await seenOf("n1")).condition).toMatchObject({ status: "True" });
    vi.setSystemTime(Date.now() + 2000);
    const over = {
      status: "False",
      reason: "HoldOver",
      message: `the hold was over at ${end}`,
      lastTransitionTime: end,
    };
    const read = await seenOf("n1");
    expect(read.condition).toMatchObject(over);
    expect(read.metadata).toMatchObject({ resourceVersion });
    const [listed] = (await api.list(api.nodes)) as never as { status: { conditions: unknown[] } }[];
    expect(listed?.status.conditions).toContainEqual(expect.objectContaining(over));
    const watching = await Watching.start(api.nodes);
    const [first] = await watching.seen("the node", ({ object }) => object.metadata.name === "n1");
    expect(first?.object).toMatchObject({
      status: { conditions: expect.arrayContaining([expect.objectContaining(over)]) },
    });
    await watching.stop();
  });

  it("ends some day, whatever the agent says", async () => {
    const agent = await Agent.registered("n1");
    await agent.sync(report({ reason: "for ever", remainingSeconds: 1e9 }));
    const until = (await seenOf("n1")).metadata.annotations?.["lares.dev/held-until"] ?? "";
    expect(Date.parse(until) - Date.now()).toBeLessThanOrEqual(30 * 86_400_000);
  });
});

describe("a rollout", () => {
  it("passes over a held node, and comes back to it when the hold is over though nobody hears of the node", async () => {
    const agents = [await Agent.registered("n1"), await Agent.registered("n2"), await Agent.registered("n3")];
    const obey = async () => {
      for (const agent of agents) await agent.obey();
    };
    await createSet({ "spec.updateStrategy": { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 1 } } });
    await reconcile();
    await obey();
    await agents[0]?.sync(report(hold));
    const old = (await images())["n1"];
    await changeSet({ "spec.template.spec.containers.0.image": "example/web:2" });
    for (let round = 0; round < 8; round += 1) {
      await reconcile();
      await obey();
    }
    expect(await images()).toEqual({ n1: old, n2: "example/web:2", n3: "example/web:2" });
    const { status } = await reconcile();
    expect(status).toMatchObject({ desiredNumberScheduled: 3, updatedNumberScheduled: 2, numberAvailable: 3 });
    vi.setSystemTime(Date.now() + 7_201_000);
    for (let round = 0; round < 3; round += 1) {
      await reconcile();
      await obey();
    }
    expect((await images())["n1"]).toBe("example/web:2");
  });

  it("makes no pod on a held node, which may be one that a person has marked", async () => {
    await Agent.registered("n1");
    await api.patch(`${api.nodes}/n1`, { metadata: { annotations: { "lares.dev/held-until": until() } } });
    await createSet();
    await reconcile();
    expect(await images()).toEqual({});
    await api.patch(`${api.nodes}/n1`, { metadata: { annotations: { "lares.dev/held-until": null } } });
    await reconcile();
    expect(Object.keys(await images())).toEqual(["n1"]);
  });
});
