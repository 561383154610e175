// The endpoints of Services follow their pods, and cost nothing where there is nothing to follow.
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { bucketOf } from "../../src/core/buckets.ts";
import type { EndpointSlice } from "../../src/model/endpoint-slice.ts";
import type { Endpoints } from "../../src/model/endpoints.ts";
import { templateOfPod } from "../../src/model/pod-template.ts";
import { readMeter } from "../../src/store/meter.ts";
import { templateId } from "../../src/store/pod-rows.ts";
import { insertPods, insertTemplates, updatePodStatuses } from "../../src/store/pods.ts";
import { pod } from "../model/objects.ts";
import * as api from "./support/api.ts";
import { head, newCluster, run } from "./support/cluster.ts";
import { until } from "./support/until.ts";

const services = "/api/v1/namespaces/default/services";
const slicesPath = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices";
const endpointsPath = "/api/v1/namespaces/default/endpoints";

beforeEach(newCluster);

const template = templateOfPod(
  pod({ "metadata.labels": { app: "web" }, "spec.containers[0].ports": [{ name: "http", containerPort: 8080 }] }),
).template;

/** Pods in the store, bound and without a status. */
async function addPods(count: number): Promise<void> {
  const id = templateId(template);
  await run(insertTemplates(env.DB, new Map([[id, template]])));
  const rows = Array.from({ length: count }, (_, index) => ({
    namespace: "default",
    name: `web-${index}`,
    uid: `pod-${index}`,
    template: id,
    node: `n${index}`,
    bucket: bucketOf(`n${index}`),
    ownerUid: null,
    slot: index,
    createdMs: Date.now(),
    hasFinalizers: false,
    phase: "Pending",
  }));
  await run(insertPods(env.DB, rows, null, { nowMs: Date.now() }));
}

let reports = 0;

async function report(indexes: readonly number[], isReady = true): Promise<void> {
  reports += 1;
  const updates = indexes.map((index) => ({
    namespace: "default",
    name: `web-${index}`,
    uid: `pod-${index}`,
    phase: "Running",
    status: {
      phase: "Running",
      podIP: `10.1.${Math.floor(index / 250)}.${1 + (index % 250)}`,
      conditions: [{ type: "Ready", status: isReady ? "True" : "False" }],
    },
    lost: !isReady,
    observation: reports,
  }));
  await run(updatePodStatuses(env.DB, updates, { nowMs: Date.now() }));
}

const range = (count: number) => Array.from({ length: count }, (_, index) => index);

async function createService(spec: object = {}): Promise<void> {
  const metadata = { name: "web", labels: { team: "a" } };
  const ports = [{ name: "http", port: 80, targetPort: "http" }];
  await api.create(services, {
    apiVersion: "v1",
    kind: "Service",
    metadata,
    spec: { selector: { app: "web" }, ports, ...spec },
  });
}

function controller() {
  return env.SELECTOR_CONTROLLER.get(env.SELECTOR_CONTROLLER.idFromName("selectors"));
}

async function slices(): Promise<readonly EndpointSlice[]> {
  // The API answers with what it was asked for.
  return (await api.list(slicesPath)) as unknown as readonly EndpointSlice[];
}

async function endpoints(): Promise<Endpoints> {
  return (await api.get(`${endpointsPath}/web`)) as unknown as Endpoints;
}

/** Lets the controller do what is to be done, past the rest it takes after a round. */
async function settle(holds: () => Promise<boolean>): Promise<void> {
  await until("the endpoints are as they should be", async () => {
    await controller().poke();
    return holds();
  });
}

describe("the endpoints of a Service", () => {
  it("are its pods, in slices that it owns and in Endpoints of its name", async () => {
    await addPods(3);
    await report([0, 1]);
    await report([2], false);
    await createService();
    await settle(async () => (await slices())[0]?.endpoints?.length === 3);
    const [slice] = await slices();
    expect(slice).toMatchObject({
      metadata: {
        generateName: "web-",
        labels: {
          team: "a",
          "kubernetes.io/service-name": "web",
          "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
        },
        ownerReferences: [{ kind: "Service", name: "web", controller: true, blockOwnerDeletion: true }],
      },
      addressType: "IPv4",
      ports: [{ name: "http", protocol: "TCP", port: 8080 }],
    });
    expect(slice?.endpoints?.[0]).toMatchObject({ nodeName: "n0", targetRef: { kind: "Pod", name: "web-0" } });
    const [subset] = (await endpoints()).subsets ?? [];
    expect(subset?.addresses?.map(({ ip }) => ip)).toEqual(["10.1.0.1", "10.1.0.2"]);
    expect(subset?.notReadyAddresses?.map(({ ip }) => ip)).toEqual(["10.1.0.3"]);
  });

  it("follow a pod that gets ready, one that is relabelled and one that goes", async () => {
    await addPods(2);
    await createService();
    await settle(async () => (await slices()).length === 1);
    expect((await slices())[0]?.endpoints).toBeNull();
    await report([0, 1]);
    await settle(async () => (await slices())[0]?.endpoints?.length === 2);
    await api.patch(`${api.pods}/web-0`, { metadata: { labels: { app: "other" } } });
    await settle(async () => (await slices())[0]?.endpoints?.length === 1);
    await api.remove(`${api.pods}/web-1`, { gracePeriodSeconds: 0 });
    await settle(async () => (await slices())[0]?.endpoints === null);
    expect((await endpoints()).subsets).toBeUndefined();
  });

  it("are made again when somebody deletes them, and go with the Service", async () => {
    await addPods(1);
    await report([0]);
    await createService();
    await settle(async () => (await slices())[0]?.endpoints?.length === 1);
    const [slice] = await slices();
    await api.remove(`${slicesPath}/${slice?.metadata.name}`);
    await api.remove(`${endpointsPath}/web`);
    await settle(async () => (await slices()).length === 1 && (await api.exists(`${endpointsPath}/web`)));
    await api.remove(`${services}/web`);
    await settle(async () => (await slices()).length === 0 && !(await api.exists(`${endpointsPath}/web`)));
  });

  it("are told of without anybody poking the controller", async () => {
    await addPods(1);
    await createService();
    await until("there is a slice", async () => (await slices()).length === 1);
    await api.patch(`${api.pods}/web-0/status`, { status: { podIP: "10.9.9.9", phase: "Running" } });
    await until("the pod is in it", async () => (await slices())[0]?.endpoints?.[0]?.addresses?.[0] === "10.9.9.9");
  });
});

describe("what it costs", () => {
  it("nothing without a Service that selects", async () => {
    await controller().poke();
    await addPods(5);
    await report(range(5));
    const [before, meter] = [await head(), readMeter()];
    await controller().poke();
    expect(await head()).toBe(before);
    expect(readMeter().rowsWritten).toBe(meter.rowsWritten);
  });

  it("one slice and Endpoints for one pod among a thousand", async () => {
    await addPods(1_000);
    await report(range(1_000));
    await createService();
    await settle(async () => (await slices()).length === 10);
    await until("it has rested", async () => {
      await controller().poke();
      return true;
    });
    const before = await head();
    await report([500], false);
    await settle(async () => (await head()) >= before + 3);
    expect(await head()).toBe(before + 3);
  });
});
