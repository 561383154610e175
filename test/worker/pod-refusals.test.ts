// What the API itself says of pods that ask for what no node does.
import { beforeEach, describe, expect, it } from "vitest";

import * as api from "./support/api.ts";
import { newCluster } from "./support/cluster.ts";

const spec = { containers: [{ name: "c", image: "nginx" }] };
const debugging = { name: "debugger", image: "busybox", targetContainerName: "c" };

beforeEach(newCluster);

describe("ephemeral containers", () => {
  it("cannot be made with a pod", async () => {
    const body = { metadata: { name: "web" }, spec: { ...spec, ephemeralContainers: [debugging] } };
    const answer = await api.call(api.pods, { method: "POST", body: { apiVersion: "v1", kind: "Pod", ...body } });
    expect(answer.code).toBe(422);
    expect(answer.body["message"]).toContain("spec.ephemeralContainers: Forbidden: cannot be set on create");
  });

  it("cannot be added to a pod: kubectl debug takes this for a cluster where they are disabled", async () => {
    await api.create(api.pods, { metadata: { name: "web" }, spec });
    const answer = await api.call(`${api.pods}/web/ephemeralcontainers`, {
      method: "PATCH",
      body: { spec: { ephemeralContainers: [debugging] } },
      contentType: "application/strategic-merge-patch+json",
    });
    expect(answer.code).toBe(404);
    expect(answer.body).toMatchObject({ kind: "Status", reason: "NotFound" });
    // With a name it would be the pod that is not there.
    expect(answer.body["details"] ?? {}).not.toHaveProperty("name");
  });

  it("cannot be written into a pod's spec", async () => {
    await api.create(api.pods, { metadata: { name: "web" }, spec });
    const answer = await api.call(`${api.pods}/web`, {
      method: "PATCH",
      body: { spec: { ephemeralContainers: [debugging] } },
      contentType: "application/strategic-merge-patch+json",
    });
    expect(answer.code).toBe(422);
    expect(answer.body["message"]).toContain("spec: Forbidden: pod updates may not change fields other than");
  });
});

it("resources of a pod cannot be changed in place", async () => {
  await api.create(api.pods, { metadata: { name: "web" }, spec });
  const answer = await api.call(`${api.pods}/web/resize`, {
    method: "PATCH",
    body: { spec: { containers: [{ name: "c", resources: { limits: { cpu: "1" } } }] } },
    contentType: "application/strategic-merge-patch+json",
  });
  expect(answer.code).toBe(404);
});
