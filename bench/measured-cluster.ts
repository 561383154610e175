// A control plane with a simulated fleet, as the benchmarks measure it: every number comes from the running thing.
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Fleet } from "../agents/fleet/fleet.ts";
import { startFleet } from "../agents/fleet/fleet.ts";
import type { ControlPlane } from "../local/control-plane.ts";
import { startControlPlane } from "../local/control-plane.ts";

const namePrefix = "sim-";
const adminToken = `lares_bench_${randomBytes(32).toString("hex")}`;
const spareNodes = 10;
const setPath = "/apis/apps/v1/namespaces/default/daemonsets";

export type Counters = { readonly batches: number; readonly rowsRead: number; readonly rowsWritten: number };

export class MeasuredCluster {
  readonly controlPlane: ControlPlane;
  readonly nodes: number;
  readonly token = adminToken;
  readonly #dir: string;
  readonly #credentials: Map<string, string>;
  readonly #fleets: Fleet[] = [];

  private constructor(controlPlane: ControlPlane, dir: string, credentials: Map<string, string>, nodes: number) {
    this.controlPlane = controlPlane;
    this.#dir = dir;
    this.#credentials = credentials;
    this.nodes = nodes;
  }

  /** Starts the control plane; `nodes` agents, and some to spare, have credentials for it. */
  static async start(nodes: number): Promise<MeasuredCluster> {
    const dir = mkdtempSync(join(tmpdir(), "lares-bench-"));
    const controlPlane = await startControlPlane({
      stateDir: dir,
      adminTokenDigest: digestOf(adminToken),
      logFile: join(dir, "control-plane.log"),
    });
    const credentials = new Map<string, string>();
    const cluster = new MeasuredCluster(controlPlane, dir, credentials, nodes);
    await cluster.call("GET", "/api/v1/namespaces");
    await cluster.#provision(nodes + spareNodes);
    return cluster;
  }

  /** Gives nodes their credentials at once: enrolment is not what is measured here. */
  async #provision(count: number): Promise<void> {
    const rows = Array.from({ length: count }, (_, number) => {
      const node = nodeName(number);
      const credential = `laresnode_${node}_${randomBytes(32).toString("hex")}`;
      this.#credentials.set(node, credential);
      return { node, digest: digestOf(credential) };
    });
    const db = await this.controlPlane.database();
    for (let index = 0; index < rows.length; index += 2_000) {
      const insert = db.prepare(
        `INSERT INTO node_credentials (node, digest, created_ms, grant_body)
         SELECT value->>'$.node', value->>'$.digest', 0, '{}' FROM json_each(?1)`,
      );
      await insert.bind(JSON.stringify(rows.slice(index, index + 2_000))).run();
    }
  }

  /** Starts simulated agents; resolves once all are registered. */
  async addNodes(count: number, firstNumber: number): Promise<void> {
    const fleet = startFleet({
      server: this.controlPlane.url,
      count,
      firstNumber,
      namePrefix,
      connection: "socket",
      credentials: this.#credentials,
      connectingAtOnce: 500,
    });
    this.#fleets.push(fleet);
    await fleet.whenAll(({ isSynced }) => isSynced, 180_000);
  }

  async call(
    method: string,
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Response> {
    return fetch(this.controlPlane.url + path, {
      method,
      // A connection of its own: one that was left idle may be gone by the time it is used again.
      headers: {
        authorization: `Bearer ${adminToken}`,
        "content-type": "application/json",
        connection: "close",
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  /** Milliseconds from the request until every pod is available and its status says so. */
  async rollOut(image: string, { name = "bench", nodes = this.nodes } = {}): Promise<number> {
    const startedAtMs = performance.now();
    const exists = (await this.call("GET", `${setPath}/${name}`)).status === 200;
    if (exists) {
      const patch = { spec: { template: { spec: { containers: [{ name: "c", image }] } } } };
      await this.call("PATCH", `${setPath}/${name}`, patch, { "content-type": "application/merge-patch+json" });
    } else await this.call("POST", setPath, daemonSet(name, image));
    await this.allAvailable(nodes, name);
    return performance.now() - startedAtMs;
  }

  async allAvailable(nodes: number, name = "bench"): Promise<void> {
    for (;;) {
      const set = JSON.parse(await (await this.call("GET", `${setPath}/${name}`)).text());
      const { observedGeneration, updatedNumberScheduled, numberAvailable } = set.status;
      const isCurrent = observedGeneration === set.metadata.generation;
      if (isCurrent && updatedNumberScheduled === nodes && numberAvailable === nodes) return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async counters(): Promise<Counters> {
    const text = await (await this.call("GET", "/metrics")).text();
    const value = (name: string) => Number(new RegExp(`^${name} (\\d+)$`, "m").exec(text)?.[1]);
    return {
      batches: value("lares_d1_batches_total"),
      rowsRead: value("lares_d1_rows_read_total"),
      rowsWritten: value("lares_d1_rows_written_total"),
    };
  }

  async stop(): Promise<void> {
    for (const fleet of this.#fleets) fleet.stop();
    await this.controlPlane.stop();
    rmSync(this.#dir, { recursive: true, force: true });
  }

  /** A node's name and credential, for requests made by hand. */
  credentialOf(number: number): { readonly node: string; readonly credential: string } {
    const node = nodeName(number);
    return { node, credential: this.#credentials.get(node) ?? "" };
  }
}

function nodeName(number: number): string {
  return `${namePrefix}${String(number).padStart(5, "0")}`;
}

function digestOf(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

function daemonSet(name: string, image: string): unknown {
  return {
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: { name },
    spec: {
      selector: { matchLabels: { app: name } },
      updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: "100%" } },
      template: {
        metadata: { labels: { app: name } },
        spec: { containers: [{ name: "c", image, resources: { requests: { cpu: "10m", memory: "16Mi" } } }] },
      },
    },
  };
}

/** Resident memory, in MiB, of the largest workerd among the children of this process. */
export function engineMemoryMib(): number {
  const sizes = readdirSync("/proc").flatMap((entry) => {
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, "utf8");
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      return stat.includes("(workerd") && Number(fields[1]) === process.pid
        ? [(Number(fields[21]) * 4096) / 2 ** 20]
        : [];
    } catch {
      return [];
    }
  });
  return Math.max(0, ...sizes);
}
