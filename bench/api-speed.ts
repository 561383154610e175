// How fast the API answers people while a large fleet runs, beside a bare Worker that reads and writes the same bytes in D1.
import { Agent, request } from "node:http";

import type { Bare } from "./baselines.ts";
import { engineMemoryMib } from "./measured-cluster.ts";

const set = "/apis/apps/v1/namespaces/default/daemonsets/bench";
const configMaps = "/api/v1/namespaces/default/configmaps";
const pods = "/api/v1/namespaces/default/pods";
const table = { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" } as const;

const repeats = 60;
const watchers = 100;
const watchedWrites = 40;
/** By then the engine has taken as much memory as it will: it collects garbage late. */
const warmUpRequests = 12_000;
const flatRequests = 10_000;
const inParallel = 4;

type Call = {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: () => string;
};
type Answer = { readonly text: string; readonly tookMs: number };

/** A server over connections that stay open, so that it is the server that is measured. */
class Client {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: watchers + inParallel });
  readonly #base: string;
  readonly #token: string | null;

  constructor(base: string, token: string | null) {
    this.#base = base;
    this.#token = token;
  }

  /** Throws for an answer that is no success. */
  call({ method = "GET", path, headers = {}, body }: Call): Promise<Answer> {
    const startedAtMs = performance.now();
    return new Promise((resolve, reject) => {
      const sent = request(
        this.#base + path,
        { method, headers: this.#headers(headers), agent: this.#agent },
        (got) => {
          let text = "";
          got.setEncoding("utf8");
          got.on("data", (chunk: string) => {
            text += chunk;
          });
          got.on("end", () => {
            if ((got.statusCode ?? 500) < 300) resolve({ text, tookMs: performance.now() - startedAtMs });
            else reject(new Error(`${method} ${path}: ${got.statusCode} ${text}`));
          });
        },
      );
      sent.on("error", reject);
      sent.end(body?.());
    });
  }

  /** Resolves once the watch is open; each line it says is handed on. */
  watch(path: string, line: (text: string) => void): Promise<() => void> {
    return new Promise((resolve, reject) => {
      const sent = request(this.#base + path, { headers: this.#headers({}), agent: this.#agent }, (got) => {
        let rest = "";
        got.setEncoding("utf8");
        got.on("data", (chunk: string) => {
          const lines = (rest + chunk).split("\n");
          rest = lines.pop() ?? "";
          for (const text of lines) if (text !== "") line(text);
        });
        resolve(() => sent.destroy());
      });
      sent.on("error", reject);
      sent.end();
    });
  }

  close(): void {
    this.#agent.destroy();
  }

  #headers(headers: Readonly<Record<string, string>>): Record<string, string> {
    return { ...(this.#token === null ? {} : { authorization: `Bearer ${this.#token}` }), ...headers };
  }
}

type Print = (what: string, value: string, remark?: string) => void;

/** `pods` of the set `bench` are there, 500 and more. */
export async function measureApi(server: { readonly url: string; readonly token: string }, bare: Bare, row: Print) {
  const client = new Client(server.url, server.token);
  const plain = new Client(bare.url, null);
  const beside = (ms: number, bareMs: number, what: string) =>
    `${(ms / bareMs).toFixed(1)} x ${bareMs.toFixed(1)} ms, a bare ${what} of the same bytes`;
  const compare = async (what: string, ask: Call, bareAsk: (text: string) => Promise<Call>, bareWhat: string) => {
    const { text } = await client.call(ask);
    const bareCall = await bareAsk(text);
    // In turns, so that both meet the same moments of the machine.
    const took = { api: [] as number[], bare: [] as number[] };
    for (let count = 0; count < repeats; count += 1) {
      took.api.push((await client.call(ask)).tookMs);
      took.bare.push((await plain.call(bareCall)).tookMs);
    }
    const ms = quantile(took.api, 0.5);
    const remark = beside(ms, quantile(took.bare, 0.5), bareWhat);
    row(what, `${ms.toFixed(1)} ms`, `median, p99 ${quantile(took.api, 0.99).toFixed(1)} ms; ${remark}`);
  };
  const keep = async (name: string, body: string) => {
    await plain.call({ method: "POST", path: `/write?name=${name}`, body: () => body });
  };

  const [first] = JSON.parse((await client.call({ path: `${pods}?limit=1` })).text).items;
  for (const [what, path] of [
    ["get a DaemonSet", set],
    ["get a pod", `${pods}/${first.metadata.name}`],
    ["get a node", `/api/v1/nodes/${first.spec.nodeName}`],
  ] as const) {
    const bareAsk = async (text: string) => {
      await keep(path, text);
      return { path: `/read?name=${path}` };
    };
    await compare(what, { path }, bareAsk, "D1 read");
  }

  const list = { path: `${pods}?limit=500`, headers: table };
  const bareList = async (text: string) => {
    const part = "x".repeat(Math.ceil(text.length / 500));
    for (let index = 0; index < 500; index += 1) await keep(`list/${String(index).padStart(3, "0")}`, part);
    return { path: "/list?name=list/" };
  };
  await compare("list 500 pods as a Table", list, bareList, "D1 read of 500 rows");

  let applied = 0;
  const applying = applyOf(`${configMaps}/applied`, () => {
    applied += 1;
    return { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "applied" }, data: { applied: `${applied}` } };
  });
  const bareWrite = async (text: string) => ({ method: "POST", path: "/write?name=applied", body: () => text });
  await compare("apply a ConfigMap", applying, bareWrite, "D1 write");
  const applyingSet = applyOf(set, () => daemonSet, "&dryRun=All");
  await compare("apply a DaemonSet, dry run", applyingSet, bareWrite, "D1 write");

  await measureWatch(client, row);
  await measureMemory(client, applying, row);
  client.close();
  plain.close();
}

const daemonSet = {
  apiVersion: "apps/v1",
  kind: "DaemonSet",
  metadata: { name: "bench" },
  spec: {
    selector: { matchLabels: { app: "bench" } },
    template: {
      metadata: { labels: { app: "bench" } },
      spec: { containers: [{ name: "c", image: "example/daemon:3", env: [{ name: "A", value: "1" }] }] },
    },
  },
};

function applyOf(path: string, object: () => unknown, query = ""): Call {
  return {
    method: "PATCH",
    path: `${path}?fieldManager=bench&force=true${query}`,
    headers: { "content-type": "application/apply-patch+yaml" },
    body: () => JSON.stringify(object()),
  };
}

/** From the moment a write is answered until each watcher has its event. */
async function measureWatch(client: Client, row: Print): Promise<void> {
  const tookMs: number[] = [];
  let answeredAtMs = 0;
  const early: number[] = [];
  const heard = (text: string) => {
    if (!text.includes('"name":"watched"')) return;
    if (answeredAtMs === 0) early.push(performance.now());
    else tookMs.push(performance.now() - answeredAtMs);
  };
  const path = `${configMaps}?watch=true&fieldSelector=metadata.name%3Dwatched`;
  const stops = await Promise.all(Array.from({ length: watchers }, () => client.watch(path, heard)));
  const body = (count: number) =>
    JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "watched" }, data: { count: `${count}` } });
  const headers = { "content-type": "application/json" };
  for (let count = 0; count < watchedWrites; count += 1) {
    const method = count === 0 ? "POST" : "PUT";
    answeredAtMs = 0;
    await client.call({
      method,
      path: count === 0 ? configMaps : `${configMaps}/watched`,
      headers,
      body: () => body(count),
    });
    answeredAtMs = performance.now();
    // Who heard of it before the writer did has waited for nothing.
    tookMs.push(...early.splice(0).map(() => 0));
    const wanted = (count + 1) * watchers;
    while (tookMs.length < wanted) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  for (const stop of stops) stop();
  const p99 = quantile(tookMs, 0.99);
  const median = quantile(tookMs, 0.5);
  row(
    `watch, ${watchers} watchers`,
    `${p99.toFixed(1)} ms`,
    `p99 from the write's answer to the event; median ${median.toFixed(1)} ms`,
  );
}

/** Many requests of all sorts; what the engine holds before and after. */
async function measureMemory(client: Client, applying: Call, row: Print): Promise<void> {
  const calls: readonly Call[] = [
    { path: set },
    { path: `${pods}?limit=100`, headers: table },
    { path: `/api/v1/nodes?limit=50` },
    applying,
  ];
  const ask = async (count: number) => {
    let sent = 0;
    await Promise.all(
      Array.from({ length: inParallel }, async () => {
        while (sent < count) {
          sent += 1;
          await client.call(calls[sent % calls.length] ?? { path: set });
        }
      }),
    );
  };
  await ask(warmUpRequests);
  const before = engineMemoryMib();
  await ask(flatRequests);
  const after = engineMemoryMib();
  row(
    `${flatRequests} requests`,
    `${(after / before).toFixed(2)} x`,
    `the engine's memory: ${before.toFixed(0)} MiB before, ${after.toFixed(0)} MiB after`,
  );
}

function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}
