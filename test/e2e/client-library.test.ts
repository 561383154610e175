// What a program sees that uses the client library for JavaScript, over TLS and with the token of the kubeconfig.
import { join } from "node:path";
import type { KubernetesObject, V1ConfigMap, V1DaemonSet } from "@kubernetes/client-node";
import {
  ApiException,
  ApisApi,
  AppsV1Api,
  AuthorizationV1Api,
  CoreV1Api,
  CustomObjectsApi,
  KubeConfig,
  KubernetesObjectApi,
  Metrics,
  makeInformer,
  PatchStrategy,
  setHeaderOptions,
  topPods,
  VersionApi,
  Watch,
} from "@kubernetes/client-node";
import { afterAll, beforeAll, expect, it } from "vitest";

import { Cluster, until } from "./support/cluster.ts";

let cluster: Cluster;
let config: KubeConfig;
let core: CoreV1Api;
let apps: AppsV1Api;

const namespace = "default";

beforeAll(async () => {
  cluster = await Cluster.start({ runtime: "fake", nodes: 3 });
  config = new KubeConfig();
  config.loadFromFile(join(cluster.dir, "kubeconfig"));
  core = config.makeApiClient(CoreV1Api);
  apps = config.makeApiClient(AppsV1Api);
}, 90_000);

afterAll(async () => {
  await cluster?.remove();
}, 60_000);

function configMap(name: string, more: Partial<V1ConfigMap> = {}): V1ConfigMap {
  return { metadata: { name, ...more.metadata }, data: { a: "1" }, ...(more.data === undefined ? {} : more) };
}

function daemonSet(name: string, image = "nginx:1.25"): V1DaemonSet {
  const labels = { app: name };
  return {
    metadata: { name, labels },
    spec: {
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { terminationGracePeriodSeconds: 0, containers: [{ name: "main", image }] },
      },
    },
  };
}

async function failure(promise: Promise<unknown>): Promise<{ readonly code: number; readonly reason: unknown }> {
  const error = await promise.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ApiException)) throw new Error(`not an answer of the API: ${String(error)}`);
  // Where a media type is unusual the library leaves the body as text.
  const body: unknown = typeof error.body === "string" ? JSON.parse(error.body) : error.body;
  return { code: error.code, reason: Object(body)["reason"] };
}

it("objects without kind and version are made, read, replaced and deleted, and dates are dates", async () => {
  const beforeMs = Date.now() - 2000;
  const made = await core.createNamespacedConfigMap({ namespace, body: configMap("typed") });
  expect(made).toMatchObject({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "typed", namespace } });
  expect(made.metadata?.creationTimestamp).toBeInstanceOf(Date);
  expect(made.metadata?.creationTimestamp?.getTime()).toBeGreaterThan(beforeMs);
  const read = await core.readNamespacedConfigMap({ namespace, name: "typed" });
  // What was read is sent back whole, with the date as the library writes it.
  const replaced = await core.replaceNamespacedConfigMap({
    namespace,
    name: "typed",
    body: { ...read, data: { a: "2" } },
  });
  expect(replaced.data).toEqual({ a: "2" });
  expect(replaced.metadata?.creationTimestamp).toEqual(made.metadata?.creationTimestamp);
  expect(await core.deleteNamespacedConfigMap({ namespace, name: "typed" })).toMatchObject({ status: "Success" });
  expect(await failure(core.readNamespacedConfigMap({ namespace, name: "typed" }))).toEqual({
    code: 404,
    reason: "NotFound",
  });
});

it("errors have the codes and reasons of Kubernetes", async () => {
  const body = configMap("taken");
  const taken = await core.createNamespacedConfigMap({ namespace, body });
  expect(await failure(core.createNamespacedConfigMap({ namespace, body }))).toEqual({
    code: 409,
    reason: "AlreadyExists",
  });
  const stale = { ...taken, metadata: { ...taken.metadata, resourceVersion: "1" } };
  expect(await failure(core.replaceNamespacedConfigMap({ namespace, name: "taken", body: stale }))).toEqual({
    code: 409,
    reason: "Conflict",
  });
  expect(await failure(core.createNamespacedConfigMap({ namespace, body: configMap("Not_A_Name") }))).toEqual({
    code: 422,
    reason: "Invalid",
  });
  expect(await failure(core.createNamespacedConfigMap({ namespace: "nowhere", body }))).toEqual({
    code: 404,
    reason: "NotFound",
  });
  expect(await failure(core.listNamespacedPod({ namespace, labelSelector: "a in (b" }))).toEqual({
    code: 400,
    reason: "BadRequest",
  });
  const stranger = new KubeConfig();
  stranger.loadFromString(config.exportConfig().replace(/"token":"[^"]*"/, '"token":"wrong"'));
  expect((await failure(stranger.makeApiClient(CoreV1Api).listNode())).code).toBe(401);
});

it("what is far too large is refused, and not just cut off", async () => {
  const body = configMap("large", { data: { a: "a".repeat(6_000_000) } });
  expect(await failure(core.createNamespacedConfigMap({ namespace, body }))).toEqual({
    code: 413,
    reason: "RequestEntityTooLarge",
  });
});

it("lists obey selectors and come in pages", async () => {
  for (const name of ["page-1", "page-2", "page-3"]) {
    const metadata = { name, labels: { book: "one", odd: String(Number(name.at(-1)) % 2) } };
    await core.createNamespacedConfigMap({ namespace, body: configMap(name, { metadata }) });
  }
  const names: (string | undefined)[] = [];
  let token: string | undefined;
  let pages = 0;
  do {
    const options = { namespace, labelSelector: "book=one", limit: 2 };
    const page = await core.listNamespacedConfigMap(token === undefined ? options : { ...options, _continue: token });
    names.push(...page.items.map(({ metadata }) => metadata?.name));
    token = page.metadata?._continue;
    pages += 1;
  } while (token !== undefined && token !== "");
  expect([names, pages]).toEqual([["page-1", "page-2", "page-3"], 2]);
  const odd = await core.listNamespacedConfigMap({ namespace, labelSelector: "book=one,odd in (1)" });
  expect(odd.items.map(({ metadata }) => metadata?.name)).toEqual(["page-1", "page-3"]);
  const field = await core.listConfigMapForAllNamespaces({ fieldSelector: "metadata.name=page-2" });
  expect(field.items.map(({ metadata }) => metadata?.name)).toEqual(["page-2"]);
  const { items } = await core
    .deleteCollectionNamespacedConfigMap({ namespace, labelSelector: "book=one" })
    .then(() => core.listNamespacedConfigMap({ namespace, labelSelector: "book=one" }));
  expect(items).toEqual([]);
});

it("a DaemonSet rolls out, is changed by all four sorts of patches, and goes with its pods", async () => {
  const name = "patched";
  await apps.createNamespacedDaemonSet({ namespace, body: daemonSet(name) });
  await until(async () => {
    const { status } = await apps.readNamespacedDaemonSetStatus({ namespace, name });
    return status?.numberAvailable === 3;
  });
  const patch = (strategy: string, body: object, more: object = {}) =>
    apps.patchNamespacedDaemonSet({ namespace, name, body, ...more }, setHeaderOptions("Content-Type", strategy));

  await patch(PatchStrategy.JsonPatch, [{ op: "replace", path: "/spec/revisionHistoryLimit", value: 3 }]);
  await patch(PatchStrategy.MergePatch, { metadata: { annotations: { merged: "yes" } } });
  const container = { name: "main", env: [{ name: "A", value: "1" }] };
  await patch(PatchStrategy.StrategicMergePatch, { spec: { template: { spec: { containers: [container] } } } });
  const applied = await patch(
    PatchStrategy.ServerSideApply,
    { apiVersion: "apps/v1", kind: "DaemonSet", metadata: { name, labels: { applied: "yes" } } },
    { fieldManager: "library", force: true },
  );
  expect(applied.spec?.revisionHistoryLimit).toBe(3);
  expect(applied.metadata?.annotations).toMatchObject({ merged: "yes" });
  expect(applied.metadata?.labels).toEqual({ app: name, applied: "yes" });
  expect(applied.spec?.template.spec?.containers).toMatchObject([{ image: "nginx:1.25", env: [{ name: "A" }] }]);
  expect(applied.metadata?.managedFields?.map(({ manager, operation }) => [manager, operation])).toContainEqual([
    "library",
    "Apply",
  ]);

  const conflicting = { apiVersion: "apps/v1", kind: "DaemonSet", metadata: { name, labels: { applied: "no" } } };
  expect(await failure(patch(PatchStrategy.ServerSideApply, conflicting, { fieldManager: "another" }))).toEqual({
    code: 409,
    reason: "Conflict",
  });

  await apps.deleteNamespacedDaemonSet({ namespace, name, propagationPolicy: "Foreground" });
  await until(async () => {
    const { items } = await core.listNamespacedPod({ namespace, labelSelector: `app=${name}` });
    return items.length === 0;
  });
});

it("a watch tells each change in its order, and ends when it is told to", async () => {
  const { metadata } = await core.listNamespacedConfigMap({ namespace });
  const seen: string[] = [];
  const query = { resourceVersion: metadata?.resourceVersion, labelSelector: "watched=yes" };
  let ended: unknown = "not yet";
  const request = await new Watch(config).watch(
    `/api/v1/namespaces/${namespace}/configmaps`,
    query,
    (type: string, object: KubernetesObject) => seen.push(`${type} ${object.metadata?.name}`),
    (error) => {
      ended = error;
    },
  );
  const labels = { watched: "yes" };
  await core.createNamespacedConfigMap({ namespace, body: configMap("one", { metadata: { name: "one", labels } }) });
  await core.createNamespacedConfigMap({ namespace, body: configMap("unseen") });
  await core.patchNamespacedConfigMap({
    namespace,
    name: "one",
    body: [{ op: "add", path: "/data/b", value: "2" }],
  });
  await core.deleteNamespacedConfigMap({ namespace, name: "one" });
  await until(() => seen.length === 3);
  expect(seen).toEqual(["ADDED one", "MODIFIED one", "DELETED one"]);
  request.abort();
  await until(() => ended !== "not yet");
});

it("a watch with a time limit ends by itself", async () => {
  let ended: unknown = "not yet";
  const path = `/api/v1/namespaces/${namespace}/configmaps`;
  const done = (error: unknown) => {
    ended = error;
  };
  await new Watch(config).watch(path, { timeoutSeconds: 1 }, () => {}, done);
  await until(() => ended !== "not yet", 5000);
  expect(ended).toBeNull();
});

it("objects of any kind are made, listed, patched and deleted without their types", async () => {
  const objects = KubernetesObjectApi.makeApiClient(config);
  const spec = {
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: { name: "untyped", namespace },
    spec: {
      selector: { matchLabels: { app: "untyped" } },
      template: {
        metadata: { labels: { app: "untyped" } },
        spec: { nodeSelector: { none: "such" }, containers: [{ name: "main", image: "nginx:1" }] },
      },
    },
  };
  const made = await objects.create<KubernetesObject>(spec);
  expect(made.metadata?.uid).toBeDefined();
  const patched: V1DaemonSet = await objects.patch({
    ...spec,
    spec: { template: { spec: { containers: [{ name: "main", image: "nginx:2" }] } } },
  } as KubernetesObject);
  expect(patched.spec?.template.spec?.containers[0]?.image).toBe("nginx:2");
  const listed = await objects.list("apps/v1", "DaemonSet", namespace);
  expect(listed.items.map(({ metadata }) => metadata?.name)).toContain("untyped");
  await objects.delete(spec);
  expect(await failure(objects.read({ ...spec, metadata: { name: "untyped", namespace } }))).toEqual({
    code: 404,
    reason: "NotFound",
  });
});

it("discovery, versions, metrics and reviews answer", async () => {
  const groups = await config.makeApiClient(ApisApi).getAPIVersions();
  expect(groups.groups.map(({ name }) => name)).toContain("apps");
  const resources = await apps.getAPIResources();
  expect(resources.resources.find(({ name }) => name === "daemonsets")).toMatchObject({
    kind: "DaemonSet",
    namespaced: true,
    shortNames: ["ds"],
  });
  expect(await config.makeApiClient(VersionApi).getCode()).toMatchObject({ major: "1", minor: "32" });
  const review = await config.makeApiClient(AuthorizationV1Api).createSelfSubjectAccessReview({
    body: { spec: { resourceAttributes: { verb: "delete", resource: "nodes" } } },
  });
  expect(review.status?.allowed).toBe(true);
  const nodes = await new Metrics(config).getNodeMetrics();
  expect(nodes.items.map(({ metadata }) => metadata.name).sort()).toEqual(["edge-1", "edge-2", "edge-3"]);
  await apps.createNamespacedDaemonSet({ namespace, body: daemonSet("measured") });
  await until(async () => (await topPods(core, new Metrics(config), namespace)).length === 3);
});

it("a kind of one's own is defined and used", async () => {
  const objects = KubernetesObjectApi.makeApiClient(config);
  const names = { kind: "Shelf", listKind: "ShelfList", plural: "shelves", singular: "shelf" };
  const schema = {
    openAPIV3Schema: {
      type: "object",
      properties: { spec: { type: "object", properties: { width: { type: "integer" } } } },
    },
  };
  const definition = {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: "shelves.shop.example.com" },
    spec: {
      group: "shop.example.com",
      scope: "Namespaced",
      names,
      versions: [{ name: "v1", served: true, storage: true, schema }],
    },
  };
  await objects.create(definition);
  const custom = config.makeApiClient(CustomObjectsApi);
  const where = { group: "shop.example.com", version: "v1", namespace, plural: "shelves" };
  const body = { apiVersion: "shop.example.com/v1", kind: "Shelf", metadata: { name: "top" }, spec: { width: 80 } };
  await until(() => custom.createNamespacedCustomObject({ ...where, body }).then(Boolean, () => false));
  const listed: unknown = await custom.listNamespacedCustomObject(where);
  expect(listed).toMatchObject({ kind: "ShelfList", items: [{ metadata: { name: "top" }, spec: { width: 80 } }] });
  const wrong = { ...body, metadata: { name: "wrong" }, spec: { width: "wide" } };
  expect(await failure(custom.createNamespacedCustomObject({ ...where, body: wrong }))).toEqual({
    code: 422,
    reason: "Invalid",
  });
  await objects.delete(definition);
});

it("an informer knows what there is, also after the server was away", async () => {
  const list = () => core.listNamespacedConfigMap({ namespace, labelSelector: "informed=yes" });
  const informer = makeInformer(config, `/api/v1/namespaces/${namespace}/configmaps`, list, "informed=yes");
  const seen: string[] = [];
  for (const verb of ["add", "update", "delete"] as const) {
    informer.on(verb, (object) => seen.push(`${verb} ${object.metadata?.name}`));
  }
  informer.on("error", () => {
    // As its documentation says: who is told of an error starts it again.
    setTimeout(() => informer.start(), 200);
  });
  const make = (name: string) => {
    const metadata = { name, labels: { informed: "yes" } };
    return core.createNamespacedConfigMap({ namespace, body: configMap(name, { metadata }) });
  };
  await make("before");
  await informer.start();
  await make("during");
  await core.patchNamespacedConfigMap({
    namespace,
    name: "during",
    body: [{ op: "add", path: "/data/b", value: "2" }],
  });
  await core.deleteNamespacedConfigMap({ namespace, name: "before" });
  await until(() => seen.length === 4);
  expect(seen).toEqual(["add before", "add during", "update during", "delete before"]);

  const { dir, port } = cluster;
  await cluster.interrupt();
  cluster = await Cluster.start({ runtime: "fake", nodes: 3, dir, port });
  await until(() => make("after").then(Boolean, () => false));
  await until(() => seen.includes("add after"));
  expect(informer.list().map(({ metadata }) => metadata?.name)).toEqual(["during", "after"]);
  expect(informer.get("during", namespace)?.data).toEqual({ a: "1", b: "2" });
  expect(seen.filter((line) => line === "add during")).toHaveLength(1);
  await informer.stop();
}, 90_000);
