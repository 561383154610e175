// The node's API as a daemon meets it: over TLS, with its token, while the control plane is there and while it is not.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { join } from "node:path";
import { CoreV1Api, KubeConfig, Watch } from "@kubernetes/client-node";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { HttpClient } from "../../agents/node/connection/http-client.ts";
import { Seal } from "../../agents/node/host/seal.ts";
import { systemClock } from "../../agents/node/host/system.ts";
import { NodeApi } from "../../agents/node/local-api/node-api.ts";
import type { LivePod, NodeState } from "../../agents/node/local-api/node-state.ts";
import { CoreEvent, EventsEvent, Lease as LeaseMessage, Unknown } from "../../agents/node/local-api/protobuf-body.ts";
import { recorded } from "../../agents/node/local-api/tokens.ts";
import { containerConfig, sandboxConfig } from "../../agents/node/pod/container-config.ts";
import { definitionOf } from "../../agents/node/pod/definition.ts";
import type { Clock } from "../../agents/node/ports.ts";
import { encode } from "../../agents/node/runtime/cri/protobuf.ts";
import { FakeRuntime } from "../../agents/node/runtime/fake.ts";
import { noResolver } from "../../agents/node/volume/volumes.ts";
import type { AssignedPod, NodeReport, ReviewAnswer } from "../../src/sync/messages.ts";
import { ownDirectory } from "../containers/own-directory.ts";
import { KubeApi } from "./support/kube-api.ts";
import { assignedPod, template } from "./support/pods.ts";

/** On a machine with more to do than this. */
const patience = { timeout: 15_000 };

const report: NodeReport = {
  labels: {},
  addresses: [],
  capacity: { cpu: "4" },
  allocatable: { cpu: "4" },
  conditions: [],
  nodeInfo: {},
};

/** What an agent would say of itself. */
class State implements NodeState {
  readonly node = "node-1";
  readonly pods = new Map<string, LivePod>();
  isSilent = false;
  known = true;
  readonly #listeners = new Set<() => void>();

  isKnown(): boolean {
    return this.known;
  }
  livePods(): Iterable<LivePod> {
    return this.pods.values();
  }
  nodeReport(): NodeReport {
    return report;
  }
  isAway(): boolean {
    return this.isSilent;
  }
  onPodsChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  set(fields: Partial<AssignedPod>, phase: string, account = "reader"): void {
    const assigned = assignedPod(fields);
    const known = this.pods.get(assigned.uid)?.template ?? template({ serviceAccountName: account });
    this.pods.set(assigned.uid, { assigned, template: known, status: { phase, podIP: "192.0.2.1" } });
    for (const listener of this.#listeners) listener();
  }

  remove(uid: string): void {
    this.pods.delete(uid);
    for (const listener of this.#listeners) listener();
  }
}

const podsPath = "/api/v1/pods";
const mapsPath = "/api/v1/namespaces/default/configmaps";
const query = "fieldSelector=spec.nodeName%3Dnode-1";
const ofNode = { fieldSelector: "spec.nodeName=node-1" };

let directory: string;
let upstream: KubeApi;
let state: State;
let api: NodeApi;
let runtime: FakeRuntime;
const reviews = new Map<string, ReviewAnswer | "away">();

function open(clock = systemClock, kubeletPort = 0): Promise<NodeApi> {
  return NodeApi.open({
    node: "node-1",
    stateDirectory: directory,
    client: new HttpClient({ server: upstream.url, maxSockets: 1 }),
    address: undefined,
    port: 0,
    kubeletPort,
    hasPodNetworks: false,
    seal: new Seal(join(directory, "seal-key")),
    clock,
    log: { info: () => {}, warn: () => {} },
    nodeFacts: {
      current: () => report,
      onChange: () => () => {},
      usage: () => ({ usageCoreNanoSeconds: 0, workingSetBytes: 0 }),
    },
  });
}

function serve(): void {
  api.serve({
    state,
    runtime,
    review: async (token) => reviews.get(token) ?? (upstream.isUp ? { user: null, parts: [] } : "away"),
  });
}

/** As a pod's volume asks for one. */
function give(token: string, podUid: string, audience = ""): Promise<unknown> {
  const issuedAtMs = Date.now();
  const issued = { token, issuedAtMs, expiresAtMs: issuedAtMs + 3_600_000 };
  const source = recorded({ token: async () => issued }, api.tokens);
  return source.token({ podUid, audience, expirationSeconds: 3600 });
}

beforeEach(async () => {
  directory = ownDirectory("local-api");
  upstream = new KubeApi();
  await upstream.start();
  state = new State();
  runtime = new FakeRuntime({ clock: systemClock });
  reviews.clear();
  state.set({ uid: "uid-1", name: "app-1" }, "Running");
  api = await open();
  serve();
  await give("token-1", "uid-1");
  upstream.rights.set("token-1", [podsPath, mapsPath, `${mapsPath}/settings`, "/api/v1/nodes/node-1"]);
  upstream.put(podsPath, upstreamPod("app-1", "node-1"));
  upstream.put(mapsPath, map("settings", "first"));
  upstream.put("/api/v1/nodes", { metadata: { namespace: "", name: "node-1" } });
});

afterEach(async () => {
  api.close();
  await upstream.stop();
  rmSync(directory, { recursive: true, force: true });
});

function upstreamPod(name: string, nodeName: string) {
  return { kind: "Pod", apiVersion: "v1", metadata: { namespace: "default", name }, spec: { nodeName } };
}

function map(name: string, value: string) {
  return { kind: "ConfigMap", apiVersion: "v1", metadata: { namespace: "default", name }, data: { value } };
}

type Reply = {
  readonly code: number;
  readonly body: Record<string, unknown>;
  readonly retryAfter: string | undefined;
};

type Asking = {
  readonly token?: string;
  readonly method?: string;
  readonly body?: string | Buffer;
  readonly accept?: string;
  readonly type?: string;
};

function ask(path: string, asking: Asking = {}): Promise<Reply> {
  const { token = "token-1", method = "GET", body = "", accept = "*/*", type = "application/json" } = asking;
  return new Promise((resolve, reject) => {
    const { host, port } = api.address({ sharesNetwork: true });
    const headers = { authorization: `Bearer ${token}`, "content-type": type, accept };
    const asked = request({ host, port, path, method, headers, ca: api.ca(), agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
      });
      const { statusCode: code = 0, headers } = response;
      response.on("end", () => resolve({ code, body: JSON.parse(text), retryAfter: headers["retry-after"] }));
    });
    asked.on("error", reject);
    asked.end(body);
  });
}

function protobuf(apiVersion: string, kind: string, raw: Buffer): Buffer {
  return Buffer.concat([Buffer.from("k8s\0"), encode(Unknown, { typeMeta: { apiVersion, kind }, raw })]);
}

function names({ body }: Reply): readonly string[] {
  const items = body["items"] as readonly { readonly metadata: { readonly name: string } }[];
  return items.map(({ metadata }) => metadata.name).toSorted();
}

/** The client library as it finds itself in a pod. */
function inCluster(): KubeConfig {
  const mounted = join(directory, "mounted");
  const path = join(mounted, "var/run/secrets/kubernetes.io/serviceaccount");
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, "token"), "token-1");
  writeFileSync(join(path, "ca.crt"), api.ca());
  writeFileSync(join(path, "namespace"), "default");
  const { host, port } = api.address({ sharesNetwork: true });
  vi.stubEnv("KUBERNETES_SERVICE_HOST", host);
  vi.stubEnv("KUBERNETES_SERVICE_PORT", String(port));
  const config = new KubeConfig();
  config.loadFromCluster(mounted);
  vi.unstubAllEnvs();
  return config;
}

describe("while the control plane is there", () => {
  test("a daemon is answered by it, with its own token", async () => {
    const pods = await inCluster().makeApiClient(CoreV1Api).listPodForAllNamespaces(ofNode);
    expect(pods.items.map(({ metadata }) => metadata?.name)).toEqual(["app-1"]);
    expect(upstream.asked).toEqual([`GET ${podsPath}?${query}`]);
  });

  test.each([
    ["a token that nobody was given", "token-2"],
    ["none", ""],
  ])("%s is refused, and nothing is forwarded", async (_what, token) => {
    upstream.rights.set("token-2", [podsPath]);
    expect((await ask(podsPath, { token })).code).toBe(401);
    expect(upstream.asked).toEqual([]);
  });

  test("a token for others opens nothing, nor does that of a pod that is gone", async () => {
    await give("token-vault", "uid-1", "vault");
    expect((await ask(podsPath, { token: "token-vault" })).code).toBe(401);
    state.remove("uid-1");
    expect((await ask(podsPath)).code).toBe(401);
  });

  test.each(["/agent/v1/sync", "/api/../agent/v1/sync", "/api/%2e%2e/agent/v1/sync", "/"])(
    "%s is no path of the API",
    async (path) => {
      expect((await ask(path)).code).toBe(404);
      expect(upstream.asked).toEqual([]);
    },
  );

  test.each([
    ["application/vnd.kubernetes.protobuf,application/json", "application/json"],
    ["application/vnd.kubernetes.protobuf, */*", "*/*"],
    ["application/vnd.kubernetes.protobuf", "application/json"],
    ["application/json;as=Table;v=v1;g=meta.k8s.io,application/json", undefined],
  ])("a daemon that takes %s is answered in JSON", async (accept, forwarded) => {
    expect((await ask(podsPath, { accept })).code).toBe(200);
    expect(upstream.accepted).toBe(forwarded ?? accept);
  });

  test("what it forbids is forbidden", async () => {
    expect((await ask("/api/v1/namespaces/default/secrets")).code).toBe(403);
  });

  test("before the agent knows its pods, daemons are told to come back", async () => {
    state.known = false;
    expect((await ask(podsPath)).code).toBe(503);
  });
});

describe("while the control plane is away", () => {
  test("a daemon reads what it was given, and the node's pods as they are now", async () => {
    const client = inCluster().makeApiClient(CoreV1Api);
    await client.listPodForAllNamespaces(ofNode);
    await client.readNamespacedConfigMap({ namespace: "default", name: "settings" });
    await upstream.stop();
    state.set({ uid: "uid-1", name: "app-1" }, "Failed");
    state.set({ uid: "uid-2", name: "app-2" }, "Running");
    const pods = await client.listPodForAllNamespaces(ofNode);
    expect(pods.items.map(({ metadata, status }) => [metadata?.name, status?.phase])).toEqual([
      ["app-1", "Failed"],
      ["app-2", "Running"],
    ]);
    const settings = await client.readNamespacedConfigMap({ namespace: "default", name: "settings" });
    expect(settings.data).toEqual({ value: "first" });
  });

  test("what it was never given is not there for it, whoever else was", async () => {
    state.set({ uid: "uid-2", name: "other-1" }, "Running", "other");
    await give("token-other", "uid-2");
    await ask(`${mapsPath}/settings`);
    await ask(podsPath);
    await upstream.stop();
    expect((await ask(`${mapsPath}/settings`)).code).toBe(200);
    for (const path of [`${mapsPath}/settings`, podsPath, mapsPath]) {
      expect((await ask(path, { token: "token-other" })).code).toBe(503);
    }
    expect((await ask("/api/v1/namespaces/default/secrets")).code).toBe(503);
  });

  test("what was forbidden since is forgotten", async () => {
    await ask(podsPath);
    upstream.rights.set("token-1", []);
    expect((await ask(podsPath)).code).toBe(403);
    await upstream.stop();
    expect((await ask(podsPath)).code).toBe(503);
  });

  test("copies outlive the agent, and are not readable on the disk", async () => {
    await ask(mapsPath);
    await ask(podsPath);
    api.close();
    await upstream.stop();
    const files = readdirSync(join(directory, "local-api/copies"));
    expect(files).not.toEqual([]);
    for (const file of files) {
      const text = readFileSync(join(directory, "local-api/copies", file), "latin1");
      expect(text).not.toContain("settings");
    }
    const { port } = api.address({ sharesNetwork: true });
    api = await open();
    serve();
    expect(api.address({ sharesNetwork: true }).port).toBe(port);
    expect(names(await ask(mapsPath))).toEqual(["settings"]);
    expect(names(await ask(`${podsPath}?${query}`))).toEqual(["app-1"]);
  });

  test("selectors hold", async () => {
    await ask(podsPath);
    await upstream.stop();
    state.set({ uid: "uid-2", name: "app-2", namespace: "other" }, "Pending");
    expect(names(await ask(`${podsPath}?fieldSelector=status.phase%3DPending`))).toEqual(["app-2"]);
    expect(names(await ask(`${podsPath}?fieldSelector=spec.nodeName%3Dnode-2`))).toEqual([]);
    expect(names(await ask("/api/v1/namespaces/other/pods?labelSelector=app%3Dapp"))).toEqual(["app-2"]);
    expect(names(await ask("/api/v1/namespaces/other/pods?labelSelector=app%21%3Dapp"))).toEqual([]);
  });

  test("there are no services, rather than no answer", async () => {
    await upstream.stop();
    const reply = await ask("/api/v1/services");
    expect([reply.code, reply.body["kind"], names(reply)]).toEqual([200, "ServiceList", []]);
  });

  test("events wait for it, and go with the token they came with", async () => {
    await upstream.stop();
    const path = "/api/v1/namespaces/default/events";
    const event = { kind: "Event", apiVersion: "v1", metadata: { name: "app-1.1" }, message: "hello" };
    const reply = await ask(path, { method: "POST", body: JSON.stringify(event) });
    expect(reply.code).toBe(201);
    expect(reply.body).toMatchObject({ message: "hello", metadata: { name: "app-1.1" } });
    await upstream.start();
    await vi.waitFor(async () => {
      await ask(podsPath);
      expect(upstream.posted).toEqual([{ path, token: "token-1", body: event }]);
    }, patience);
  });

  test("what comes in protobuf is taken as it is", async () => {
    const events = "/api/v1/namespaces/default/events";
    const type = "application/vnd.kubernetes.protobuf";
    const body = protobuf("v1", "Event", encode(CoreEvent, { metadata: { name: "app-1.1" }, message: "hello" }));
    await write("PUT", `${leases}/leader`, lease("7", "00"));
    await upstream.stop();
    const reply = await ask(events, { method: "POST", body, type });
    expect([reply.code, reply.body["message"]]).toEqual([201, "hello"]);
    const told = protobuf("events.k8s.io/v1", "Event", encode(EventsEvent, { note: "hello" }));
    const groupEvents = "/apis/events.k8s.io/v1/namespaces/default/events";
    const groupReply = await ask(groupEvents, { method: "POST", body: told, type });
    expect([groupReply.code, groupReply.body["note"]]).toEqual([201, "hello"]);
    const renewed = { metadata: { name: "leader", resourceVersion: "7" }, spec: { holderIdentity: "app-2" } };
    const renewal = protobuf("coordination.k8s.io/v1", "Lease", encode(LeaseMessage, renewed));
    const held = await ask(`${leases}/leader`, { method: "PUT", body: renewal, type });
    expect([held.code, held.body["spec"]]).toEqual([200, expect.objectContaining({ holderIdentity: "app-2" })]);
    expect((await ask(events, { method: "POST", body: "hello", type })).code).toBe(415);
    await upstream.start();
    await vi.waitFor(async () => {
      await ask(podsPath);
      expect(upstream.posted.slice(-2)).toEqual([
        { path: events, token: "token-1", body: body.toString("base64") },
        { path: groupEvents, token: "token-1", body: told.toString("base64") },
      ]);
    }, patience);
  });

  test("other writes are not accepted", async () => {
    await upstream.stop();
    const reply = await ask(mapsPath, { method: "POST", body: JSON.stringify(map("new", "x")) });
    expect([reply.code, reply.body["reason"]]).toEqual([503, "ServiceUnavailable"]);
    // Client libraries would ask ten times before they tell.
    expect(reply.retryAfter).toBeUndefined();
  });

  const leases = "/apis/coordination.k8s.io/v1/namespaces/default/leases";
  const lease = (resourceVersion: string, renewTime: string) => ({
    kind: "Lease",
    apiVersion: "coordination.k8s.io/v1",
    metadata: { namespace: "default", name: "leader", resourceVersion },
    spec: { holderIdentity: "app-1", renewTime },
  });
  const write = (method: string, path: string, object: object) => ask(path, { method, body: JSON.stringify(object) });

  test.each([
    ["made", "POST", leases],
    ["renewed", "PUT", `${leases}/leader`],
  ])("a lease that was %s and never read is held, renewal by renewal", async (_what, method, path) => {
    await write(method, path, lease("7", "00"));
    await upstream.stop();
    for (const renewTime of ["01", "02"]) {
      const reply = await write("PUT", `${leases}/leader`, lease("7", renewTime));
      expect([reply.code, reply.body["spec"]]).toEqual([200, { holderIdentity: "app-1", renewTime }]);
    }
    expect((await ask(`${leases}/leader`)).body["spec"]).toMatchObject({ renewTime: "02" });
    expect((await write("PUT", `${leases}/leader`, lease("6", "03"))).code).toBe(409);
  });

  test("a lease is renewed here before its holder gives up, though nobody knows yet that the line is dead", async () => {
    await write("PUT", `${leases}/leader`, lease("7", "00"));
    upstream.isSilent = true;
    const startedAtMs = performance.now();
    expect((await write("PUT", `${leases}/leader`, lease("7", "01"))).code).toBe(200);
    expect(performance.now() - startedAtMs).toBeLessThan(8_000);
  });

  test("a renewal follows on a copy that is on the disk too", async () => {
    await write("PUT", `${leases}/leader`, lease("7", "00"));
    api.close();
    await upstream.stop();
    api = await open();
    serve();
    await write("PUT", `${leases}/leader`, lease("7", "01"));
    expect((await ask(`${leases}/leader`)).body["spec"]).toMatchObject({ renewTime: "01" });
  });

  test("a lease that it never could write is nobody's to hold", async () => {
    await upstream.stop();
    expect((await write("PUT", `${leases}/leader`, lease("7", "01"))).code).toBe(503);
  });
});

describe("a watch", () => {
  type Told = { readonly type: string; readonly name: string; readonly phase: string | undefined };

  /** Watches as the client library does; what it is told, as it comes. */
  async function watch(path: string, resourceVersion: string) {
    const told: Told[] = [];
    let isOver = false;
    const abort = await new Watch(inCluster()).watch(
      path,
      { ...ofNode, resourceVersion },
      (type, object) => void told.push({ type, name: object.metadata?.name, phase: object.status?.phase }),
      () => {
        isOver = true;
      },
    );
    return { told, isOver: () => isOver, abort };
  }

  function versionOf({ body }: Reply): string {
    return (body["metadata"] as { readonly resourceVersion: string }).resourceVersion;
  }

  test("goes on with live pods while the control plane is away, and with it where it was when it is back", async () => {
    const list = await ask(`${podsPath}?${query}`);
    const { told, isOver, abort } = await watch(podsPath, versionOf(list));
    await vi.waitFor(() => expect(upstream.watching).toBe(1), patience);
    upstream.put(podsPath, upstreamPod("app-1", "node-1"));
    await vi.waitFor(() => expect(told).toEqual([{ type: "MODIFIED", name: "app-1", phase: undefined }]), patience);
    await upstream.stop();
    await vi.waitFor(
      () => expect(told.at(-1)).toEqual({ type: "MODIFIED", name: "app-1", phase: "Running" }),
      patience,
    );
    state.set({ uid: "uid-1", name: "app-1" }, "Failed");
    state.set({ uid: "uid-2", name: "app-2" }, "Running");
    state.remove("uid-2");
    await vi.waitFor(
      () =>
        expect(told.slice(2)).toEqual([
          { type: "MODIFIED", name: "app-1", phase: "Failed" },
          { type: "ADDED", name: "app-2", phase: "Running" },
          { type: "DELETED", name: "app-2", phase: "Running" },
        ]),
      patience,
    );
    expect(isOver()).toBe(false);
    upstream.put(podsPath, upstreamPod("app-3", "node-1"));
    await upstream.start();
    await vi.waitFor(() => expect(told.at(-1)).toMatchObject({ name: "app-3" }), patience);
    expect(told.filter(({ name }) => name === "app-3")).toHaveLength(1);
    expect(isOver()).toBe(false);
    abort.abort();
  });

  test("waits for the control plane again and again without anything piling up", async () => {
    api.close();
    // Where a minute goes by in half a second.
    const setTimer: Clock["setTimer"] = (delayMs, run) => systemClock.setTimer(delayMs / 120, run);
    api = await open({ ...systemClock, setTimer });
    serve();
    const warnings: string[] = [];
    const note = ({ name }: Error) => void warnings.push(name);
    process.on("warning", note);
    try {
      const { resourceVersion } = (await ask(`${podsPath}?${query}`)).body["metadata"] as Record<string, string>;
      const { isOver, abort } = await watch(podsPath, resourceVersion ?? "");
      await upstream.stop();
      state.isSilent = true;
      await new Promise((resolve) => setTimeout(resolve, 1000));
      expect([isOver(), warnings]).toEqual([false, []]);
      abort.abort();
    } finally {
      process.off("warning", note);
    }
  });

  test("is told to begin anew where the control plane cannot go on", async () => {
    const list = await ask(`${podsPath}?${query}`);
    const { told, isOver } = await watch(podsPath, versionOf(list));
    await vi.waitFor(() => expect(upstream.watching).toBe(1), patience);
    await upstream.stop();
    upstream.oldest = 1000;
    await upstream.start();
    await vi.waitFor(() => expect(told.at(-1)?.type).toBe("ERROR"), patience);
    await vi.waitFor(() => expect(isOver()).toBe(true), patience);
  });

  test("can be begun while the control plane is away", async () => {
    await ask(`${podsPath}?${query}`);
    await upstream.stop();
    const list = await ask(`${podsPath}?${query}`);
    const { told, abort } = await watch(podsPath, versionOf(list));
    state.set({ uid: "uid-1", name: "app-1" }, "Succeeded");
    await vi.waitFor(() => expect(told).toEqual([{ type: "MODIFIED", name: "app-1", phase: "Succeeded" }]), patience);
    abort.abort();
  });

  test("from what was told here is too old for the control plane", async () => {
    await ask(`${podsPath}?${query}`);
    await upstream.stop();
    const version = versionOf(await ask(`${podsPath}?${query}`));
    await upstream.start();
    await vi.waitFor(async () => expect((await ask(podsPath)).body["kind"]).toBe("List"), patience);
    const { told } = await watch(podsPath, version);
    await vi.waitFor(() => expect(told.at(-1)?.type).toBe("ERROR"), patience);
    expect(upstream.watching).toBe(0);
  });

  test("keeps the copy of a list up to date", async () => {
    const list = await ask(mapsPath);
    const { abort } = await watch(mapsPath, versionOf(list));
    await ask(`${mapsPath}?${query}`);
    await vi.waitFor(() => expect(upstream.watching).toBe(1), patience);
    upstream.put(mapsPath, map("settings", "second"));
    upstream.put(mapsPath, map("more", "third"));
    await new Promise((resolve) => setTimeout(resolve, 200));
    await upstream.stop();
    expect(names(await ask(`${mapsPath}?${query}`))).toEqual(["more", "settings"]);
    abort.abort();
  });
});

describe("what a kubelet serves", () => {
  /** The code, and the text as it is. */
  function read(path: string, token = "token-1"): Promise<readonly [number, string]> {
    return new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${token}` };
      const options = { host: "127.0.0.1", port: api.kubeletPort, path, headers, ca: api.ca(), agent: false } as const;
      const asked = request(options, (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          text += chunk;
        });
        response.on("end", () => resolve([response.statusCode ?? 0, text]));
      });
      asked.on("error", reject);
      asked.end();
    });
  }

  const reader = { user: "system:serviceaccount:default:reader", parts: ["metrics", "proxy", "stats"] };

  test("health, pods, statistics and metrics are for those whom the control plane lets", async () => {
    reviews.set("token-1", reader);
    expect(await read("/healthz")).toEqual([200, "ok"]);
    const [code, pods] = await read("/pods");
    expect([code, JSON.parse(pods).items[0].metadata.name]).toEqual([200, "app-1"]);
    const summary = JSON.parse((await read("/stats/summary"))[1]);
    expect(summary.node).toMatchObject({ nodeName: "node-1", fs: { capacityBytes: expect.any(Number) } });
    expect(summary.pods[0].podRef).toEqual({ name: "app-1", namespace: "default", uid: "uid-1" });
    expect((await read("/metrics"))[1]).toContain('kubelet_node_name{node="node-1"} 1\n');
    expect((await read("/metrics/resource"))[1]).toContain("node_memory_working_set_bytes ");
    expect((await read("/metrics/cadvisor"))[1]).toContain("machine_cpu_cores ");
    expect((await read("/containerLogs/default/app-1/main"))[0]).toBe(404);
  });

  test.each([
    ["where they have one", async () => "/proc", (capacityBytes: number) => expect(capacityBytes).toBe(0)],
    [
      "and is taken for the pods' while the runtime does not say",
      () => Promise.reject(new Error("away")),
      (capacityBytes: number) => expect(capacityBytes).toBeGreaterThan(0),
    ],
  ])("the images' disk is told of, %s", async (_, directory, check) => {
    reviews.set("token-1", reader);
    Object.assign(runtime, { images: { directory } });
    const { node } = JSON.parse((await read("/stats/summary"))[1]);
    expect(node.fs.capacityBytes).toBeGreaterThan(0);
    check(node.runtime.imageFs.capacityBytes);
  });

  test("containers are told of with their names, and what they use", async () => {
    reviews.set("token-1", reader);
    const sandbox = sandboxConfig({ pod: surroundings(), attempt: 0, directories, resolver: noResolver });
    const started = await runtime.runPodSandbox(sandbox);
    if (!started.ok) throw new Error(started.message);
    const [definition] = surroundings().definition.containers;
    if (definition === undefined) throw new Error("no container");
    const config = containerConfig({ pod: surroundings(), container: definition, attempt: 0, envs: [], mounts: [] });
    const created = await runtime.createContainer(started.value, config, sandbox);
    if (!created.ok) throw new Error(created.message);
    await runtime.startContainer(created.value);
    const labels = 'container="main",namespace="default",pod="app-1"';
    expect((await read("/metrics/resource"))[1]).toContain(`container_cpu_usage_seconds_total{${labels}} `);
    expect((await read("/metrics/cadvisor"))[1]).toContain(`container_memory_working_set_bytes{${labels},id="`);
    const summary = JSON.parse((await read("/stats/summary"))[1]);
    expect(summary.pods[0].containers[0]).toMatchObject({
      name: "main",
      cpu: { usageCoreNanoSeconds: expect.any(Number) },
    });
  });

  test.each([
    ["/stats/summary", 403],
    ["/pods", 403],
    ["/metrics", 200],
  ])("%s is answered with %i to one who may read metrics", async (path, code) => {
    reviews.set("token-1", { user: reader.user, parts: ["metrics"] });
    expect((await read(path))[0]).toBe(code);
  });

  test("a port that another has is taken when it is free, and waiting for it piles nothing up", async () => {
    api.close();
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const { port } = other.address() as AddressInfo;
    let begun = 0;
    let calledOff = 0;
    // Where a minute goes by in twelve milliseconds.
    const setTimer: Clock["setTimer"] = (delayMs, run) => {
      const cancel = systemClock.setTimer(delayMs / 5000, run);
      begun += 1;
      return () => {
        calledOff += 1;
        cancel();
      };
    };
    api = await open({ ...systemClock, setTimer }, port);
    serve();
    await vi.waitFor(() => expect(begun).toBeGreaterThan(50), patience);
    await new Promise((resolve) => other.close(resolve));
    reviews.set("token-1", reader);
    await vi.waitFor(async () => expect(await read("/healthz")).toEqual([200, "ok"]), patience);
    api.close();
    expect(calledOff).toBeLessThan(10);
  });

  test("a token that is nobody's opens nothing", async () => {
    expect((await read("/metrics", "token-2"))[0]).toBe(401);
    expect((await read("/healthz", ""))[0]).toBe(401);
  });

  test("who was let in is let in while the control plane is away, with a later token of the same account too", async () => {
    reviews.set("token-1", reader);
    expect((await read("/metrics"))[0]).toBe(200);
    api.close();
    api = await open();
    serve();
    reviews.set("token-1", "away");
    reviews.set("token-3", "away");
    reviews.set("token-4", "away");
    await give("token-3", "uid-1");
    expect((await read("/metrics"))[0]).toBe(200);
    expect((await read("/metrics", "token-3"))[0]).toBe(200);
    expect((await read("/metrics", "token-4"))[0]).toBe(503);
  });
});

const directories = { logs: "/logs", pods: "/pods" };

function surroundings() {
  return {
    assigned: assignedPod(),
    definition: definitionOf(template()),
    node: { name: "node-1", ips: [], allocatable: {} },
    podIp: "",
    objects: { get: () => undefined, isOnItsWay: () => false },
  };
}
