import { describe, expect, it } from "vitest";

import { daemonPodMessage, fitMessage, noVictims, preemptionSentence } from "../../src/core/fit-message.ts";
import { fits, shortResource } from "../../src/core/node-fit.ts";
import { demand, needs, offer } from "../support/needs.ts";

const texts = (...parameters: Parameters<typeof fits>) => fits(...parameters).map(({ text }) => text);
const terms = [{ matchExpressions: [{ key: "zone", operator: "In", values: ["a"] }] }];
const cordon = { key: "node.kubernetes.io/unschedulable", effect: "NoSchedule" };
const dedicated = { key: "dedicated", value: "db", effect: "NoSchedule" };

describe("a pod and a node", () => {
  it.each([
    ["nothing asked for", {}, {}, []],
    ["a cordoned node", {}, { unschedulable: true, taints: [cordon] }, ["node(s) were unschedulable"]],
    ["a cordon that is tolerated", { tolerations: [{ operator: "Exists" }] }, { unschedulable: true }, []],
    ["another node's name", { nodeName: "b" }, {}, ["node(s) didn't match the requested node name"]],
    ["a taint", {}, { taints: [dedicated] }, ["node(s) had untolerated taint {dedicated: db}"]],
    [
      "a taint without a value",
      {},
      { taints: [{ key: "k", effect: "NoExecute" }] },
      ["node(s) had untolerated taint {k: }"],
    ],
    ["a taint that is only a wish", {}, { taints: [{ key: "k", effect: "PreferNoSchedule" }] }, []],
    ["a missing label", { nodeSelector: { disk: "ssd" } }, {}, ["node(s) didn't match Pod's node affinity/selector"]],
    ["affinity", { requiredTerms: terms }, {}, ["node(s) didn't match Pod's node affinity/selector"]],
    ["affinity that is met", { requiredTerms: terms }, { labels: { zone: "a" } }, []],
    ["too much", { demand: demand({ cpu: 5000, memory: 2000 }) }, {}, ["Insufficient cpu", "Insufficient memory"]],
    ["a node that says nothing", { demand: demand({ cpu: 5000 }) }, { allocatable: null }, []],
    ["a resource it has not", { demand: demand({ cpu: 1 }) }, { allocatable: new Map() }, ["Insufficient cpu"]],
    ["a full node", {}, { allocatable: new Map([["pods", 0]]) }, ["Too many pods"]],
  ])("%s", (_what, pod, node, reasons) => {
    expect(texts(needs(pod), offer(node), [])).toEqual(reasons);
  });

  it("counts what the others hold", () => {
    const others = [demand({ cpu: 3000, ports: [80] })];
    expect(texts(needs({ demand: demand({ cpu: 1000, ports: [81] }) }), offer(), others)).toEqual([]);
    expect(texts(needs({ demand: demand({ cpu: 1001 }) }), offer(), others)).toEqual(["Insufficient cpu"]);
    // Ports are looked at before resources, and the first that has something to say is heard.
    expect(texts(needs({ demand: demand({ cpu: 1001, ports: [80] }) }), offer(), others)).toEqual([
      "node(s) didn't have free ports for the requested pod ports",
    ]);
  });

  it("says what others could make room for", () => {
    const resolvable = (pod: object, node: object) => fits(needs(pod), offer(node), []).map((one) => one.resolvable);
    expect(resolvable({ demand: demand({ cpu: 5000 }) }, {})).toEqual([true]);
    expect(resolvable({}, { taints: [dedicated] })).toEqual([false]);
  });

  it("names the resource that is short", () => {
    expect(["Too many pods", "Insufficient cpu", "node(s) were unschedulable"].map(shortResource)).toEqual([
      "pods",
      "cpu",
      null,
    ]);
  });
});

describe("the message", () => {
  it("has the reasons in the order of their text, counted", () => {
    const reasons = new Map([
      ["node(s) had untolerated taint {k: v}", 1],
      ["Insufficient cpu", 2],
    ]);
    const helpless = preemptionSentence(3, new Map([["Preemption is not helpful for scheduling", 3]]));
    expect(fitMessage(3, reasons, helpless)).toBe(
      "0/3 nodes are available: 1 node(s) had untolerated taint {k: v}, 2 Insufficient cpu. preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.",
    );
    expect(fitMessage(3, reasons, null)).toBe(
      "0/3 nodes are available: 1 node(s) had untolerated taint {k: v}, 2 Insufficient cpu.",
    );
  });

  it("of a daemon pod speaks of its one node and of all others", () => {
    const misfit = { reasons: ["Insufficient cpu"], preemption: noVictims };
    expect(daemonPodMessage({ nodes: 3, ...misfit })).toBe(
      "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) didn't satisfy plugin(s) [NodeAffinity]. preemption: 0/3 nodes are available: 1 No preemption victims found for incoming pod, 2 Preemption is not helpful for scheduling.",
    );
    expect(daemonPodMessage({ nodes: 1, ...misfit })).toBe(
      "0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.",
    );
    expect(daemonPodMessage({ nodes: 1, ...misfit, preemption: null })).toBe(
      "0/1 nodes are available: 1 Insufficient cpu.",
    );
  });
});
