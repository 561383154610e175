import { describe, expect, it } from "vitest";

import { besideReasons, caresBeyondNode, mayKeepAway, Neighbours } from "../../src/core/neighbours.ts";
import type { NodeOffer } from "../../src/core/node-fit.ts";
import { needsOf } from "../../src/core/node-fit.ts";
import type { PodTemplate } from "../../src/model/pod-template.ts";
import { neighboursOf, offer, template } from "../support/needs.ts";

describe("neighbours", () => {
  const here = (labels: Readonly<Record<string, string>>) => offer({ labels });
  const at = (of: PodTemplate) => ({ namespace: "default", template: of, leaving: false });
  const [a, b] = [here({ zone: "a" }), here({ zone: "b" })];

  /** What speaks against the node for a pod, with these pods in zone a and zone b. */
  function reasons(of: PodTemplate, on: NodeOffer, inA: readonly PodTemplate[], inB: readonly PodTemplate[] = []) {
    const neighbours = new Neighbours(at(of), needsOf(of), { namespaces: new Map(), pin: null, isNarrow: false });
    neighbours.note(a, inA.map(at));
    neighbours.note(b, inB.map(at));
    return neighbours.reasons(on).map(({ text }) => text);
  }

  it("are kept away from, both ways", () => {
    const shy = template({ app: "shy" }, { affinity: { podAntiAffinity: neighboursOf("web", "zone") } });
    const web = template({ app: "web" });
    expect(reasons(shy, a, [web])).toEqual(["node(s) didn't match pod anti-affinity rules"]);
    expect(reasons(shy, b, [web])).toEqual([]);
    expect(reasons(web, a, [shy])).toEqual(["node(s) didn't satisfy existing pods anti-affinity rules"]);
    expect(reasons(web, b, [shy])).toEqual([]);
  });

  it("are sought; the first of a group may go anywhere", () => {
    const affinity = { podAffinity: neighboursOf("web", "zone") };
    const friend = template({ app: "friend" }, { affinity });
    const web = template({ app: "web" });
    const miss = ["node(s) didn't match pod affinity rules"];
    expect(reasons(friend, a, [web])).toEqual([]);
    expect(reasons(friend, b, [web])).toEqual(miss);
    expect(reasons(friend, a, [])).toEqual(miss);
    expect(reasons(template({ app: "web" }, { affinity }), a, [])).toEqual([]);
    expect(reasons(friend, here({}), [web])).toEqual(miss);
  });

  it("are spread", () => {
    const labelSelector = { matchLabels: { app: "web" } };
    const constraint = { topologyKey: "zone", labelSelector, maxSkew: 1, whenUnsatisfiable: "DoNotSchedule" };
    const web = template({ app: "web" }, { topologySpreadConstraints: [constraint] });
    const skew = "node(s) didn't match pod topology spread constraints";
    expect(reasons(web, a, [web])).toEqual([skew]);
    expect(reasons(web, b, [web])).toEqual([]);
    expect(reasons(web, a, [web], [web])).toEqual([]);
    expect(reasons(web, here({}), [])).toEqual([`${skew} (missing required label)`]);
    const wide = template({ app: "web" }, { topologySpreadConstraints: [{ ...constraint, minDomains: 3 }] });
    expect(reasons(wide, a, [web], [web])).toEqual([skew]);
  });
});

const near = (...term: Parameters<typeof neighboursOf>) => ({ affinity: { podAffinity: neighboursOf(...term) } });
const far = (...term: Parameters<typeof neighboursOf>) => ({ affinity: { podAntiAffinity: neighboursOf(...term) } });
const spread = (fields: object) => ({
  topologySpreadConstraints: [
    {
      topologyKey: "zone",
      maxSkew: 1,
      whenUnsatisfiable: "DoNotSchedule",
      labelSelector: { matchLabels: { app: "web" } },
      ...fields,
    },
  ],
});
const host = "kubernetes.io/hostname";

describe("a daemon pod's place is settled by", () => {
  it.each([
    ["its node, if it asks nothing", {}, false],
    ["its node, if it wants others there", near("proxy"), false],
    ["its node, if it wants to be without others there", far("web"), false],
    ["its node, in whatever namespaces those are", far("web", host, { namespaceSelector: {} }), false],
    ["its node, if it is to be spread, for it can be on no other", spread({}), false],
    ["all nodes, if it wants others in its zone", near("proxy", "zone"), true],
    ["all nodes, if it wants none in its zone", far("web", "zone"), true],
    ["all nodes, if it wants its own kind, for one has to be the first", near("web"), true],
    [
      "all nodes, if it is a matter of what labels namespaces have",
      far("web", host, { namespaceSelector: { matchLabels: { team: "a" } } }),
      true,
    ],
    ["all nodes, if it is to be spread over more than it can be on", spread({ nodeAffinityPolicy: "Ignore" }), true],
  ])("%s", (_who, spec, isBeyond) => {
    expect(caresBeyondNode(template({ app: "web" }, spec))).toBe(isBeyond);
  });

  it.each([
    ["pods that want it nowhere in their zone", far("web", "zone"), true],
    ["not pods that want others nowhere", far("proxy", "zone"), false],
    ["not pods that want it not on their node, for that one sees them", far("web"), false],
  ])("also %s", (_who, spec, mayKeep) => {
    expect(mayKeepAway(template({ app: "other" }, spec), template({ app: "web" }))).toBe(mayKeep);
  });
});

describe("beside others on the one node that it is for, a pod", () => {
  const labels = { [host]: "a", zone: "z" };
  const [web, proxy] = [template({ app: "web" }), template({ app: "proxy" })];
  const missing = "node(s) didn't match pod affinity rules";
  const unwanted = "node(s) didn't match pod anti-affinity rules";
  const keptAway = "node(s) didn't satisfy existing pods anti-affinity rules";
  const skew = "node(s) didn't match pod topology spread constraints";
  const another = (of: PodTemplate) => ({ namespace: "another", template: of, leaving: false });
  const here = (of: PodTemplate) => ({ namespace: "default", template: of, leaving: false });
  const going = (of: PodTemplate) => ({ ...here(of), leaving: true });

  it.each([
    ["has whom it wants", near("proxy"), [here(proxy)], labels, []],
    ["misses whom it wants", near("proxy"), [here(web)], labels, [missing]],
    ["misses whom it wants in its own namespace", near("proxy"), [another(proxy)], labels, [missing]],
    ["has whom it wants in another", near("proxy", host, { namespaces: ["another"] }), [another(proxy)], labels, []],
    ["misses the label by which it is to be near", near("proxy"), [here(proxy)], {}, [missing]],
    ["cannot be with whom it does not want", far("proxy"), [here(proxy)], labels, [unwanted]],
    ["cannot be with them until they are gone", far("proxy"), [going(proxy)], labels, [unwanted]],
    ["can be with those of other namespaces", far("proxy"), [another(proxy)], labels, []],
    ["can be with others", far("proxy"), [here(web)], labels, []],
    ["cannot be with those who do not want it", {}, [here(template({}, far("web")))], labels, [keptAway]],
    ["is no matter to those who keep to their zone", {}, [here(template({}, far("web", "zone")))], labels, []],
    ["does not ask of its zone what all nodes must say", near("proxy", "zone"), [], labels, []],
    ["is spread alone", spread({}), [here(web), here(web)], labels, []],
    ["is not spread without the label", spread({}), [], {}, [`${skew} (missing required label)`]],
    ["is not spread over too few places", spread({ minDomains: 2 }), [here(web)], labels, [skew]],
  ])("%s", (_what, spec, others, nodeLabels, reasons) => {
    const pod = template({ app: "web" }, spec);
    const found = besideReasons({ ...here(pod), needs: needsOf(pod) }, offer({ labels: nodeLabels }), others);
    expect(found.map(({ text }) => text)).toEqual(reasons);
  });
});
