import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { Correlation, EventAction, Happening } from "../../src/core/event-correlator.ts";
import { correlate, newCorrelation } from "../../src/core/event-correlator.ts";
import { eventObject } from "../../src/core/event-object.ts";
import { nowMs } from "../support/facts.ts";

const subject = { kind: "DaemonSet", namespace: "default", name: "web", uid: "u1", apiVersion: "apps/v1" };
const source = { component: "daemonset-controller" };
let fresh = 0;

function happening(message: string, fields: Partial<Happening> = {}): Happening {
  return { subject, type: "Normal", reason: "SuccessfulCreate", message, ...fields };
}

function tell(correlation: Correlation, what: Happening, atMs: number = nowMs): EventAction {
  fresh += 1;
  return correlate(correlation, { ...what, source }, atMs, { uid: `uid-${fresh}`, nameSuffix: `s${fresh}` });
}

function told(action: EventAction): string {
  return action.do === "drop" ? "drop" : `${action.do} ${action.count} ${action.happening.message}`;
}

describe("correlate", () => {
  it("makes an Event of what is new, and counts what is told again", () => {
    const correlation = newCorrelation();
    const first = tell(correlation, happening("a"));
    const second = tell(correlation, happening("a"), nowMs + 1_000);
    expect([told(first), told(second)]).toEqual(["create 1 a", "repeat 2 a"]);
    expect(second).toMatchObject({ name: first.do === "drop" ? "" : first.name, firstAtMs: nowMs });
  });

  it.each<readonly [string, Partial<Happening>]>([
    ["another reason", { reason: "SuccessfulDelete" }],
    ["another type", { type: "Warning" }],
    ["another subject", { subject: { ...subject, uid: "u2" } }],
    ["another container", { subject: { ...subject, fieldPath: "spec.containers{c}" } }],
  ])("does not count %s as the same", (_what, fields) => {
    const correlation = newCorrelation();
    tell(correlation, happening("a"));
    expect(told(tell(correlation, happening("a", fields)))).toBe("create 1 a");
  });

  it("tells apart who tells it", () => {
    const correlation = newCorrelation();
    tell(correlation, happening("a"));
    const other = { ...happening("a"), source: { component: "kubelet", host: "edge-1" } };
    expect(correlate(correlation, other, nowMs, { uid: "x", nameSuffix: "x" }).do).toBe("create");
  });

  it("makes one of similar ones from the tenth message on", () => {
    const correlation = newCorrelation();
    const actions = Array.from({ length: 12 }, (_, index) => told(tell(correlation, happening(`m${index}`))));
    expect(actions.slice(8)).toEqual([
      "create 1 m8",
      "create 1 (combined from similar events): m9",
      "repeat 2 (combined from similar events): m10",
      "repeat 3 (combined from similar events): m11",
    ]);
  });

  it("still counts a message that it knows, when there are too many others", () => {
    const correlation = newCorrelation();
    for (let index = 0; index < 9; index += 1) tell(correlation, happening(`m${index}`));
    tell(correlation, happening("one too many"));
    expect(told(tell(correlation, happening("m3")))).toBe("repeat 2 m3");
  });

  it("forgets what was similar after ten quiet minutes", () => {
    const correlation = newCorrelation();
    for (let index = 0; index < 12; index += 1) tell(correlation, happening(`m${index}`));
    expect(told(tell(correlation, happening("later"), nowMs + 600_001))).toBe("create 1 later");
  });

  it("drops a flood about one subject after 25, and takes one again every five minutes", () => {
    const correlation = newCorrelation();
    const actions = Array.from({ length: 30 }, () => tell(correlation, happening("a")).do);
    expect(actions.filter((action) => action === "drop")).toHaveLength(5);
    expect(tell(correlation, happening("a"), nowMs + 299_999).do).toBe("drop");
    expect(tell(correlation, happening("a"), nowMs + 300_000).do).toBe("repeat");
    expect(tell(correlation, happening("a"), nowMs + 300_001).do).toBe("drop");
  });

  it("does not let one subject's flood keep another's events away", () => {
    const correlation = newCorrelation();
    for (let index = 0; index < 30; index += 1) tell(correlation, happening("a"));
    expect(tell(correlation, happening("a", { subject: { ...subject, uid: "u2" } })).do).toBe("create");
  });

  it("makes a new Event when the one to be counted may be forgotten already", () => {
    const correlation = newCorrelation();
    tell(correlation, happening("a"));
    expect(told(tell(correlation, happening("a"), nowMs + 50 * 60_000))).toBe("create 1 a");
  });

  it("remembers no more than a few thousand, whatever it is told", () => {
    const correlation = newCorrelation();
    for (let index = 0; index < 6_000; index += 1) {
      tell(correlation, happening("a", { subject: { ...subject, uid: `u${index}` } }));
    }
    for (const { size } of [correlation.seen, correlation.similar, correlation.buckets]) {
      expect(size).toBeLessThanOrEqual(4_096);
    }
  });

  it("gives every new Event a name of its own, and counts without a gap", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom("a", "b", "c"), { maxLength: 40 }), (messages) => {
        const correlation = newCorrelation();
        const counts = new Map<string, number>();
        for (const message of messages) {
          const action = tell(correlation, happening(message));
          if (action.do === "drop") continue;
          expect(action.count).toBe((counts.get(action.name) ?? 0) + 1);
          expect(action.do).toBe(counts.has(action.name) ? "repeat" : "create");
          counts.set(action.name, action.count);
        }
      }),
    );
  });
});

describe("eventObject", () => {
  it("is the Event that client-go would write", () => {
    const action = tell(newCorrelation(), happening("Created pod: web-x"));
    if (action.do === "drop") throw new Error("the first event is never dropped");
    expect(eventObject({ action, source, nowMs })).toEqual({
      apiVersion: "v1",
      kind: "Event",
      metadata: { name: action.name, namespace: "default", uid: action.uid, creationTimestamp: "2026-06-01T12:00:00Z" },
      involvedObject: { kind: "DaemonSet", namespace: "default", name: "web", uid: "u1", apiVersion: "apps/v1" },
      reason: "SuccessfulCreate",
      message: "Created pod: web-x",
      source: { component: "daemonset-controller" },
      firstTimestamp: "2026-06-01T12:00:00Z",
      lastTimestamp: "2026-06-01T12:00:00Z",
      count: 1,
      type: "Normal",
      eventTime: null,
      reportingComponent: "daemonset-controller",
      reportingInstance: "",
    });
  });

  it("is kept in the namespace default when its subject has none", () => {
    const node = { kind: "Node", namespace: "", name: "edge-1", uid: "n", apiVersion: "v1" };
    const action = tell(newCorrelation(), happening("a", { subject: node }));
    if (action.do === "drop") throw new Error("the first event is never dropped");
    const event = eventObject({ action, source: { component: "kubelet", host: "edge-1" }, nowMs });
    expect(event.metadata.namespace).toBe("default");
    expect(event["involvedObject"]).toEqual({ kind: "Node", name: "edge-1", uid: "n", apiVersion: "v1" });
    expect(event["reportingInstance"]).toBe("edge-1");
  });
});
