import fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { JudgedPod } from "../../src/core/node-admission.ts";
import { judgePods } from "../../src/core/node-admission.ts";
import { addAmounts } from "../../src/core/pod-demand.ts";
import { demand, needs, neighboursOf, offer, template } from "../support/needs.ts";

const node = offer({ labels: { "kubernetes.io/hostname": "a" } });

type Fields = Partial<JudgedPod> & {
  readonly cpu?: number;
  readonly ports?: readonly number[];
  readonly priority?: number;
};

function judged(uid: string, { cpu = 0, ports = [], priority = 0, ...fields }: Fields = {}): JudgedPod {
  return {
    uid,
    namespace: "default",
    template: template(),
    rv: 1,
    createdMs: 0,
    standing: "new",
    needs: needs({ demand: demand({ cpu, ports }), priority }),
    leaving: false,
    ended: false,
    waits: true,
    misplaced: false,
    nominated: false,
    ...fields,
  };
}

const told = (...pods: readonly JudgedPod[]) => judgePods(node, pods).map((verdict) => [verdict.uid, verdict.do]);

describe("what an agent is given", () => {
  it.each([
    ["pods that ask for nothing", [judged("a"), judged("b")], ["a run", "b run"]],
    [
      "what fits beside what is there",
      [judged("h", { standing: "held", cpu: 3000 }), judged("a", { cpu: 1000 })],
      ["a run"],
    ],
    ["not what is too much", [judged("h", { standing: "held", cpu: 3001 }), judged("a", { cpu: 1000 })], ["a wait"]],
    [
      "not a port that is taken",
      [judged("h", { standing: "held", ports: [80] }), judged("a", { ports: [80] })],
      ["a wait"],
    ],
    [
      "what fits once something has ended",
      [judged("h", { standing: "held", cpu: 4000, ended: true }), judged("a", { cpu: 1 })],
      ["a run"],
    ],
    [
      "not what is beside something on its way out",
      [judged("h", { standing: "held", cpu: 4000, leaving: true }), judged("a", { cpu: 1 })],
      ["a wait"],
    ],
    ["a new pod that leaves, to say that it is gone", [judged("a", { cpu: 5000, leaving: true })], ["a run"]],
    ["nothing that its node was named for and is too much", [judged("a", { cpu: 5000, waits: false })], ["a reject"]],
    ["nothing that was put on the wrong node", [judged("a", { waits: false, misplaced: true })], ["a reject"]],
    ["what waited, once there is room", [judged("a", { standing: "waiting", cpu: 4000 })], ["a admit"]],
    ["nothing that goes while it waits", [judged("a", { standing: "waiting", cpu: 4000, leaving: true })], []],
  ])("%s", (_rule, pods, verdicts) => {
    expect(told(...pods).map((verdict) => verdict.join(" "))).toEqual(verdicts);
  });

  it("goes by the order in which pods were written, and stops where one is refused", () => {
    const [late, early] = [judged("late", { rv: 2, cpu: 3000 }), judged("early", { rv: 1, cpu: 2000 })];
    expect(told(late, early)).toEqual([
      ["early", "run"],
      ["late", "wait"],
    ]);
    expect(told(judged("big", { cpu: 5000 }), judged("small", { rv: 2, cpu: 1 }))).toEqual([["big", "wait"]]);
    // Its refusal is not written yet.
    expect(told(judged("big", { standing: "refusing", cpu: 5000 }), judged("small", { rv: 2, cpu: 1 }))).toEqual([]);
  });

  it("is counted while it is only being written that it may run", () => {
    expect(told(judged("a", { standing: "held", cpu: 4000 }), judged("b", { cpu: 1 }))).toEqual([["b", "wait"]]);
  });

  it("goes to the most important of those who wait, then to the eldest", () => {
    const waiting = (uid: string, fields: Fields) => judged(uid, { standing: "waiting", cpu: 3000, ...fields });
    expect(told(waiting("low", {}), waiting("high", { priority: 1 }))[0]).toEqual(["high", "admit"]);
    expect(told(waiting("young", { createdMs: 2 }), waiting("old", { createdMs: 1 }))[0]).toEqual(["old", "admit"]);
  });

  it("is rejected in the kubelet's words", () => {
    const [verdict] = judgePods(node, [
      judged("h", { standing: "held", cpu: 100 }),
      judged("a", { cpu: 5000, waits: false }),
    ]);
    expect(verdict).toMatchObject({
      rejection: {
        reason: "OutOfcpu",
        message: "Node didn't have enough resource: cpu, requested: 5000, used: 100, capacity: 4000",
      },
    });
  });
});

describe("beside whom an agent is given a daemon", () => {
  const proxy = (uid: string, fields: Fields = {}) => judged(uid, { template: template({ app: "proxy" }), ...fields });
  const near = (uid: string, fields: Fields = {}) =>
    judged(uid, { template: template({}, { affinity: { podAffinity: neighboursOf("proxy") } }), ...fields });
  const far = (uid: string, fields: Fields = {}) =>
    judged(uid, { template: template({}, { affinity: { podAntiAffinity: neighboursOf("proxy") } }), ...fields });

  it.each([
    ["those that it wants", [proxy("p", { standing: "held" }), near("a")], ["a run"]],
    ["those that it wants and that came before it", [proxy("p"), near("a", { rv: 2 })], ["p run", "a run"]],
    ["nobody, if those that it wants come after it", [near("a"), proxy("p", { rv: 2 })], ["a wait"]],
    ["those that it waited for", [near("a", { standing: "waiting" }), proxy("p")], ["p run", "a admit"]],
    [
      "nobody, if those that it wants still wait",
      [near("a", { standing: "waiting" }), proxy("p", { standing: "waiting", cpu: 9000 })],
      ["a wait", "p wait"],
    ],
    ["none that it does not want", [proxy("p", { standing: "held" }), far("a")], ["a wait"]],
    ["none that do not want it", [far("a", { standing: "held" }), proxy("p")], ["p wait"]],
    ["others, once those have ended", [proxy("p", { standing: "held", ended: true }), far("a")], ["a run"]],
    [
      "anybody, if its node was named by others",
      [proxy("p", { standing: "held" }), far("a", { waits: false })],
      ["a run"],
    ],
    ["none that the scheduler has yet to look at", [proxy("p", { standing: "unscheduled" }), near("a")], ["a wait"]],
    ["anybody, for one that the scheduler has yet to look at", [near("a", { standing: "unscheduled" })], []],
  ])("%s", (_who, pods, verdicts) => {
    expect(told(...pods).map((verdict) => verdict.join(" "))).toEqual(verdicts);
  });

  it("is told, and whether it would help if others went", () => {
    expect(judgePods(node, [near("a", { priority: 9 })])).toMatchObject([
      { reasons: ["node(s) didn't match pod affinity rules"], preemption: "Preemption is not helpful for scheduling" },
    ]);
    const held = proxy("p", { standing: "held" });
    expect(judgePods(node, [held, far("a")])).toMatchObject([
      {
        reasons: ["node(s) didn't match pod anti-affinity rules"],
        preemption: "No preemption victims found for incoming pod",
      },
    ]);
    expect(judgePods(node, [held, far("a", { priority: 9 })])).toMatchObject([{ preemption: null, victims: ["p"] }]);
  });
});

describe("who goes for a more important pod", () => {
  const held = (uid: string, cpu: number, priority: number, fields: Fields = {}) =>
    judged(uid, { standing: "held", cpu, priority, ...fields });
  const victims = (...pods: readonly JudgedPod[]) =>
    judgePods(node, pods).flatMap((verdict) => (verdict.do === "wait" ? verdict.victims : []));

  it("are as few as it takes, of the least important", () => {
    const all = [held("a", 1000, 3), held("b", 1000, 1), held("c", 2000, 2)];
    expect(victims(...all, judged("p", { cpu: 1000, priority: 10 }))).toEqual(["b"]);
    expect(victims(...all, judged("p", { cpu: 2000, priority: 10 }))).toEqual(["c"]);
    expect(victims(...all, judged("p", { cpu: 3000, priority: 10 }))).toEqual(["c", "b"]);
  });

  it("are nobody of the same importance, nobody in vain, and nobody for one who preempts nobody", () => {
    expect(victims(held("a", 4000, 5), judged("p", { cpu: 1, priority: 5 }))).toEqual([]);
    expect(victims(held("a", 4000, 1), judged("p", { cpu: 5000, priority: 5 }))).toEqual([]);
    const meek = judged("p", { cpu: 1 });
    expect(victims(held("a", 4000, 1), { ...meek, needs: { ...meek.needs, priority: 5, mayPreempt: false } })).toEqual(
      [],
    );
  });

  it("are none that are just being let in", () => {
    const coming = held("c", 4000, 1, { standing: "admitting" });
    expect(victims(coming, judged("p", { cpu: 1, priority: 10 }))).toEqual([]);
  });

  it("are waited for, and what they leave is kept from the less important that come later", () => {
    const leaving = held("v", 4000, 0, { leaving: true });
    const preemptor = judged("p", { standing: "waiting", cpu: 4000, priority: 5, nominated: true, rv: 10 });
    expect(judgePods(node, [leaving, preemptor])).toMatchObject([
      { do: "wait", preemption: "not eligible due to a terminating pod on the nominated node." },
    ]);
    expect(told({ ...leaving, ended: true }, preemptor, judged("late", { cpu: 1, rv: 11 }))).toContainEqual([
      "late",
      "wait",
    ]);
    // What was written before may be running already.
    expect(told({ ...leaving, ended: true }, preemptor, judged("early", { cpu: 1, rv: 9 }))).toContainEqual([
      "early",
      "run",
    ]);
  });
});

describe("whoever judges later", () => {
  const app = fc.constantFrom("a", "b");
  const arrivals = fc.array(
    fc.record({
      cpu: fc.integer({ min: 0, max: 3000 }),
      priority: fc.integer({ min: 0, max: 2 }),
      app,
      near: fc.option(app, { nil: null, freq: 4 }),
      far: fc.option(app, { nil: null, freq: 4 }),
    }),
    { maxLength: 8 },
  );
  type Arrival = typeof arrivals extends fc.Arbitrary<(infer One)[]> ? One : never;

  /** Judges until nothing more is decided, as a shard does; the pods that its agent was given. */
  function settle(pods: readonly JudgedPod[]): {
    readonly pods: readonly JudgedPod[];
    readonly given: readonly string[];
  } {
    let now = pods;
    const given: string[] = [];
    for (let round = 0; round < 50; round += 1) {
      const verdicts = judgePods(node, now);
      const news = verdicts.filter(({ uid, do: what }) => {
        const standing = now.find((pod) => pod.uid === uid)?.standing;
        return what === "run" || what === "admit" || standing === "new";
      });
      if (news.length === 0) return { pods: now, given };
      for (const { uid, do: what } of news) {
        if (what === "run") given.push(uid);
        const standing = what === "wait" ? "waiting" : "held";
        // What is written gets the next number.
        const rv = what === "run" ? {} : { rv: 1 + Math.max(...now.map((pod) => pod.rv)) };
        now = now.map((pod) => (pod.uid === uid ? { ...pod, standing, ...rv } : pod));
      }
    }
    throw new Error("never settles");
  }

  const asPods = (all: readonly Arrival[]) =>
    all.map((arrival, index) => {
      const { cpu, priority, near, far } = arrival;
      const affinity = {
        ...(near === null ? {} : { podAffinity: neighboursOf(near) }),
        ...(far === null ? {} : { podAntiAffinity: neighboursOf(far) }),
      };
      const made = template({ app: arrival.app }, { affinity });
      return judged(`p${index}`, { template: made, cpu, priority, rv: index + 1, createdMs: index });
    });

  it("decides alike, with nothing but what was written", () => {
    fc.assert(
      fc.property(arrivals, (all) => {
        const settled = settle(asPods(all));
        // What was given without a word in the database is new again to whoever knows only the database.
        const forgotten = settled.pods.map((pod) =>
          pod.standing === "held" ? { ...pod, standing: "new" as const } : pod,
        );
        expect(settle(forgotten).given.toSorted()).toEqual(
          settled.pods.filter(({ standing }) => standing === "held").map(({ uid }) => uid),
        );
      }),
    );
  });

  it("never gives one that those before it do not want, or that does not want them", () => {
    fc.assert(
      fc.property(arrivals, (all) => {
        const held = settle(asPods(all)).pods.filter(({ standing }) => standing === "held");
        const of = ({ uid }: JudgedPod) => all[Number(uid.slice(1))];
        for (const one of held) {
          for (const other of held) if (one !== other) expect(of(one)?.far).not.toBe(of(other)?.app);
        }
      }),
    );
  });

  it("never gives more than there is", () => {
    fc.assert(
      fc.property(arrivals, (all) => {
        const held = settle(asPods(all)).pods.filter(({ standing }) => standing === "held");
        const sum = held.map((pod) => pod.needs.demand.amounts).reduce(addAmounts, new Map<string, number>());
        expect(sum.get("cpu") ?? 0).toBeLessThanOrEqual(4000);
      }),
    );
  });
});
