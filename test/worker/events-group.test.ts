// Events in two groups: the same objects, under the names of each.
import { beforeEach, describe, expect, it } from "vitest";

import { Agent, runningStatus } from "./support/agent.ts";
import * as api from "./support/api.ts";
import { newCluster } from "./support/cluster.ts";
import { until } from "./support/until.ts";
import { Watching } from "./support/watch.ts";

const core = "/api/v1/namespaces/default/events";
const named = "/apis/events.k8s.io/v1/namespaces/default/events";

beforeEach(newCluster);

const eventTime = "2026-01-01T00:00:00.123456Z";
const regarding = { kind: "Pod", namespace: "default", name: "web", apiVersion: "v1" };
const event = {
  ...{ apiVersion: "events.k8s.io/v1", kind: "Event", metadata: { name: "one" }, eventTime, regarding },
  ...{ reportingController: "example.com/daemon", reportingInstance: "daemon-1", action: "Look", reason: "Seen" },
  ...{ note: "It was there.", type: "Warning" },
};

describe("an Event", () => {
  it("that is written in its own group is in the core group as well", async () => {
    expect(await api.create(named, event)).toMatchObject({ ...event, metadata: { name: "one", namespace: "default" } });
    const read = await api.get(`${core}/one`);
    expect(read).toMatchObject({
      ...{ apiVersion: "v1", kind: "Event", eventTime, involvedObject: regarding, message: "It was there." },
      ...{ reportingComponent: "example.com/daemon", reportingInstance: "daemon-1", source: {}, firstTimestamp: null },
    });
    expect(read).not.toHaveProperty("regarding");
    expect(await api.list(core)).toHaveLength(1);
  });

  it("of the core group says in the other one what has no place there any more", async () => {
    const source = { component: "old", host: "a" };
    const times = { firstTimestamp: "2026-01-01T00:00:00Z", lastTimestamp: "2026-01-01T00:01:00Z" };
    const old = { metadata: { name: "old" }, involvedObject: regarding, message: "hm", count: 3, source, ...times };
    await api.create(core, old);
    const [shown] = await api.list(named);
    expect(shown).toMatchObject({
      ...{ note: "hm", regarding, deprecatedCount: 3, deprecatedSource: source, eventTime: null },
      ...{ deprecatedFirstTimestamp: times.firstTimestamp, deprecatedLastTimestamp: times.lastTimestamp },
    });
    expect(shown).not.toHaveProperty("message");
  });

  it("is counted on by a patch, and by nothing else", async () => {
    await api.create(named, event);
    const series = { count: 2, lastObservedTime: "2026-01-01T00:05:00.000001Z" };
    const path = `${named}/one`;
    await api.patch(path, { series }, "application/strategic-merge-patch+json");
    expect(await api.get(`${core}/one`)).toMatchObject({ series, message: "It was there." });
    const refused = await api.call(path, {
      ...{ method: "PATCH", contentType: "application/merge-patch+json" },
      body: { note: "It was not.", deprecatedSource: { host: "b" }, series: { count: 1 } },
    });
    expect(refused.code).toBe(422);
    expect(refused.body["message"]).toBe(
      'Event.events.k8s.io "one" is invalid: [series.count: Invalid value: "": should be at least 2, message: Invalid value: "It was not.": field is immutable, source: Invalid value: {"host":"b"}: field is immutable]',
    );
  });

  it("is watched in either group, by the names that it has there", async () => {
    const inNamed = await Watching.start(
      `${named}?fieldSelector=regarding.name=web,reportingController=example.com/daemon`,
    );
    const inCore = await Watching.start(
      `${core}?fieldSelector=involvedObject.name=web,reportingComponent=example.com/daemon`,
    );
    const others = await Watching.start(`${named}?fieldSelector=regarding.name=other`);
    await api.create(named, event);
    // In the core group a reason may change, and with it who sees the Event.
    const byReason = await Watching.start(`${named}?fieldSelector=reason=Seen`);
    await api.patch(`${core}/one`, { reason: "Forgotten" });
    await api.remove(`${core}/one`);
    const typesOf = ({ events }: Watching) => events.map(({ type }) => type);
    await until("both are told", () => inNamed.events.length === 3 && inCore.events.length === 3);
    expect(typesOf(inNamed)).toEqual(["ADDED", "MODIFIED", "DELETED"]);
    expect(inNamed.events[0]?.object).toMatchObject({ apiVersion: "events.k8s.io/v1", note: "It was there." });
    expect(inCore.events[0]?.object).toMatchObject({ apiVersion: "v1", message: "It was there." });
    await until("it is lost sight of", () => byReason.events.length === 2);
    expect(typesOf(byReason)).toEqual(["ADDED", "DELETED"]);
    expect(byReason.events[1]?.object).toMatchObject({ apiVersion: "events.k8s.io/v1", reason: "Seen" });
    expect(others.events).toEqual([]);
  });

  it("is deleted with others of its own group's collection", async () => {
    await api.create(named, event);
    const { items } = await api.remove(`${named}?fieldSelector=regarding.name=web`);
    expect(items).toMatchObject([{ note: "It was there." }]);
    expect(await api.list(core)).toEqual([]);
  });

  it.each<readonly [string, object, string]>([
    ["a time", { eventTime: null }, "eventTime: Required value"],
    [
      "a reporter",
      { reportingController: "" },
      '[reportingController: Required value, reportingController: Invalid value: "": name part must be non-empty',
    ],
    ["a type", { type: "Odd" }, 'type: Invalid value: "": has invalid value: Odd'],
    ["nothing old", { deprecatedCount: 1 }, 'count: Invalid value: "": needs to be unset'],
    ["no old source", { deprecatedSource: { host: "a" } }, 'source: Invalid value: "": needs to be unset'],
    [
      "a series that is one",
      { series: { count: 1, lastObservedTime: eventTime } },
      'series.count: Invalid value: "": should be at least 2',
    ],
  ])("that is made in its own group has %s", async (_what, change, why) => {
    const { code, body } = await api.call(named, { method: "POST", body: { ...event, ...change } });
    expect(code).toBe(422);
    expect(body["message"]).toContain(`Event.events.k8s.io "one" is invalid: ${why}`);
  });

  it("is asked for by no field of the other group", async () => {
    const { code, body } = await api.call(`${named}?fieldSelector=involvedObject.name=web`);
    expect([code, body["message"]]).toEqual([400, "field label not supported: involvedObject.name"]);
  });
});

describe("an Event that is made up from its pod", () => {
  it("is had by its name in both groups, and cannot be deleted", async () => {
    const agent = await Agent.registered("a");
    const containers = [{ name: "c", image: "example/app:1" }];
    const pod = await api.create(api.pods, { metadata: { name: "we.b" }, spec: { nodeName: "a", containers } });
    await until("the agent is told of the pod", async () => (await agent.sync()) && agent.pods.size === 1);
    const startedAt = new Date().toISOString();
    const containerStatuses = [
      {
        ...{ name: "c", image: "example/app:1", imageID: "", ready: true, restartCount: 0, lastState: {} },
        state: { running: { startedAt } },
      },
    ];
    const status = { ...runningStatus(), containerStatuses };
    await agent.sync({ pods: [agent.report(pod.metadata.uid ?? "", { status })] });
    const query = "?fieldSelector=involvedObject.kind=Pod";
    const names = (await api.list(`${core}${query}`)).map(({ metadata }) => metadata.name ?? "");
    expect(names).toEqual(["we.b.created.c", "we.b.started.c"]);
    for (const name of names)
      expect(await api.get(`${core}/${name}`)).toMatchObject({ involvedObject: { name: "we.b" } });
    expect(await api.get(`${named}/we.b.started.c`)).toMatchObject({ regarding: { name: "we.b" } });
    expect((await api.call(`${core}/we.b.started.d`)).code).toBe(404);
    expect((await api.call(`${core}/we.b.started.c`, { method: "DELETE" })).code).toBe(404);
  });
});
