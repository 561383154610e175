// A site: a control plane out there, and machines that reach it, the registry and the log server over one network.
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, connect as dial, type Server, type Socket } from "node:net";
import { join } from "node:path";
import selfsigned from "selfsigned";

import { bundleAgent } from "../../../local/bundle.ts";
import { certificates } from "../../../local/certificates.ts";
import type { Image } from "../../containers/image.ts";
import { pauseImage } from "../../containers/image.ts";
import type { Boot } from "../../containers/machine.ts";
import { Machine } from "../../containers/machine.ts";
import { ownDirectory } from "../../containers/own-directory.ts";
import { Registry } from "../../containers/registry.ts";
import { Segment } from "../../containers/segment.ts";
import { VirtualMachine } from "../../containers/virtual/virtual-machine.ts";
import { Cluster } from "./cluster.ts";
import type { Kubectl } from "./kubectl.ts";

const dayMs = 24 * 60 * 60_000;

type Undo = () => Promise<void> | void;

export class Site {
  readonly dir: string;
  readonly segment: Segment;
  readonly registry: Registry;
  readonly cluster: Cluster;
  readonly agentProgram: string;
  /** What ends it, in this order. */
  readonly #opened: readonly Undo[];
  readonly #machines: { cutPower(): Promise<void> }[] = [];

  private constructor(
    parts: Pick<Site, "dir" | "segment" | "registry" | "cluster" | "agentProgram">,
    opened: readonly Undo[],
  ) {
    this.dir = parts.dir;
    this.segment = parts.segment;
    this.registry = parts.registry;
    this.cluster = parts.cluster;
    this.agentProgram = parts.agentProgram;
    this.#opened = opened;
  }

  /** With these images in its registry, by the names that they have on Docker Hub. */
  static async open(images: Readonly<Record<string, Image>>): Promise<Site> {
    const dir = ownDirectory("site");
    const agentProgram = join(dir, "lares-agent.cjs");
    await bundleAgent("node", agentProgram);
    const segment = Segment.open(dir);
    const opened: Undo[] = [() => segment.close(), () => rmSync(dir, { recursive: true, force: true })];
    try {
      await trustedAt(segment.gateway, join(dir, "cluster", "pki"));
      const registry = await Registry.start({ address: segment.gateway });
      opened.unshift(() => registry.remove());
      await Promise.all(Object.entries({ ...images, "test/pause:1": pauseImage() }).map((it) => registry.push(...it)));
      const cluster = await Cluster.start({ dir: join(dir, "cluster"), nodes: 0 });
      opened.unshift(() => cluster.remove());
      const gate = await Gate.open(segment.gateway, cluster.port);
      opened.unshift(() => gate.close());
      return new Site({ dir, segment, registry, cluster, agentProgram }, opened);
    } catch (error) {
      for (const close of opened) await close();
      throw error;
    }
  }

  get kubectl(): Kubectl {
    return this.cluster.kubectl;
  }

  /** Where agents find the control plane. */
  get server(): string {
    return `https://${this.segment.gateway}:${this.cluster.port}`;
  }

  get authorityFile(): string {
    return join(this.cluster.dir, "pki", "ca.crt");
  }

  newMachine(name: string, boot?: Boot): Machine {
    const dir = join(this.dir, "machines", name);
    const machine = new Machine(this.segment, { name, dir, ...(boot === undefined ? {} : { boot }) });
    this.#machines.push(machine);
    return machine;
  }

  /** One with a kernel of its own. */
  newVirtualMachine(name: string): VirtualMachine {
    const machine = new VirtualMachine(this.segment, { name, dir: join(this.dir, "machines", name) });
    this.#machines.push(machine);
    return machine;
  }

  async joinToken(node: string): Promise<string> {
    const token = {
      apiVersion: "lares.dev/v1alpha1",
      kind: "JoinToken",
      metadata: { generateName: "site-" },
      spec: { nodeNames: [node] },
    };
    return this.kubectl.ok(["create", "-f", "-", "-o", "jsonpath={.status.token}"], JSON.stringify(token));
  }

  /** Leaves what the machines and the control plane have said in `dir`, for whom it may concern. */
  keepLogs(dir: string): void {
    mkdirSync(dir, { recursive: true });
    cpSync(join(this.dir, "machines"), dir, {
      recursive: true,
      filter: (path) => !/\/(lib|log|disk\.ext4|commands\.sock)$/.test(path),
    });
  }

  async remove(): Promise<void> {
    await Promise.all(this.#machines.map((machine) => machine.cutPower()));
    for (const close of this.#opened) await close();
  }
}

/** A server certificate for an address beside those that the cluster would make one for by itself. */
async function trustedAt(address: string, pki: string): Promise<void> {
  const { authority } = await certificates(pki, Date.now());
  const made = await selfsigned.generate([{ name: "commonName", value: "lares" }], {
    keyType: "ec",
    algorithm: "sha256",
    notBeforeDate: new Date(Date.now() - dayMs),
    notAfterDate: new Date(Date.now() + 365 * dayMs),
    ca: { cert: authority, key: readFileSync(join(pki, "ca.key"), "utf8") },
    extensions: [
      { name: "basicConstraints", cA: false },
      { name: "keyUsage", digitalSignature: true, critical: true },
      { name: "extKeyUsage", serverAuth: true },
      {
        name: "subjectAltName",
        altNames: ["127.0.0.1", "::1", address].map((ip) => ({ type: 7 as const, ip })),
      },
    ],
  });
  writeFileSync(join(pki, "server.crt"), made.cert);
  writeFileSync(join(pki, "server.key"), made.private, { mode: 0o600 });
}

/** Passes connections from an address of the network on to the same port of this machine's loopback. */
class Gate {
  readonly #server: Server;
  readonly #open = new Set<Socket>();

  private constructor(port: number) {
    this.#server = createServer((client) => {
      const upstream = dial(port, "127.0.0.1");
      for (const [one, other] of [
        [client, upstream],
        [upstream, client],
      ] as const) {
        this.#open.add(one);
        one.setNoDelay(true);
        one.on("error", () => other.destroy());
        one.on("close", () => {
          this.#open.delete(one);
          other.destroy();
        });
        one.pipe(other);
      }
    });
  }

  static async open(address: string, port: number): Promise<Gate> {
    const gate = new Gate(port);
    await new Promise<void>((resolve, reject) => {
      gate.#server.once("error", reject);
      gate.#server.listen(port, address, resolve);
    });
    return gate;
  }

  async close(): Promise<void> {
    for (const socket of this.#open) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
