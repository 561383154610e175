// What a pod's status says of its mounts, which no row keeps.
import { env } from "cloudflare:workers";
import { beforeEach, expect, it } from "vitest";

import { Agent } from "./support/agent.ts";
import * as api from "./support/api.ts";
import { newCluster } from "./support/cluster.ts";
import { until } from "./support/until.ts";
import { Watching } from "./support/watch.ts";

beforeEach(newCluster);

const spec = {
  nodeName: "edge-1",
  volumes: [
    { name: "logs", hostPath: { path: "/var/log" } },
    { name: "scratch", emptyDir: {} },
  ],
  initContainers: [{ name: "first", image: "nginx", volumeMounts: [{ name: "scratch", mountPath: "/scratch" }] }],
  containers: [
    {
      name: "main",
      image: "nginx",
      volumeMounts: [
        { name: "logs", mountPath: "/var/log", readOnly: true },
        { name: "scratch", mountPath: "/scratch" },
      ],
    },
    { name: "bare", image: "nginx" },
  ],
};

const told = (name: string) => ({
  ...{ name, image: "nginx", imageID: "", lastState: {}, ready: true, restartCount: 0 },
  state: { running: { startedAt: "2026-01-01T00:00:00Z" } },
});
const status = {
  phase: "Running",
  initContainerStatuses: [told("first")],
  containerStatuses: [told("main"), told("bare")],
};

const shown = {
  initContainerStatuses: [{ name: "first", volumeMounts: [{ name: "scratch", mountPath: "/scratch" }] }],
  containerStatuses: [
    {
      name: "main",
      volumeMounts: [
        { name: "logs", mountPath: "/var/log", readOnly: true, recursiveReadOnly: "Disabled" },
        { name: "scratch", mountPath: "/scratch" },
      ],
    },
    { name: "bare" },
  ],
};

async function rows(): Promise<string> {
  const { results } = await env.DB.prepare("SELECT status FROM pods UNION ALL SELECT body FROM log").all();
  // The template has the mounts of its containers, and is kept elsewhere.
  return JSON.stringify(results);
}

it("is read, listed and watched with a container's mounts, as a kubelet would tell them, and kept without", async () => {
  const agent = await Agent.registered("edge-1");
  await api.create(api.pods, { metadata: { name: "web" }, spec });
  const watching = await Watching.start(api.pods);
  await agent.obey(status);
  expect((await api.get(`${api.pods}/web`))["status"]).toMatchObject(shown);
  const [listed] = await api.list(api.pods);
  expect(listed?.["status"]).toMatchObject(shown);
  await until("the watch sees it", async () =>
    watching.events.some(({ type, object }) => type === "MODIFIED" && JSON.stringify(object).includes("Disabled")),
  );
  expect(watching.events.at(-1)?.object["status"]).toMatchObject(shown);
  expect(JSON.stringify(watching.events.at(-1)?.object["status"])).toContain('"name":"bare"');
  const read = await api.get(`${api.pods}/web`);
  await api.replace(`${api.pods}/web`, { ...read, metadata: { ...read.metadata, labels: { a: "b" } } });
  await api.replace(`${api.pods}/web/status`, await api.get(`${api.pods}/web`));
  expect((await api.get(`${api.pods}/web`))["status"]).toMatchObject(shown);
  const kept = await rows();
  expect(kept).toContain("containerStatuses");
  expect(kept).not.toContain("volumeMounts");
});

it("says nothing of mounts where there are none", async () => {
  const agent = await Agent.registered("edge-1");
  await api.create(api.pods, {
    metadata: { name: "web" },
    spec: { ...spec, initContainers: [], containers: [spec.containers[1]] },
  });
  await agent.obey({ phase: "Running", containerStatuses: [told("bare")] });
  expect(JSON.stringify((await api.get(`${api.pods}/web`))["status"])).not.toContain("volumeMounts");
});
