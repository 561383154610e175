// When the CRI's driver notices what, and how often it asks for that.
import { expect, test } from "vitest";

import type { EventSource, Seen } from "../../agents/node/runtime/cri/changes.ts";
import { Changes } from "../../agents/node/runtime/cri/changes.ts";
import { GrpcError, grpcCodes } from "../../agents/node/runtime/cri/grpc.ts";
import { VirtualClock } from "./support/virtual-clock.ts";

class World {
  readonly clock = new VirtualClock();
  readonly things = new Map<string, Seen>();
  readonly told: string[] = [];
  looks = 0;
  isAway = false;
  connections = 0;
  /** Undefined while nobody listens. */
  source: { readonly told: (id: string) => void; readonly ended: (problem: GrpcError | null) => void } | undefined;
  /** Holds up the answers to looks. */
  gate: Promise<void> = Promise.resolve();

  readonly events: EventSource = (told, ended) => {
    this.connections += 1;
    const source = { told, ended };
    this.source = source;
    if (this.isAway) queueMicrotask(() => this.lose());
    return () => {
      if (this.source === source) this.source = undefined;
    };
  };

  readonly noEvents: EventSource = (_told, ended) => {
    queueMicrotask(() => ended(new GrpcError(grpcCodes.unimplemented, "unknown service")));
    return () => {};
  };

  open(sources: readonly EventSource[]): Changes {
    const look = async () => {
      this.looks += 1;
      if (this.isAway) throw new GrpcError(grpcCodes.unavailable, "nobody is there");
      const found = new Map(this.things);
      await this.gate;
      return found;
    };
    const changes = new Changes({ clock: this.clock, look, sources });
    changes.listen((uid) => this.told.push(uid));
    return changes;
  }

  lose(): void {
    const { source } = this;
    this.source = undefined;
    source?.ended(new GrpcError(grpcCodes.unavailable, "the connection was lost"));
  }

  set(id: string, state: string): void {
    this.things.set(id, { podUid: `pod of ${id}`, state });
  }

  /** What was told since the last time. */
  news(): readonly string[] {
    return this.told.splice(0);
  }
}

test("without events, ends are noticed within a second, and a node at rest is asked every ten", async () => {
  const world = new World();
  world.set("a", "running");
  world.open([world.noEvents, world.noEvents]);
  await world.clock.advance(2000);
  expect(world.news()).toEqual(["pod of a"]);
  world.set("a", "exited");
  await world.clock.advance(1000);
  expect(world.news()).toEqual(["pod of a"]);
  const before = world.looks;
  await world.clock.advance(100_000);
  expect(world.looks - before).toBe(10);
  expect(world.news()).toEqual([]);
});

test("events that end in good order as soon as they begin, as those of CRI-O unless it is told to, are none", async () => {
  const world = new World();
  let connections = 0;
  const silent: EventSource = (_told, ended) => {
    connections += 1;
    queueMicrotask(() => ended(null));
    return () => {};
  };
  world.set("a", "running");
  world.open([world.noEvents, silent]);
  await world.clock.advance(10_000);
  world.news();
  world.set("a", "exited");
  await world.clock.advance(1000);
  expect(world.news()).toEqual(["pod of a"]);
  expect(connections).toBe(1);
});

test("without events, what the agent starts on a node at rest is watched from then on", async () => {
  const world = new World();
  const changes = world.open([world.noEvents]);
  await world.clock.advance(2000);
  world.set("a", "running");
  changes.made("a", { podUid: "pod of a", state: "running" });
  world.set("a", "exited");
  await world.clock.advance(1000);
  expect(world.news()).toEqual(["pod of a"]);
});

test("with events nobody is asked but once a minute, and an end is noticed at once", async () => {
  const world = new World();
  world.set("a", "running");
  world.open([world.events]);
  await world.clock.advance(5000);
  world.news();
  const before = world.looks;
  await world.clock.advance(600_000);
  expect(world.looks - before).toBe(10);
  world.set("a", "exited");
  world.source?.told("a");
  await world.clock.advance(20);
  expect(world.news()).toEqual(["pod of a"]);
});

test.each(["running", "ready"])("an end that the runtime has not noted down yet is waited for: %s", async (state) => {
  const world = new World();
  world.set("a", state);
  world.open([world.events]);
  await world.clock.advance(5000);
  world.news();
  world.source?.told("a");
  await world.clock.advance(100);
  expect(world.news()).toEqual([]);
  world.set("a", state === "ready" ? "notready" : "exited");
  await world.clock.advance(500);
  expect(world.news()).toEqual(["pod of a"]);
  const before = world.looks;
  await world.clock.advance(20_000);
  expect(world.looks).toBe(before);
});

test("events about others are of no interest", async () => {
  const world = new World();
  world.open([world.events]);
  await world.clock.advance(5000);
  const before = world.looks;
  for (let count = 0; count < 100; count++) world.source?.told(`other ${count}`);
  await world.clock.advance(5000);
  expect(world.looks).toBe(before);
});

test("what happened while the runtime was away is told when it is back", async () => {
  const world = new World();
  world.set("a", "running");
  world.set("b", "running");
  world.open([world.events]);
  await world.clock.advance(5000);
  world.news();
  world.isAway = true;
  world.lose();
  await world.clock.advance(60_000);
  expect(world.news()).toEqual([]);
  expect(world.looks).toBeLessThan(80);
  world.isAway = false;
  world.set("a", "exited");
  await world.clock.advance(6000);
  expect(world.news()).toEqual(["pod of a"]);
  expect(world.source).toBeDefined();
  world.set("b", "exited");
  world.source?.told("b");
  await world.clock.advance(20);
  expect(world.news()).toEqual(["pod of b"]);
});

test("what happens between a look and the connection for events is not lost", async () => {
  const world = new World();
  world.set("a", "running");
  world.open([world.events]);
  await world.clock.advance(1);
  world.news();
  // Nobody tells of it: the runtime did not know yet that somebody listens.
  world.set("a", "exited");
  await world.clock.advance(500);
  expect(world.news()).toEqual(["pod of a"]);
});

test("the agent's own doing is not told to it", async () => {
  const world = new World();
  const changes = world.open([world.events]);
  await world.clock.advance(5000);
  for (const state of ["created", "running"]) {
    world.set("a", state);
    changes.made("a", { podUid: "pod of a", state });
  }
  await world.clock.advance(120_000);
  world.things.delete("a");
  changes.removed("a");
  await world.clock.advance(120_000);
  expect(world.news()).toEqual([]);
});

test("an answer that is older than what the agent has done says nothing about that", async () => {
  const world = new World();
  const changes = world.open([world.events]);
  await world.clock.advance(5000);
  let open = () => {};
  world.gate = new Promise((resolve) => {
    open = resolve;
  });
  await world.clock.advance(60_000);
  world.set("a", "running");
  changes.made("a", { podUid: "pod of a", state: "running" });
  open();
  await world.clock.advance(100);
  expect(world.news()).toEqual([]);
  expect(changes.podUidOf("a")).toBe("pod of a");
});

test("nothing is done any more once nobody listens", async () => {
  const world = new World();
  const changes = world.open([world.events]);
  await world.clock.advance(5000);
  changes.close();
  expect(world.source).toBeUndefined();
  await world.clock.advance(1);
  expect(world.clock.pendingTimers).toBe(0);
});
