// What holds of a DaemonSet's pods at every step, whatever users, nodes and agents do in between.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { isPodAvailable, isPodUpdated, isTerminal } from "../../src/core/daemon-pods.ts";
import type { DaemonSetPlan } from "../../src/core/daemonset-plan.ts";
import { rolloutBudget, usesSurge } from "../../src/core/rollout.ts";
import type { Changes } from "../model/objects.ts";
import { deletingFirst, image, onDelete, Story, surging } from "../support/story.ts";

type Act = (story: Story) => void;

const strategy: fc.Arbitrary<Changes> = fc.oneof(
  fc.constantFrom(1, 2, 3, "30%", "100%").map(deletingFirst),
  fc.constantFrom(1, 2, "50%").map(surging),
);

const taint = fc.constantFrom([], [], [{ key: "a", effect: "NoSchedule" }], [{ key: "a", effect: "NoExecute" }]);

/** Does something to one pod out of those that run. */
function toSomePod(change: (story: Story, uid: string) => void): fc.Arbitrary<Act> {
  return fc.nat(20).map((index) => (story) => {
    const pods = [...story.pods.values()].filter(({ facts }) => !facts.deleting && !isTerminal(facts));
    const pod = pods[index % Math.max(1, pods.length)];
    if (pod !== undefined) change(story, pod.facts.uid);
  });
}

const agents: fc.Arbitrary<Act> = fc.oneof(
  toSomePod((story, uid) => story.changePod(uid, { phase: "Running", readySinceMs: story.nowMs })),
  toSomePod((story, uid) => story.changePod(uid, { readySinceMs: null })),
  fc.constant<Act>((story) => story.allReady()),
  fc.constant<Act>((story) => story.endDeleted()),
  fc.nat(20_000).map(
    (ms): Act =>
      (story) =>
        story.passMs(ms),
  ),
);

const failures: fc.Arbitrary<Act> = toSomePod((story, uid) =>
  story.changePod(uid, { phase: "Failed", readySinceMs: null }),
);

const users: fc.Arbitrary<Act> = fc.oneof(
  fc.constantFrom("nginx:1.27", "nginx:2", "nginx:3").map(
    (name): Act =>
      (story) =>
        story.update(image(name)),
  ),
  fc.tuple(fc.nat(7), taint).map(
    ([index, taints]): Act =>
      (story) =>
        story.changeNode(`node-${index % story.nodes.size}`, { taints }),
  ),
);

const life = fc.array(
  fc.oneof({ weight: 5, arbitrary: agents }, { weight: 1, arbitrary: failures }, { weight: 1, arbitrary: users }),
  {
    maxLength: 40,
  },
);

function storyOf(changes: Changes, nodes: number): Story {
  const story = new Story(changes, { graceful: true });
  story.addNodes(nodes);
  story.settle();
  return story;
}

/** Lives on, looking at each plan before it is carried out. */
function liveOn(story: Story, acts: readonly Act[], look: (plan: DaemonSetPlan) => void): void {
  for (const act of acts) {
    act(story);
    look(story.plan());
    story.sync();
  }
}

function nodesWithout(story: Story, serving: ReadonlySet<string>): number {
  const desired = story.entries.filter(({ exists, shouldRun }) => exists && shouldRun);
  return desired.filter(({ name }) => !serving.has(name)).length;
}

describe("a DaemonSet's pods", () => {
  const fleetSize = fc.integer({ min: 1, max: 8 });

  it("never leave more nodes without an available pod than maxUnavailable, by the controller's own doing", () => {
    const budgets = fc.constantFrom(1, 2, 3, "30%", "100%").map(deletingFirst);
    fc.assert(
      fc.property(budgets, fleetSize, life, (changes, nodes, acts) => {
        const story = storyOf(changes, nodes);
        liveOn(story, acts, (plan) => {
          const { minReadySeconds } = story.facts;
          const taken = plan.remove.filter(
            ({ pod, entry }) => entry.shouldRun && isPodAvailable(pod, minReadySeconds, story.nowMs),
          );
          if (!plan.budgeted || taken.length === 0) return;
          const left = new Set([...story.serving].filter((node) => !taken.some(({ entry }) => entry.name === node)));
          const { maxUnavailable } = rolloutBudget(story.facts, story.status.desiredNumberScheduled);
          expect(nodesWithout(story, left)).toBeLessThanOrEqual(maxUnavailable);
        });
      }),
    );
  });

  it("surge: an available pod is never deleted where one should run before its successor is available", () => {
    const budgets = fc.constantFrom(1, 2, "50%").map(surging);
    const slow = fc.constantFrom(0, 10).map((minReadySeconds) => ({ "spec.minReadySeconds": minReadySeconds }));
    fc.assert(
      fc.property(budgets, slow, fleetSize, life, (changes, minReady, nodes, acts) => {
        const story = storyOf({ ...changes, ...minReady }, nodes);
        liveOn(story, acts, (plan) => {
          const { minReadySeconds } = story.facts;
          for (const { pod, entry } of plan.remove) {
            if (!entry.shouldRun || !isPodAvailable(pod, minReadySeconds, story.nowMs)) continue;
            const others = entry.pods.filter((other) => other !== pod && !other.deleting);
            expect(others.some((other) => isPodAvailable(other, minReadySeconds, story.nowMs))).toBe(true);
          }
        });
      }),
    );
  });

  it("surge: no more nodes hold two pods than maxSurge, but those whose old pod did not work", () => {
    fc.assert(
      fc.property(fc.constantFrom(1, 2).map(surging), fleetSize, life, (changes, nodes, acts) => {
        const story = storyOf(changes, nodes);
        liveOn(story, acts, (plan) => {
          if (!plan.budgeted) return;
          const { minReadySeconds } = story.facts;
          const beside = plan.create.filter(({ pods }) =>
            pods.some((pod) => !pod.deleting && isPodAvailable(pod, minReadySeconds, story.nowMs)),
          );
          const surges = story.entries.filter(({ pods }) => pods.filter(({ deleting }) => !deleting).length > 1);
          const { maxSurge } = rolloutBudget(story.facts, story.status.desiredNumberScheduled);
          if (beside.length > 0) expect(surges.length + beside.length).toBeLessThanOrEqual(maxSurge);
        });
      }),
    );
  });

  it("are at most one of each template on a node, and one in all without surge", () => {
    fc.assert(
      fc.property(strategy, fleetSize, life, (changes, nodes, acts) => {
        const story = storyOf(changes, nodes);
        liveOn(story, acts, () => {
          for (const { pods } of story.entries) {
            const alive = pods.filter(({ deleting, phase }) => !deleting && phase !== "Failed");
            expect(new Set(alive.map(({ hash }) => hash)).size).toBe(alive.length);
            expect(alive.length).toBeLessThanOrEqual(usesSurge(story.facts) ? 2 : 1);
          }
        });
      }),
    );
  });

  it("come to rest, and are then one working pod of the current template on every node that should run one", () => {
    fc.assert(
      fc.property(strategy, fleetSize, life, (changes, nodes, acts) => {
        const story = storyOf(changes, nodes);
        liveOn(story, acts, () => {});
        const rounds = 3 * nodes + 10;
        for (let round = 0; round < rounds; round += 1) {
          story.passMs(16 * 60_000);
          story.endDeleted();
          story.allReady();
          story.sync();
        }
        expect(story.sync()).toEqual([0, 0]);
        for (const { shouldRun, shouldContinueRunning, pods } of story.entries) {
          if (shouldRun) expect(pods.map((pod) => isPodUpdated(pod, story.facts))).toEqual([true]);
          if (!shouldContinueRunning) expect(pods).toEqual([]);
        }
        const { desiredNumberScheduled: desired, numberAvailable = 0, updatedNumberScheduled = 0 } = story.status;
        expect([numberAvailable, updatedNumberScheduled]).toEqual([desired, desired]);
      }),
    );
  });

  it("are left alone when nothing happened since the last look", () => {
    fc.assert(
      fc.property(fc.oneof(strategy, fc.constant(onDelete)), fleetSize, life, (changes, nodes, acts) => {
        const story = storyOf(changes, nodes);
        liveOn(story, acts, () => {});
        story.settle();
        expect(story.sync()).toEqual([0, 0]);
        expect(story.status).toBe(story.set.status);
      }),
    );
  });

  it("are not replaced by a rollback where they still, or already, run its template", () => {
    fc.assert(
      fc.property(strategy, fleetSize, fc.array(agents, { maxLength: 12 }), (changes, nodes, acts) => {
        const story = storyOf(changes, nodes);
        story.allReady();
        story.settle();
        story.update(image("nginx:2"));
        liveOn(story, acts, () => {});
        const before = story.hash;
        story.update(image("nginx:1.27"));
        expect(story.hash).not.toBe(before);
        const kept = [...story.pods.values()].filter(story.isCurrent).map(({ facts }) => facts);
        const isSole = ({ uid }: { readonly uid: string }) =>
          !kept.some((other) => other.uid !== uid && story.pods.get(other.uid)?.node === story.pods.get(uid)?.node);
        for (let round = 0; round < 30; round += 1) {
          story.sync();
          story.endDeleted();
          story.allReady();
        }
        for (const facts of kept) if (!facts.deleting && isSole(facts)) expect(story.pods.has(facts.uid)).toBe(true);
      }),
    );
  });

  it("with OnDelete are never deleted for their template", () => {
    fc.assert(
      fc.property(fleetSize, fc.array(fc.oneof(agents, users), { maxLength: 30 }), (nodes, acts) => {
        const story = storyOf(onDelete, nodes);
        liveOn(story, acts, ({ remove }) => {
          for (const { entry } of remove) expect(entry.shouldContinueRunning).toBe(false);
        });
      }),
    );
  });
});
