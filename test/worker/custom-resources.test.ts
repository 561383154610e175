// Kinds that users add: served as soon as they are defined, like any other, and gone with their definition.
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";

import type { KubeObject } from "../../src/model/meta.ts";
import { controllerManager } from "../../src/pokes.ts";
import { readMeter } from "../../src/store/meter.ts";
import * as api from "./support/api.ts";
import { newCluster } from "./support/cluster.ts";
import { createWidget, define, definitions, widgets } from "./support/definitions.ts";
import { until } from "./support/until.ts";

beforeEach(newCluster);

function conditionsOf(object: KubeObject) {
  // Of a CustomResourceDefinition.
  const { conditions } = object["status"] as { readonly conditions: readonly Record<string, string>[] };
  return Object.fromEntries(conditions.map(({ type, status, reason }) => [type, `${status} ${reason}`]));
}

/** Lets the controllers do all that is to be done now. */
async function settle(): Promise<void> {
  await controllerManager(env).poke();
}

async function discovered(): Promise<readonly unknown[]> {
  const list = await api.get("/apis/example.com/v1");
  return list["resources"] as readonly unknown[];
}

describe("a definition", () => {
  it("is established, and its kind served, as soon as it is there", async () => {
    const made = await define();
    expect(conditionsOf(made)).toEqual({ NamesAccepted: "True NoConflicts", Established: "True InitialNamesAccepted" });
    expect(made["status"]).toMatchObject({
      acceptedNames: { plural: "widgets", singular: "widget", kind: "Widget", listKind: "WidgetList" },
      storedVersions: ["v1"],
    });
    expect(await discovered()).toMatchObject([{ name: "widgets", singularName: "widget", kind: "Widget" }]);
    const { kind, items } = await api.get(widgets);
    expect({ kind, items }).toEqual({ kind: "WidgetList", items: [] });
  });

  it("whose names are taken is not served until they are free", async () => {
    await define();
    const other = await define({ kind: "Widget", plural: "gadgets" });
    expect(conditionsOf(other)).toEqual({ NamesAccepted: "False ListKindConflict", Established: "False NotAccepted" });
    expect((await api.call("/apis/example.com/v1/gadgets")).code).toBe(404);
    await api.remove(`${definitions}/widgets.example.com`);
    await settle();
    await until("the names are accepted", async () => (await api.call("/apis/example.com/v1/gadgets")).code === 200);
  });

  it("that is deleted takes its objects along, and then is gone", async () => {
    await define();
    await createWidget("a");
    await createWidget("b", { size: 1 }, { finalizers: ["example.com/wait"] });
    const marked = await api.remove(`${definitions}/widgets.example.com`);
    expect(marked.metadata.finalizers).toEqual(["customresourcecleanup.apiextensions.k8s.io"]);
    expect(conditionsOf(marked)["Terminating"]).toBe("True InstanceDeletionPending");
    await settle();
    await until("the first is gone", async () => !(await api.exists(`${widgets}/a`)));
    expect(await api.exists(`${definitions}/widgets.example.com`)).toBe(true);
    await api.patch(`${widgets}/b`, { metadata: { finalizers: null } });
    await until("it is gone", async () => !(await api.exists(`${definitions}/widgets.example.com`)));
    expect((await api.call(widgets)).code).toBe(404);
    await define();
    expect(await api.list(widgets)).toEqual([]);
  });
});

describe("a custom resource", () => {
  it("goes with its namespace", async () => {
    await define();
    await api.create("/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name: "demo" } });
    const there = "/apis/example.com/v1/namespaces/demo/widgets";
    await api.create(there, {
      apiVersion: "example.com/v1",
      kind: "Widget",
      metadata: { name: "a" },
      spec: { size: 1 },
    });
    await api.remove("/api/v1/namespaces/demo");
    await settle();
    await until("the namespace is gone", async () => !(await api.exists("/api/v1/namespaces/demo")));
    expect(await api.list("/apis/example.com/v1/widgets")).toEqual([]);
  });

  it("is the owner of others, and owned by them", async () => {
    await define();
    const owner = await createWidget("owner");
    const ownerReferences = [
      { apiVersion: "example.com/v1", kind: "Widget", name: "owner", uid: owner.metadata.uid, controller: true },
    ];
    const map = await api.create(api.configMaps, {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "owned", ownerReferences },
    });
    await createWidget(
      "below",
      { size: 1 },
      {
        ownerReferences: [{ apiVersion: "v1", kind: "ConfigMap", name: "owned", uid: map.metadata.uid }],
      },
    );
    await settle();
    expect(await api.exists(`${widgets}/below`)).toBe(true);
    await api.remove(`${widgets}/owner`);
    await settle();
    await until("all are gone", async () => !(await api.exists(`${widgets}/below`)));
    expect(await api.exists(`${api.configMaps}/owned`)).toBe(false);
  });

  it("costs one row more to find than an object of a kind that is always there", async () => {
    await define();
    await createWidget("a");
    await api.create(api.configMaps, { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a" } });
    const rowsRead = async (path: string) => {
      const before = readMeter().rowsRead;
      await api.get(path);
      return readMeter().rowsRead - before;
    };
    await rowsRead(`${widgets}/a`);
    expect((await rowsRead(`${widgets}/a`)) - (await rowsRead(`${api.configMaps}/a`))).toBe(1);
  });
});
