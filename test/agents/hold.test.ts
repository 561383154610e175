import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";

import type { Moment, StoredHold } from "../../agents/node/hold.ts";
import { Hold, remainingMs } from "../../agents/node/hold.ts";
import { HoldFile } from "../../agents/node/host/hold-file.ts";
import { ownDirectory } from "../containers/own-directory.ts";
import { assignedPod, template } from "./support/pods.ts";
import { hourMs, minuteMs, secondMs, started, status } from "./support/stories.ts";
import { World } from "./support/world.ts";

const at: Moment = { bootId: "first", bootMs: 5_000_000, wallMs: Date.UTC(2026, 5, 1) };
const hold: StoredHold = { reason: "stocktaking", remainingMs: 2 * hourMs, at };

describe("remainingMs", () => {
  it.each<readonly [rule: string, now: Partial<Moment>, left: number]>([
    ["within a boot the time since the boot counts", { bootMs: at.bootMs + hourMs }, hourMs],
    [
      "within a boot a clock set ahead ends nothing",
      { bootMs: at.bootMs + 1, wallMs: at.wallMs + 9 * hourMs },
      2 * hourMs - 1,
    ],
    ["within a boot a clock set back prolongs nothing", { bootMs: at.bootMs + 3 * hourMs, wallMs: 0 }, 0],
    ["over a boot the clock counts", { bootId: "second", bootMs: 10, wallMs: at.wallMs + hourMs }, hourMs],
    [
      "over a boot a clock that was set back takes nothing away",
      { bootId: "second", bootMs: 10, wallMs: 0 },
      2 * hourMs,
    ],
    ["it is never below none", { bootId: "second", bootMs: 10, wallMs: at.wallMs + 3 * hourMs }, 0],
    [
      "where boots have no name, a smaller time since the boot is another boot",
      { bootMs: 10, wallMs: at.wallMs },
      2 * hourMs,
    ],
  ])("%s", (_, now, left) => {
    expect(remainingMs(hold, { ...at, ...now })).toBe(left);
  });
});

describe("HoldFile", () => {
  const directory = ownDirectory("hold");
  afterEach(() => rmSync(join(directory, "hold"), { force: true }));
  afterAll(() => rmSync(directory, { recursive: true }));

  it("keeps a hold for the next life of the agent, and forgets one that is released", () => {
    const timers = { setTimer: () => () => {} };
    const first = new Hold(new HoldFile(join(directory, "hold")), timers);
    first.begin("stocktaking", hourMs);
    const second = new Hold(new HoldFile(join(directory, "hold")), timers);
    expect(second.current()?.reason).toBe("stocktaking");
    expect(second.current()?.remainingMs).toBeGreaterThan(hourMs - 10_000);
    second.release();
    expect(new Hold(new HoldFile(join(directory, "hold")), timers).current()).toBeUndefined();
  });

  it("counts on while the agent is not there", () => {
    const file = new HoldFile(join(directory, "hold"));
    const now = file.now();
    file.write({ reason: "stocktaking", remainingMs: hourMs, at: { ...now, bootMs: now.bootMs - hourMs } });
    expect(new Hold(file, { setTimer: () => () => {} }).current()).toBeUndefined();
    expect(file.read()).toBeUndefined();
  });

  it("takes a torn file for none", () => {
    writeFileSync(join(directory, "hold"), '{"reason":"stockta');
    expect(new HoldFile(join(directory, "hold")).read()).toBeUndefined();
  });
});

/** A world whose node can be held. */
function holdable() {
  const world = new World();
  let kept: StoredHold | undefined;
  const store = {
    now: () => ({ bootId: "only", bootMs: world.clock.monotonicMs(), wallMs: world.clock.nowMs() }),
    read: () => kept,
    write: (stored: StoredHold | undefined) => {
      kept = stored;
    },
  };
  const newHold = () => new Hold(store, world.clock);
  world.hold = newHold();
  world.restart();
  return { world, newHold };
}

const changed = template({
  containers: [{ ...template().spec.containers[0], image: "registry.example/app:2" } as never],
});

describe("an agent whose node is held", () => {
  it("starts no new pod, says why, and starts it when the hold is over", async () => {
    const { world } = holdable();
    world.hold?.begin("stocktaking", hourMs);
    await started({ world });
    await world.clock.advance(minuteMs);
    expect(world.runtime.running("uid-1", "main")).toBe(0);
    expect(status(world).phase).toBe("Pending");
    expect(status(world).containerStatuses?.[0]?.state.waiting).toEqual({
      reason: "NodeHeld",
      message: "the node is held: stocktaking",
    });
    expect(world.controlPlane.events).toContainEqual(
      expect.objectContaining({ reason: "NodeHeld", message: "the node is held: stocktaking" }),
    );
    await world.clock.advance(hourMs);
    expect(world.controlPlane.isReady("uid-1")).toBe(true);
  });

  it("tells the control plane what is left of the hold when the message goes, and when it is over", async () => {
    const { world } = holdable();
    await started({ world });
    world.line = "down";
    world.hold?.begin("stocktaking", hourMs);
    await world.clock.advance(10 * minuteMs);
    world.line = "up";
    await world.clock.advance(5 * minuteMs);
    const told = world.controlPlane.requests.flatMap(({ nodeReport }) =>
      nodeReport === undefined ? [] : [nodeReport],
    );
    const { remainingSeconds = 0, reason } = told.at(-1)?.hold ?? {};
    expect(reason).toBe("stocktaking");
    expect(remainingSeconds).toBeLessThanOrEqual(50 * 60);
    expect(remainingSeconds).toBeGreaterThan(44 * 60);
    await world.clock.advance(hourMs);
    const last = world.controlPlane.requests.findLast(({ nodeReport }) => nodeReport !== undefined);
    expect(last?.nodeReport).not.toHaveProperty("hold");
  });

  it("lets what runs run on: a pod that is to be deleted ends when the node is released", async () => {
    const { world } = holdable();
    await started({ world });
    await world.clock.advance(minuteMs);
    expect(world.controlPlane.isReady("uid-1")).toBe(true);
    world.hold?.begin("stocktaking", hourMs);
    world.controlPlane.delete("uid-1", 5);
    await world.clock.advance(10 * minuteMs);
    expect(world.controlPlane.isReady("uid-1")).toBe(true);
    world.hold?.release();
    await world.clock.advance(minuteMs);
    expect(world.controlPlane.pods.has("uid-1")).toBe(false);
  });

  it("does so over a restart of the agent, too", async () => {
    const { world, newHold } = holdable();
    await started({ world });
    await world.clock.advance(minuteMs);
    world.hold?.begin("stocktaking", hourMs);
    world.controlPlane.delete("uid-1", 5);
    world.controlPlane.assign([assignedPod({ uid: "uid-2", name: "app-2" })]);
    await world.clock.advance(secondMs);
    world.hold = newHold();
    world.restart();
    await world.clock.advance(10 * minuteMs);
    expect(world.runtime.running("uid-1", "main")).toBe(1);
    expect(world.runtime.running("uid-2", "main")).toBe(0);
    await world.clock.advance(hourMs);
    expect(world.controlPlane.pods.has("uid-1")).toBe(false);
    expect(world.controlPlane.isReady("uid-2")).toBe(true);
  });

  it("changes no container in place", async () => {
    const { world } = holdable();
    await started({ world });
    await world.clock.advance(minuteMs);
    world.hold?.begin("stocktaking", hourMs);
    world.controlPlane.assign([assignedPod({ template: "t2" })], { t2: changed });
    await world.clock.advance(10 * minuteMs);
    expect(status(world).containerStatuses?.[0]).toMatchObject({ restartCount: 0 });
    await world.clock.advance(hourMs);
    expect(status(world).containerStatuses?.[0]).toMatchObject({ restartCount: 1, image: "registry.example/app:2" });
  });

  it("ends what nobody asks for any more, and restarts what crashes", async () => {
    const { world } = holdable();
    await started({ world });
    await world.clock.advance(minuteMs);
    world.hold?.begin("stocktaking", hourMs);
    world.controlPlane.unassign("uid-1");
    await world.clock.advance(minuteMs);
    expect(world.runtime.running("uid-1", "main")).toBe(0);
  });
});
