import { env } from "cloudflare:workers";
import { beforeEach, expect, it } from "vitest";

import { readNodes, readNodesByName } from "../../src/store/nodes.ts";
import { addNodes, newCluster, nodeNames, run } from "./support/cluster.ts";

beforeEach(newCluster);

const taint = { key: "dedicated", value: "storage", effect: "NoSchedule" };

it("reads what placement asks of a node", async () => {
  await addNodes(["plain"]);
  await addNodes(["storage"], { "metadata.labels": { disk: "ssd" }, "spec.taints": [taint] });
  const [plain, storage] = await run(readNodes(env.DB, "", 10));
  expect(plain).toEqual({ name: "plain", labels: {}, taints: [] });
  expect(storage).toEqual({ name: "storage", labels: { disk: "ssd" }, taints: [taint] });
});

it("reads page by page, by name", async () => {
  await addNodes(nodeNames(5));
  const first = await run(readNodes(env.DB, "", 2));
  const second = await run(readNodes(env.DB, first.at(-1)?.name ?? "", 10));
  expect([first.length, ...[...first, ...second].map(({ name }) => name)]).toEqual([2, ...nodeNames(5)]);
});

it("reads by name those that are there", async () => {
  await addNodes(nodeNames(3));
  const found = await run(readNodesByName(env.DB, ["node-00002", "none", "node-00000"]));
  expect(found.map(({ name }) => name).toSorted()).toEqual(["node-00000", "node-00002"]);
});
