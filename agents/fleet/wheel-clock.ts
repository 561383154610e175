// One timer of the host's for all timers of a fleet: delays are rounded up to a common grid.
import type { Clock } from "../node/ports.ts";

type Timer = { run: (() => void) | undefined };

const gridMs = 5;

export class WheelClock implements Clock {
  readonly #slots = new Map<number, Timer[]>();
  /** Numbers of the slots in use, as a heap: the first is the next. */
  readonly #order: number[] = [];
  #next: { readonly slot: number; readonly timer: NodeJS.Timeout } | undefined;

  nowMs(): number {
    return Date.now();
  }

  monotonicMs(): number {
    return performance.now();
  }

  setTimer(delayMs: number, run: () => void): () => void {
    const slot = Math.ceil((performance.now() + Math.max(0, delayMs)) / gridMs);
    const timer: Timer = { run };
    const timers = this.#slots.get(slot);
    if (timers === undefined) {
      this.#slots.set(slot, [timer]);
      push(this.#order, slot);
      this.#arm();
    } else timers.push(timer);
    return () => {
      timer.run = undefined;
    };
  }

  stop(): void {
    clearTimeout(this.#next?.timer);
    this.#next = undefined;
    this.#slots.clear();
    this.#order.length = 0;
  }

  #arm(): void {
    const slot = this.#order[0];
    if (slot === undefined || (this.#next !== undefined && this.#next.slot <= slot)) return;
    clearTimeout(this.#next?.timer);
    const timer = setTimeout(() => this.#turn(), Math.max(0, slot * gridMs - performance.now()));
    this.#next = { slot, timer };
  }

  #turn(): void {
    this.#next = undefined;
    const now = Math.floor(performance.now() / gridMs);
    for (let slot = this.#order[0]; slot !== undefined && slot <= now; slot = this.#order[0]) {
      pop(this.#order);
      const timers = this.#slots.get(slot) ?? [];
      this.#slots.delete(slot);
      for (const { run } of timers) run?.();
    }
    this.#arm();
  }
}

function push(heap: number[], value: number): void {
  let at = heap.push(value) - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    const above = heap[parent] ?? 0;
    if (above <= value) break;
    heap[at] = above;
    at = parent;
  }
  heap[at] = value;
}

/** Removes the smallest. */
function pop(heap: number[]): void {
  const value = heap.pop();
  if (value === undefined || heap.length === 0) return;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    const right = heap[child + 1];
    if (right !== undefined && right < (heap[child] ?? 0)) child += 1;
    const below = heap[child] ?? 0;
    if (below >= value) break;
    heap[at] = below;
    at = child;
  }
  heap[at] = value;
}
