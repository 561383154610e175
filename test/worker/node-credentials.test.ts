import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";

import { NodeCredentials } from "../../src/durable/node-credentials.ts";
import { digestOf, insertNodeCredential } from "../../src/store/credentials.ts";
import { readMeter } from "../../src/store/meter.ts";
import { newCluster, nodeNames, run } from "./support/cluster.ts";

beforeEach(newCluster);

const labels = { site: "north" };

async function enrol(node: string, secret = node): Promise<void> {
  const grant = JSON.stringify({ labels });
  await run(insertNodeCredential(env.DB, { node, digest: digestOf(secret), createdMs: 0, grant }));
}

describe("node credentials", () => {
  it("are known by node and digest together, and tell what the node was granted", async () => {
    await enrol("a");
    const credentials = new NodeCredentials(env.DB);
    expect(await credentials.check("a", digestOf("a"))).toEqual({ digest: digestOf("a"), grant: { labels } });
    expect(await credentials.check("a", digestOf("b"))).toBeNull();
    expect(await credentials.check("b", digestOf("a"))).toBeNull();
    expect(await credentials.grantOf("a")).toEqual({ labels });
    expect(await credentials.grantOf("b")).toEqual({});
  });

  it("are taken anew when a node shows another digest than the known one, and once forgotten", async () => {
    await enrol("a", "first");
    const credentials = new NodeCredentials(env.DB);
    await credentials.check("a", digestOf("first"));
    await enrol("a", "second");
    expect(await credentials.check("a", digestOf("second"))).not.toBeNull();
    expect(await credentials.check("a", digestOf("first"))).toBeNull();
    await enrol("a", "third");
    credentials.forget("a");
    expect(await credentials.check("a", digestOf("second"))).toBeNull();
  });

  it("let nobody in who was shut out while they were being read", async () => {
    await enrol("a");
    const credentials = new NodeCredentials(env.DB);
    const checking = credentials.check("a", digestOf("a"));
    credentials.forget("a");
    expect(await checking).toBeNull();
    expect(await credentials.check("a", digestOf("a"))).not.toBeNull();
  });

  it("are read together when a fleet comes back at once, and not again", async () => {
    const nodes = nodeNames(50);
    for (const node of nodes) await enrol(node);
    const credentials = new NodeCredentials(env.DB);
    const batches = async () => {
      const before = readMeter().batches;
      const checked = await Promise.all(nodes.map((node) => credentials.check(node, digestOf(node))));
      expect(checked).not.toContain(null);
      return readMeter().batches - before;
    };
    expect(await batches()).toBeLessThanOrEqual(2);
    expect(await batches()).toBe(0);
  });
});
