// Who does things in the simulated world, and may die while doing them.

export type ActorKind =
  | "DaemonSetController"
  | "NodeShard"
  | "WatchHub"
  | "ControllerManager"
  | "Scheduler"
  | "SelectorController"
  | "worker"
  | "agent"
  | "machine"
  | "user"
  | "world";

/** One life of something: a Durable Object's instance, a Worker's isolate, an agent's process. */
export class Actor {
  readonly kind: ActorKind;
  readonly name: string;
  #isAlive = true;
  readonly #ends: ((why: string) => void)[] = [];
  readonly #flushes: (() => void)[] = [];

  constructor(kind: ActorKind, name: string) {
    this.kind = kind;
    this.name = name;
  }

  /** What waits for a dead actor waits for ever. */
  get isAlive(): boolean {
    return this.#isAlive;
  }

  die(why: string): void {
    if (!this.#isAlive) return;
    this.#isAlive = false;
    for (const end of this.#ends) end(why);
  }

  onDeath(end: (why: string) => void): void {
    this.#ends.push(end);
  }

  /** Makes durable what was written so far: nothing leaves an actor before that. */
  flush(): void {
    for (const flush of this.#flushes) flush();
  }

  onFlush(flush: () => void): void {
    this.#flushes.push(flush);
  }
}
