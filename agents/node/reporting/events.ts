// Events on their way to the control plane: few, counted, and the first to be given up.
import type { EventReport } from "../../../src/sync/messages.ts";
import type { PodEvent } from "../pod/pod-event.ts";

const longestQueue = 128;
const longestMessage = 1024;

/** Equal events become one with a count. When there are too many kinds of them, the oldest goes. */
export class EventQueue {
  #waiting: Map<string, EventReport> | undefined;
  #sent: readonly EventReport[] = [];

  get hasNews(): boolean {
    return this.#waiting !== undefined && this.#waiting.size > 0;
  }

  add(podUid: string | undefined, event: PodEvent, nowMs: number): void {
    const at = new Date(nowMs).toISOString();
    const whose = podUid === undefined ? {} : { podUid };
    const message = event.message.slice(0, longestMessage);
    this.#put({ ...event, ...whose, message, count: 1, firstAt: at, lastAt: at });
  }

  /** The oldest, up to `most`, to send now. They are kept until they are said to have arrived or to be lost. */
  take(most: number): readonly EventReport[] {
    const sent: EventReport[] = [];
    for (const [key, event] of this.#waiting ?? []) {
      if (sent.length === most) break;
      sent.push(event);
      this.#waiting?.delete(key);
    }
    this.#sent = sent;
    return sent;
  }

  arrived(): void {
    this.#sent = [];
  }

  lost(): void {
    const newer = [...(this.#waiting?.values() ?? [])];
    const older = this.#sent;
    this.#waiting = undefined;
    this.#sent = [];
    for (const event of [...older, ...newer]) this.#put(event);
  }

  #put(event: EventReport): void {
    this.#waiting ??= new Map();
    const key = `${event.podUid}/${event.fieldPath}/${event.reason}/${event.message}`;
    const before = this.#waiting.get(key);
    if (before !== undefined) {
      this.#waiting.set(key, { ...before, count: before.count + event.count, lastAt: event.lastAt });
      return;
    }
    const oldest = this.#waiting.keys().next();
    if (this.#waiting.size >= longestQueue && oldest.done !== true) this.#waiting.delete(oldest.value);
    this.#waiting.set(key, event);
  }
}
