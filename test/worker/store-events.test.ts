import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";

import type { Happening } from "../../src/core/event-correlator.ts";
import type { KubeObject } from "../../src/model/meta.ts";
import { EventRecorder } from "../../src/store/event-recorder.ts";
import { readObjects } from "../../src/store/objects.ts";
import { TemplateCache } from "../../src/store/template-cache.ts";
import { newCluster, run } from "./support/cluster.ts";
import { keepTemplate, podTemplate } from "./support/pods.ts";

const nowMs = Date.UTC(2026, 5, 1);
const source = { component: "daemonset-controller" };
const subject = { kind: "DaemonSet", namespace: "default", name: "web", uid: "u1", apiVersion: "apps/v1" };

beforeEach(newCluster);

function happening(message: string, fields: Partial<Happening> = {}): Happening {
  return { subject, type: "Normal", reason: "SuccessfulCreate", message, ...fields };
}

function record(recorder: EventRecorder, messages: readonly string[], atMs: number = nowMs) {
  const told = messages.map((message) => ({ happening: happening(message), source }));
  return run(recorder.record(env.DB, told, { nowMs: atMs }));
}

async function events(): Promise<readonly KubeObject[]> {
  return run(readObjects(env.DB, { resource: "events", namespace: null, after: null, limit: 100 }));
}

describe("EventRecorder", () => {
  it("writes an Event for what is new, and counts what comes again", async () => {
    const recorder = new EventRecorder();
    await record(recorder, ["a", "b"]);
    await record(recorder, ["a"], nowMs + 60_000);
    const found = await events();
    expect(found.map((event) => [event["message"], event["count"]]).toSorted()).toEqual([
      ["a", 2],
      ["b", 1],
    ]);
    expect(found.find((event) => event["count"] === 2)).toMatchObject({ lastTimestamp: "2026-06-01T00:01:00Z" });
  });

  it("writes one Event for what is told twice in one breath", async () => {
    await record(new EventRecorder(), ["a", "a", "a"]);
    expect((await events()).map((event) => event["count"])).toEqual([3]);
  });

  it("names every Event otherwise, though the clock stands still", async () => {
    const messages = Array.from({ length: 8 }, (_, index) => `message ${index}`);
    await record(new EventRecorder(), messages);
    await record(new EventRecorder(), ["of another recorder"], nowMs + 1);
    expect(new Set((await events()).map(({ metadata }) => metadata.name)).size).toBe(9);
  });

  it("loses the count of an Event that is gone, and starts over once it would be forgotten", async () => {
    const recorder = new EventRecorder();
    await record(recorder, ["a"]);
    await env.DB.prepare("DELETE FROM objects WHERE resource = 'events'").run();
    await record(recorder, ["a"], nowMs + 1);
    await record(recorder, ["a"], nowMs + 51 * 60_000);
    expect((await events()).map((event) => event["count"])).toEqual([1]);
  });
});

describe("TemplateCache", () => {
  it("reads each template once", async () => {
    const id = await keepTemplate();
    const cache = new TemplateCache(env.DB);
    await cache.load([id]);
    await env.DB.prepare("DELETE FROM pod_templates").run();
    await cache.load([id]);
    expect(cache.get(id)).toEqual(podTemplate());
  });

  it("does not hand out what was never loaded", () => {
    expect(() => new TemplateCache(env.DB).get("t")).toThrow("must be loaded");
  });

  it("forgets others when there are too many, and never one that is asked for", async () => {
    const id = await keepTemplate();
    const cache = new TemplateCache(env.DB);
    for (let index = 0; index < 2_000; index += 1) cache.add(`t${index}`, podTemplate());
    await cache.load([id, "t7"]);
    expect([cache.has(id), cache.has("t7"), cache.has("t8")]).toEqual([true, true, false]);
  });
});
