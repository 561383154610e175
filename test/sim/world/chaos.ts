// Troubles that come over the world by themselves, and their end.
import type { Random } from "../engine/random.ts";
import type { Machine } from "./machine.ts";
import type { Trouble } from "./swarm.ts";
import type { World } from "./world.ts";

export class Chaos {
  readonly #world: World;
  readonly #random: Random;
  #isOver = false;

  constructor(world: World) {
    this.#world = world;
    this.#random = world.random.fork();
  }

  begin(): void {
    const { kernel, swarm } = this.#world;
    const { troubleEveryMs, troubles } = swarm;
    if (troubleEveryMs === null) return;
    const next = () => {
      if (this.#isOver) return;
      const trouble = this.#random.pickOf(troubles);
      if (trouble !== undefined) this.#bring(trouble);
      schedule();
    };
    const schedule = () => {
      const waitMs = -troubleEveryMs * Math.log(1 - this.#random.next());
      kernel.schedule(Math.min(waitMs, 5 * troubleEveryMs), { actor: kernel.nobody, label: "" }, next);
    };
    schedule();
    for (const machine of this.#world.machines) this.#copyDisk(machine);
  }

  /** Now and then, for a copy to be put back later. */
  #copyDisk(machine: Machine): void {
    if (this.#isOver) return;
    machine.disk.copy();
    this.#later(this.#random.between(60_000, 400_000), () => this.#copyDisk(machine));
  }

  #later(delayMs: number, run: () => void): void {
    const { kernel } = this.#world;
    kernel.schedule(delayMs, { actor: kernel.nobody, label: "" }, run);
  }

  /** Everything is put right. */
  end(): void {
    this.#isOver = true;
    this.#world.usualWeather();
    this.#world.cron = "once";
    for (const machine of this.#world.machines) {
      machine.disk.isFull = false;
      machine.uplink.block({ up: false, down: false });
      machine.start();
    }
  }

  #bring(trouble: Trouble): void {
    const { kernel, faults } = this.#world;
    if (!this.#strike(trouble)) return;
    kernel.note(`TROUBLE ${trouble}`);
    faults.coverage.count(`fault ${trouble}`);
  }

  /** False: there was nothing to be struck. */
  #strike(trouble: Trouble): boolean {
    switch (trouble) {
      case "agent crash":
      case "machine reboot":
      case "disk wiped":
      case "disk restored":
      case "disk full":
      case "clock jump":
      case "partition":
      case "one-way partition":
      case "sockets cut":
      case "container exit": {
        const machine = this.#random.pickOf(this.#world.machines);
        return machine !== undefined && this.#strikeMachine(trouble, machine);
      }
      default:
        return this.#strikePlatform(trouble);
    }
  }

  #strikeMachine(trouble: MachineTrouble, machine: Machine): boolean {
    switch (trouble) {
      case "agent crash":
        return this.#restart(machine, () => machine.crash("was killed"));
      case "machine reboot":
        return this.#restart(machine, () => machine.reboot());
      case "disk wiped":
        return this.#restart(machine, () => {
          machine.crash("lost its disk");
          machine.disk.wipe();
        });
      case "disk restored":
        return this.#restart(machine, () => {
          machine.crash("is put back to an old state");
          machine.disk.restore();
        });
      case "disk full":
        machine.disk.isFull = true;
        this.#later(this.#random.between(5_000, 60_000), () => {
          machine.disk.isFull = false;
        });
        return true;
      case "clock jump":
        machine.clockErrorMs = this.#random.pick([0, -86_400_000, 86_400_000, 3_600_000, -1_767_000_000_000, 1_500]);
        return true;
      case "partition":
        return this.#partition(machine, { up: true, down: true });
      case "one-way partition":
        return this.#partition(
          machine,
          this.#random.pick([
            { up: true, down: false },
            { up: false, down: true },
          ]),
        );
      case "sockets cut":
        machine.uplink.cut();
        return true;
      case "container exit":
        return this.#exit(machine);
    }
  }

  /** Short, as a service manager does it, or after somebody came by. */
  #restart(machine: Machine, strike: () => void): boolean {
    if (!machine.isRunning) return false;
    strike();
    const downMs = this.#random.chance(0.7) ? this.#random.between(100, 10_000) : this.#random.between(10_000, 200_000);
    this.#later(downMs, () => machine.start());
    return true;
  }

  #partition(machine: Machine, directions: { readonly up: boolean; readonly down: boolean }): boolean {
    if (machine.uplink.isBlocked) return false;
    machine.uplink.block(directions);
    this.#later(this.#random.between(2_000, 300_000), () => {
      if (this.#isOver) return;
      machine.uplink.block({ up: false, down: false });
      if (this.#random.chance(0.5)) machine.uplink.cut();
    });
    return true;
  }

  #exit(machine: Machine): boolean {
    const pods = this.#world.store.inspect("SELECT uid FROM pods WHERE node = ?", [machine.name]);
    const uid = this.#random.pickOf(pods)?.["uid"];
    if (uid === undefined) return false;
    machine.runtime.exit(String(uid), this.#random.pick([0, 1, 139]));
    return true;
  }

  #strikePlatform(trouble: Exclude<Trouble, MachineTrouble>): boolean {
    const { databaseWeather: weather, worker } = this.#world;
    switch (trouble) {
      case "object evicted":
        return this.#anObject()?.evict() ?? false;
      case "object crash":
        return this.#anObject()?.crash("was killed") ?? false;
      case "two lives":
        return this.#twoLives();
      case "code update":
        for (const host of this.#world.objects()) host.crash("was replaced by a new version");
        worker.crash("was replaced by a new version");
        return true;
      case "isolate gone":
        worker.crash("was taken away");
        return true;
      case "database down":
        weather.isDown = true;
        this.#later(this.#random.between(1_000, 90_000), () => this.#world.usualWeather());
        return true;
      case "database slow":
        weather.latencyMs = [100, 2_500];
        this.#later(this.#random.between(5_000, 60_000), () => this.#world.usualWeather());
        return true;
      case "cron skipped":
        this.#world.cron = "skip";
        return true;
      case "cron twice":
        this.#world.cron = "twice";
        return true;
      default:
        return trouble satisfies never;
    }
  }

  #anObject() {
    return this.#random.pickOf(this.#world.objects().filter(({ isAwake }) => isAwake));
  }

  /** Objects that are in the middle of something, looked for over a while. */
  #twoLives(): boolean {
    let tries = 40;
    const look = () => {
      const busy = this.#anObject()?.supersede(this.#random.between(500, 30_000));
      tries -= 1;
      if (busy !== true && tries > 0) this.#later(this.#random.between(20, 800), look);
    };
    look();
    return true;
  }
}

type MachineTrouble = Extract<
  Trouble,
  | "agent crash"
  | "machine reboot"
  | "disk wiped"
  | "disk restored"
  | "disk full"
  | "clock jump"
  | "partition"
  | "one-way partition"
  | "sockets cut"
  | "container exit"
>;
