// What Events say of images: those that were pulled are told by agents, the others are made up as having been there.
import { beforeEach, describe, expect, it } from "vitest";

import { goTime } from "../../src/model/instant.ts";
import type { KubeObject } from "../../src/model/meta.ts";
import { Agent, runningStatus } from "./support/agent.ts";
import * as api from "./support/api.ts";
import { newCluster } from "./support/cluster.ts";
import { until } from "./support/until.ts";

const events = "/api/v1/namespaces/default/events";

beforeEach(newCluster);

const names = ["first", "second"];

/** A pod of two containers that have been started `restartCount` times after the first. */
async function running(restartCount = 0): Promise<{ readonly agent: Agent; readonly uid: string }> {
  const agent = await Agent.registered("a");
  const containers = names.map((name) => ({ name, image: "example/app:1" }));
  const { metadata } = await api.create(api.pods, { metadata: { name: "web" }, spec: { nodeName: "a", containers } });
  await until("the agent is told of the pod", async () => (await agent.sync()) && agent.pods.size === 1);
  const uid = metadata.uid ?? "";
  const startedAt = goTime(Date.now());
  const containerStatuses = names.map((name) => ({
    ...{ name, image: "example/app:1", imageID: "example/app@sha256:1", ready: true, restartCount, lastState: {} },
    state: { running: { startedAt } },
  }));
  const status = { ...runningStatus(), containerStatuses };
  await agent.sync({ pods: [agent.report(uid, { status })] });
  return { agent, uid };
}

function told(uid: string, reason: string, message: string) {
  const at = new Date().toISOString();
  return {
    ...{ podUid: uid, fieldPath: "spec.containers{first}", type: "Normal" as const, reason, message },
    ...{ count: 1, firstAt: at, lastAt: at },
  };
}

const pulled = 'Successfully pulled image "example/app:1" in 1.5s (1.5s including waiting). Image size: 7 bytes.';

async function tellPull({ agent, uid }: { readonly agent: Agent; readonly uid: string }): Promise<void> {
  await agent.sync({ events: [told(uid, "Pulling", 'Pulling image "example/app:1"'), told(uid, "Pulled", pulled)] });
}

async function listed(query = ""): Promise<readonly KubeObject[]> {
  return api.list(`${events}${query}`);
}

function shown(event: KubeObject): string {
  const { reason, count, involvedObject } = event as KubeObject & { readonly involvedObject: { fieldPath?: string } };
  return `${reason} ${involvedObject.fieldPath ?? ""} ${String(event["message"]).split(" ")[0]} ${count}`;
}

const present = (name: string, count: number) => `Pulled spec.containers{${name}} Container ${count}`;

describe("of a container", () => {
  it("whose image was there, Events say so", async () => {
    await running();
    expect((await listed()).map(shown)).toEqual(expect.arrayContaining([present("first", 1), present("second", 1)]));
  });

  it("whose image was pulled, they tell of the pull and of nothing else", async () => {
    const pod = await running();
    await tellPull(pod);
    const all = await listed();
    const pulls = all.map(shown).filter((text) => text.startsWith("Pull"));
    expect(pulls).toEqual([
      "Pulling spec.containers{first} Pulling 1",
      "Pulled spec.containers{first} Successfully 1",
      present("second", 1),
    ]);
    expect(all.find(({ message }) => message === pulled)).toMatchObject({
      source: { component: "kubelet", host: "a" },
    });
  });

  it("whose image was there when it was started again, they tell both", async () => {
    await tellPull(await running(2));
    const pulls = (await listed()).map(shown).filter((text) => text.startsWith("Pulled"));
    expect(pulls).toEqual(["Pulled spec.containers{first} Successfully 1", present("first", 2), present("second", 3)]);
  });
});

it("a pull comes before what is made up of the start, as within a second readers go by the order of the list", async () => {
  await tellPull(await running());
  const first = (await listed()).filter((event) => shown(event).includes("{first}"));
  expect(first.map(({ reason }) => reason)).toEqual(["Pulling", "Pulled", "Created", "Started"]);
});

describe("a list that is cut off", () => {
  it("says of one pod what a whole one would", async () => {
    const pod = await running();
    await tellPull(pod);
    const query = `?limit=1&fieldSelector=involvedObject.name=web,involvedObject.uid=${pod.uid}`;
    expect((await listed(query)).map(shown)).not.toContain(present("first", 1));
    expect((await listed(query)).map(shown)).toContain(present("second", 1));
  });

  it("says of all pods nothing that might be wrong", async () => {
    await tellPull(await running());
    const reasons = (await listed("?limit=1")).map(shown);
    expect(reasons).not.toContain(present("first", 1));
    expect(reasons).toContain("Started spec.containers{first} Started 1");
  });
});
