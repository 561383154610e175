// How a component of the control plane tells people what it did: as Events, counted and kept within bounds.
import type { Correlation, EventSource, Happening } from "../core/event-correlator.ts";
import { correlate, newCorrelation } from "../core/event-correlator.ts";
import { eventObject, eventTtlMs } from "../core/event-object.ts";
import type { Part } from "./batch.ts";
import type { NewObject, WriteContext } from "./objects.ts";
import { insertObjects, updateObjects } from "./objects.ts";

/** A happening and who tells of it. */
export type Told = { readonly happening: Happening; readonly source: EventSource };

export class EventRecorder {
  readonly #correlation: Correlation = newCorrelation();
  #written = 0;

  /** The writes that record the happenings. */
  record(db: D1Database, told: readonly Told[], context: WriteContext): Part<null> {
    const created: NewObject[] = [];
    const repeated: NewObject[] = [];
    for (const { happening, source } of told) {
      const fresh = { uid: crypto.randomUUID(), nameSuffix: this.#nameSuffix(context.nowMs) };
      const action = correlate(this.#correlation, { ...happening, source }, context.nowMs, fresh);
      if (action.do === "drop") continue;
      const object = eventObject({ action, source, nowMs: context.nowMs });
      const place = { namespace: object.metadata.namespace ?? "", name: action.name };
      const row = { resource: "events", ...place, object, expiresMs: context.nowMs + eventTtlMs };
      // A repeat of an Event that is new in this very batch only changes that one.
      const pending = created.findIndex(({ name }) => name === action.name);
      if (pending >= 0) created[pending] = row;
      else if (action.do === "create") created.push(row);
      else repeated.push(row);
    }
    const latest = [...new Map(repeated.map((row) => [row.name, row])).values()];
    return {
      statements: [
        ...insertObjects(db, created, context).statements,
        ...updateObjects(
          db,
          latest.map((row) => ({ ...row, expectRv: null, previous: null })),
          context,
        ).statements,
      ],
      read: () => null,
    };
  }

  /** Unique within this component: the time in nanoseconds, with a counter in place of what the clock cannot tell. */
  #nameSuffix(nowMs: number): string {
    this.#written = (this.#written + 1) % 1_000_000;
    return (BigInt(nowMs) * 1_000_000n + BigInt(this.#written)).toString(16);
  }
}
