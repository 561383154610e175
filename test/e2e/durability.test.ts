// The engine is killed again and again under load: what was acknowledged is there afterwards, all of it.
import { readdirSync, readFileSync } from "node:fs";
import { Agent, request } from "node:https";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";

import { Cluster, until } from "./support/cluster.ts";

const kills = 20;
const clients = 16;

let cluster: Cluster;
let agent: Agent;

beforeAll(async () => {
  cluster = await Cluster.start({ nodes: 0 });
  agent = new Agent({ ca: readFileSync(join(cluster.dir, "pki", "ca.crt")), keepAlive: true, maxSockets: clients });
}, 90_000);

afterAll(async () => {
  agent?.destroy();
  await cluster?.remove();
}, 60_000);

type Answer = {
  readonly code: number;
  readonly body: { readonly metadata: { readonly resourceVersion: string }; readonly data?: { readonly n: string } };
};

/** Null: no answer came, so the outcome is not known. */
function call(method: string, path: string, body?: unknown): Promise<Answer | null> {
  return new Promise((resolve) => {
    const headers = { authorization: `Bearer ${cluster.token}`, "content-type": "application/json" };
    const url = `https://127.0.0.1:${cluster.port}/api/v1/namespaces/default/configmaps${path}`;
    const sent = request(url, { method, headers, agent, timeout: 10_000 }, (response) => {
      let text = "";
      response.on("data", (data) => {
        text += data;
      });
      response.on("error", () => resolve(null));
      response.on("end", () => {
        try {
          resolve({ code: response.statusCode ?? 0, body: JSON.parse(text) });
        } catch {
          resolve(null);
        }
      });
    });
    sent.on("error", () => resolve(null));
    sent.on("timeout", () => sent.destroy());
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** One client counts up in an object of its own, and remembers what it was told. */
class Counter {
  acknowledged = 0;
  attempted = 0;
  acknowledgedRv = 0;
  acknowledgements = 0;
  readonly #name: string;

  constructor(index: number) {
    this.#name = `counter-${index}`;
  }

  async countOn(): Promise<void> {
    this.attempted += 1;
    const metadata = { name: this.#name };
    const object = { apiVersion: "v1", kind: "ConfigMap", metadata, data: { n: String(this.attempted) } };
    const answer = this.acknowledged === 0 ? await this.#create(object) : await call("PUT", `/${this.#name}`, object);
    if (answer === null || answer.code >= 300) return void (await pause());
    const rv = Number(answer.body.metadata.resourceVersion);
    expect(rv).toBeGreaterThan(this.acknowledgedRv);
    this.acknowledgedRv = rv;
    this.acknowledged = this.attempted;
    this.acknowledgements += 1;
  }

  /** A create whose answer was lost may have taken place: then it is an update. */
  async #create(object: unknown): Promise<Answer | null> {
    const answer = await call("POST", "", object);
    return answer?.code === 409 ? call("PUT", `/${this.#name}`, object) : answer;
  }

  async check(): Promise<void> {
    if (this.acknowledged === 0) return;
    const answer = await call("GET", `/${this.#name}`);
    expect(answer?.code).toBe(200);
    const stored = Number(answer?.body.data?.n);
    expect(stored).toBeGreaterThanOrEqual(this.acknowledged);
    expect(stored).toBeLessThanOrEqual(this.attempted);
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 20));
}

/** The engine's process: the child of the cluster's that is not one of its own programs. */
function engine(): number | undefined {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .find((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
        const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
        return Number(parent) === cluster.pid && state !== "Z" && stat.includes("(workerd");
      } catch {
        return false;
      }
    });
}

it(`nothing acknowledged is lost over ${kills} kills of the engine under load`, async () => {
  const counters = Array.from({ length: clients }, (_, index) => new Counter(index));
  for (let kill = 0; kill < kills; kill += 1) {
    let isRunning = true;
    const load = Promise.all(
      counters.map(async (counter) => {
        while (isRunning) await counter.countOn();
      }),
    );
    const before = counters.reduce((sum, { acknowledgements }) => sum + acknowledgements, 0);
    await until(
      () =>
        counters.reduce((sum, { acknowledgements }) => sum + acknowledgements, 0) > before + 50 + Math.random() * 100,
    );
    const pid = engine();
    expect(pid).toBeDefined();
    process.kill(pid ?? 0, "SIGKILL");
    isRunning = false;
    await load;
    await until(async () => (await call("GET", "/counter-0")) !== null);
    for (const counter of counters) await counter.check();
  }
  const total = counters.reduce((sum, { acknowledgements }) => sum + acknowledgements, 0);
  expect(total).toBeGreaterThan(kills * 50);
}, 300_000);
