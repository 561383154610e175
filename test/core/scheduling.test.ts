import { describe, expect, it } from "vitest";

import type { NodeOffer, PodNeeds } from "../../src/core/node-fit.ts";
import type { Incoming, NodeState, Occupant, Placing } from "../../src/core/scheduling.ts";
import { PodSearch, placePods } from "../../src/core/scheduling.ts";
import { demand, needs, offer, template } from "../support/needs.ts";

function incoming(uid: string, fields: Partial<PodNeeds> = {}, nominatedNode = ""): Incoming {
  return {
    uid,
    namespace: "default",
    createdMs: 0,
    template: template(),
    needs: needs(fields),
    pin: null,
    nominatedNode,
  };
}

function occupant(uid: string, cpu: number, fields: Partial<Occupant> = {}): Occupant {
  return { uid, priority: 0, createdMs: 0, demand: demand({ cpu }), leaving: false, isKept: false, ...fields };
}

function node(name: string, occupants: readonly Occupant[] = [], fields: Partial<NodeOffer> = {}): NodeState {
  return { offer: offer({ name, ...fields }), occupants: [...occupants] };
}

/** What becomes of each pod: the node it is put on, or why it waits. */
function place(pods: readonly Incoming[], nodes: readonly NodeState[]): readonly string[] {
  const searches = pods.map((one) => new PodSearch(one, null));
  for (const search of searches) {
    const { pin } = search.pod;
    for (const one of nodes) if (pin === null || pin === one.offer.name) search.look(one);
    if (pin !== null) search.lookedAmong(nodes.length);
  }
  const placings = placePods(searches);
  return searches.map((search) => told(placings.get(search)));
}

function told(placing: Placing | undefined): string {
  if (placing === undefined) return "";
  if (placing.do === "bind") return placing.node.offer.name;
  const victims = placing.preemption?.victims.map(({ uid }) => uid) ?? [];
  return victims.length > 0
    ? `instead of ${victims.join(", ")} on ${placing.preemption?.node.offer.name}`
    : placing.message;
}

describe("a pod's node", () => {
  it("is the one where most is left, of equal ones the first by name", () => {
    expect(place([incoming("p")], [node("b"), node("a")])).toEqual(["a"]);
    expect(place([incoming("p")], [node("a", [occupant("x", 1000)]), node("b")])).toEqual(["b"]);
  });

  it("is rather one that it prefers, and one without a taint that only asks to be left alone", () => {
    const preference = { matchExpressions: [{ key: "disk", operator: "Exists" }] };
    const picky = incoming("p", { preferredTerms: [{ weight: 5, preference }] });
    expect(place([picky], [node("a"), node("b", [occupant("x", 1000)], { labels: { disk: "ssd" } })])).toEqual(["b"]);
    const shy = { taints: [{ key: "k", effect: "PreferNoSchedule" }] };
    expect(place([incoming("p")], [node("a", [], shy), node("b", [occupant("x", 1000)])])).toEqual(["b"]);
  });

  it("is chosen with those before in mind, the most important first", () => {
    const big = { demand: demand({ cpu: 3000 }) };
    const all = [
      incoming("low", big),
      incoming("high", { ...big, priority: 1 }),
      incoming("next", { ...big, priority: 1 }),
    ];
    expect(place(all, [node("a"), node("b")])).toEqual(["0/2 nodes are available: 2 Insufficient cpu.", "a", "b"]);
  });

  it("is its own where it is for one, and no other", () => {
    const [mine, picky] = [
      { ...incoming("p"), pin: "b" },
      { ...incoming("q", { demand: demand({ cpu: 5000 }) }), pin: "b" },
    ];
    expect(place([mine], [node("a"), node("b"), node("c")])).toEqual(["b"]);
    expect(place([picky], [node("a"), node("b"), node("c")])).toEqual([
      "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) didn't satisfy plugin(s) [NodeAffinity]. preemption: 0/3 nodes are available: 1 No preemption victims found for incoming pod, 2 Preemption is not helpful for scheduling.",
    ]);
  });
});

describe("who goes", () => {
  const vip = incoming("vip", { demand: demand({ cpu: 4000 }), priority: 10 });

  it("is the smaller loss", () => {
    const a = node("a", [occupant("a1", 1000, { priority: 2 })]);
    const b = node("b", [occupant("b1", 1000, { priority: 1 }), occupant("b2", 3000, { priority: 1 })]);
    expect(place([vip], [a, b])).toEqual(["instead of b1, b2 on b"]);
    const c = node("c", [occupant("c1", 1000, { priority: 1 })]);
    expect(place([vip], [a, b, c])).toEqual(["instead of c1 on c"]);
  });

  it("is nobody where it would not help, and where they go already", () => {
    expect(place([vip], [node("a", [occupant("x", 1000, { priority: 10 })])])).toEqual([
      "0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.",
    ]);
    const going = node("a", [occupant("x", 1000, { leaving: true }), occupant("y", 1000)]);
    expect(place([{ ...vip, nominatedNode: "a" }], [going])).toEqual([
      "0/1 nodes are available: 1 Insufficient cpu. preemption: not eligible due to a terminating pod on the nominated node.",
    ]);
  });

  it("leaves room for the one for whom it went, and for nobody less important", () => {
    const kept = () => node("a", [occupant("vip", 4000, { priority: 10, isKept: true })]);
    const placed = kept();
    expect(place([vip], [placed])).toEqual(["a"]);
    expect(placed.occupants).toHaveLength(1);
    const other = incoming("other", { demand: demand({ cpu: 1000 }) });
    expect(place([other], [kept()])[0]).toContain("1 Insufficient cpu");
    expect(place([{ ...other, needs: { ...other.needs, priority: 11 } }], [kept()])).toEqual(["a"]);
    expect(place([vip, other], [node("a", [occupant("x", 1000)])])[1]).toContain("Insufficient cpu");
  });
});
