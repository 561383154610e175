import { describe, expect, it } from "vitest";

import { controllerRevisions } from "../../src/model/controller-revision.ts";
import { daemonSets } from "../../src/model/daemonset.ts";
import { events } from "../../src/model/event.ts";
import { joinTokens } from "../../src/model/join-token.ts";
import type { KubeObject } from "../../src/model/meta.ts";
import { nodes } from "../../src/model/node.ts";
import { age, humanDuration } from "../../src/model/printing.ts";
import type { Cell, Resource } from "../../src/model/resource.ts";
import { resources } from "../../src/model/resources.ts";
import { daemonSet, decoded } from "./objects.ts";

const secondMs = 1000;
const minuteMs = 60 * secondMs;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
const nowMs = Date.parse("2026-06-01T12:00:00Z");

it.each([
  [-2 * secondMs, "<invalid>"],
  [-1 * secondMs, "0s"],
  [-1, "0s"],
  [0, "0s"],
  [119 * secondMs, "119s"],
  [120 * secondMs, "2m"],
  [9 * minuteMs + 59 * secondMs, "9m59s"],
  [10 * minuteMs + 59 * secondMs, "10m"],
  [3 * hourMs - secondMs, "179m"],
  [3 * hourMs, "3h"],
  [7 * hourMs + 59 * minuteMs, "7h59m"],
  [8 * hourMs + 59 * minuteMs, "8h"],
  [48 * hourMs - secondMs, "47h"],
  [48 * hourMs, "2d"],
  [2 * dayMs + 5 * hourMs, "2d5h"],
  [8 * dayMs + 5 * hourMs, "8d"],
  [730 * dayMs - secondMs, "729d"],
  [730 * dayMs, "2y"],
  [770 * dayMs, "2y40d"],
  [8 * 365 * dayMs + 40 * dayMs, "8y"],
])("humanDuration: %d ms is %s", (durationMs, text) => {
  expect(humanDuration(durationMs)).toBe(text);
});

it("age of what has no time is unknown", () => {
  expect(age(undefined, nowMs)).toBe("<unknown>");
  expect(age(null, nowMs)).toBe("<unknown>");
  expect(age("2026-06-01T11:59:00Z", nowMs)).toBe("60s");
});

function row<T extends KubeObject>(resource: Resource<T>, object: T): Readonly<Record<string, Cell>> {
  return Object.fromEntries(resource.columns.map((column) => [column.name, column.cell(object, nowMs)]));
}

describe("columns", () => {
  it.each([
    ["configmaps", "Name, Data, Age"],
    ["events", "Last Seen, Type, Reason, Object, Subobject+, Source+, Message, First Seen+, Count+, Name+"],
    ["namespaces", "Name, Status, Age"],
    [
      "nodes",
      "Name, Status, Roles, Age, Version, Internal-IP+, External-IP+, OS-Image+, Kernel-Version+, Container-Runtime+",
    ],
    ["pods", "Name, Ready, Status, Restarts, Age, IP+, Node+, Nominated Node+, Readiness Gates+"],
    ["secrets", "Name, Type, Data, Age"],
    ["serviceaccounts", "Name, Secrets, Age"],
    ["controllerrevisions", "Name, Controller, Revision, Age"],
    [
      "daemonsets",
      "Name, Desired, Current, Ready, Up-to-date, Available, Node Selector, Age, Containers+, Images+, Selector+",
    ],
    ["leases", "Name, Holder, Age"],
    ["priorityclasses", "Name, Value, Global-Default, Age, PreemptionPolicy"],
    ["jointokens", "Name, Uses, Expires, Age"],
    ["services", "Name, Type, Cluster-IP, External-IP, Port(s), Age, Selector+"],
    ["endpoints", "Name, Endpoints, Age"],
    ["endpointslices", "Name, AddressType, Ports, Endpoints, Age"],
    ["poddisruptionbudgets", "Name, Min Available, Max Unavailable, Allowed Disruptions, Age"],
    ["resourcequotas", "Name, Request, Limit, Age"],
    ["limitranges", "Name, Created At"],
    ["runtimeclasses", "Name, Handler, Age"],
    [
      "csidrivers",
      "Name, AttachRequired, PodInfoOnMount, StorageCapacity, TokenRequests, RequiresRepublish, Modes, Age",
    ],
    ["storageclasses", "Name, Provisioner, ReclaimPolicy, VolumeBindingMode, AllowVolumeExpansion, Age"],
    [
      "persistentvolumeclaims",
      "Name, Status, Volume, Capacity, Access Modes, StorageClass, VolumeAttributesClass, Age, VolumeMode+",
    ],
    [
      "persistentvolumes",
      "Name, Capacity, Access Modes, Reclaim Policy, Status, Claim, StorageClass, VolumeAttributesClass, Reason, Age, VolumeMode+",
    ],
    ["ingresses", "Name, Class, Hosts, Address, Ports, Age"],
    ["networkpolicies", "Name, Pod-Selector, Age"],
    ["deployments", "Name, Ready, Up-to-date, Available, Age, Containers+, Images+, Selector+"],
    ["replicasets", "Name, Desired, Current, Ready, Age, Containers+, Images+, Selector+"],
    ["statefulsets", "Name, Ready, Age, Containers+, Images+"],
    ["jobs", "Name, Status, Completions, Duration, Age, Containers+, Images+, Selector+"],
    ["cronjobs", "Name, Schedule, Timezone, Suspend, Active, Last Schedule, Age, Containers+, Images+, Selector+"],
  ])("of %s", (plural, columns) => {
    const resource = resources.find((candidate) => candidate.plural === plural);
    const names = resource?.columns.map(({ name, priority }) => (priority === 1 ? `${name}+` : name));
    expect(names?.join(", ")).toBe(columns);
  });

  it("are described, and the name is marked as such", () => {
    for (const { columns } of resources) {
      expect(columns.filter(({ format }) => format === "name")).toHaveLength(1);
      for (const { description } of columns) expect(description).toMatch(/^[A-Z].*\.$/);
    }
  });
});

it("a DaemonSet's row counts nodes", () => {
  const set = daemonSet({
    "metadata.creationTimestamp": "2026-06-01T11:00:00Z",
    "spec.template.spec.nodeSelector": { b: "2", a: "1" },
    "spec.template.spec.containers": [
      { name: "c", image: "nginx:1" },
      { name: "d", image: "redis:2" },
    ],
    status: { desiredNumberScheduled: 5, currentNumberScheduled: 4, numberReady: 3, updatedNumberScheduled: 2 },
  });
  expect(row(daemonSets, set)).toEqual({
    Name: "web",
    Desired: 5,
    Current: 4,
    Ready: 3,
    "Up-to-date": 2,
    Available: 0,
    "Node Selector": "a=1,b=2",
    Age: "60m",
    Containers: "c,d",
    Images: "nginx:1,redis:2",
    Selector: "app=web",
  });
});

describe("a node's row", () => {
  const node = (json: object) => row(nodes, decoded(nodes, { metadata: { name: "n" }, ...json }));
  const ready = (status: string) => ({ status: { conditions: [{ type: "Ready", status }] } });

  it.each([
    ["True is ready", ready("True"), "Ready"],
    ["False is not", ready("False"), "NotReady"],
    ["Unknown is not", ready("Unknown"), "NotReady"],
    ["nothing said is unknown", {}, "Unknown"],
    ["cordoned", { ...ready("True"), spec: { unschedulable: true } }, "Ready,SchedulingDisabled"],
  ])("%s", (_rule, json, status) => {
    expect(node(json)["Status"]).toBe(status);
  });

  it("names roles by both kinds of label, each once, in order", () => {
    const labels = {
      "node-role.kubernetes.io/edge": "",
      "kubernetes.io/role": "db",
      "node-role.kubernetes.io/db": "",
      "node-role.kubernetes.io/": "",
    };
    expect(node({ metadata: { labels } })["Roles"]).toBe("db,edge");
    expect(node({})["Roles"]).toBe("<none>");
  });

  it("shows what is known of the machine", () => {
    const status = {
      addresses: [
        { type: "Hostname", address: "h" },
        { type: "InternalIP", address: "10.0.0.1" },
      ],
      nodeInfo: { kubeletVersion: "v1", osImage: "Debian" },
    };
    expect(node({ status })).toMatchObject({
      Version: "v1",
      "Internal-IP": "10.0.0.1",
      "External-IP": "<none>",
      "OS-Image": "Debian",
      "Kernel-Version": "<unknown>",
      "Container-Runtime": "<unknown>",
    });
  });
});

describe("an event's row", () => {
  const event = (json: object) => row(events, decoded(events, { metadata: { name: "e" }, ...json }));

  it("tells what, where and by whom", () => {
    expect(
      event({
        involvedObject: { kind: "Pod", name: "web", fieldPath: "spec.containers{c}" },
        type: "Warning",
        reason: "BackOff",
        message: " back-off\n",
        source: { component: "kubelet", host: "n" },
        firstTimestamp: "2026-06-01T11:00:00Z",
        lastTimestamp: "2026-06-01T11:59:00Z",
        count: 3,
      }),
    ).toEqual({
      "Last Seen": "60s",
      Type: "Warning",
      Reason: "BackOff",
      Object: "pod/web",
      Subobject: "spec.containers{c}",
      Source: "kubelet, n",
      Message: "back-off",
      "First Seen": "60m",
      Count: 3,
      Name: "e",
    });
  });

  it("of the new kind has an event time, a series and a reporter", () => {
    expect(
      event({
        eventTime: "2026-06-01T11:00:00.000000Z",
        series: { count: 7, lastObservedTime: "2026-06-01T11:59:30.000000Z" },
        reportingComponent: "lares.dev/agent",
      }),
    ).toMatchObject({ "Last Seen": "30s", "First Seen": "60m", Count: 7, Source: "lares.dev/agent" });
  });

  it("without times and count happened once, some time", () => {
    expect(event({})).toMatchObject({ "Last Seen": "<unknown>", Count: 1 });
  });
});

it.each([
  ["of a DaemonSet", "apps/v1", "DaemonSet", "daemonset.apps/web"],
  ["of the core group", "v1", "Pod", "pod/web"],
])("a revision's controller: %s", (_rule, apiVersion, kind, shown) => {
  const ownerReferences = [{ apiVersion, kind, name: "web", uid: "1", controller: true }];
  const revision = decoded(controllerRevisions, { metadata: { ownerReferences }, data: {}, revision: 3 });
  expect(row(controllerRevisions, revision)).toMatchObject({ Controller: shown, Revision: 3 });
});

it.each([
  ["some uses", { maxUses: 3 }, "2026-06-01T13:00:00Z", "1/3", "60m"],
  ["any number of uses, too late", { maxUses: 0 }, "2026-06-01T12:00:00Z", "1/unlimited", "expired"],
])("a join token's row: %s", (_rule, spec, expirationTimestamp, uses, expires) => {
  const token = decoded(joinTokens, { metadata: { name: "t" }, spec, status: { uses: 1, expirationTimestamp } });
  expect(row(joinTokens, token)).toMatchObject({ Uses: uses, Expires: expires });
});
