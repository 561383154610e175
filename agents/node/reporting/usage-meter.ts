// What the node and its containers use. The use of a processor is a rate, and a rate takes two looks.
import type { UsageReport } from "../../../src/model/usage-report.ts";
import type { Clock, NodeFacts } from "../ports.ts";
import type { ContainerStats, Runtime } from "../runtime/runtime.ts";

type Look = {
  readonly atMs: number;
  readonly node: ReturnType<NodeFacts["usage"]>;
  readonly containers: readonly ContainerStats[];
};

export type UsagePorts = {
  readonly clock: Clock;
  readonly nodeFacts: NodeFacts;
  readonly runtime: Pick<Runtime, "listContainerStats">;
};

const shortestWindowMs = 1000;
/** A look that is older than this says nothing about now. */
const longestWindowMs = 60_000;

export class UsageMeter {
  readonly #ports: UsagePorts;
  #last: Look | undefined;
  #reading: Promise<UsageReport> | undefined;

  constructor(ports: UsagePorts) {
    this.#ports = ports;
  }

  /** Takes a second at most where there was no look of late. Whoever asks meanwhile is given the same answer. */
  read(): Promise<UsageReport> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #read(): Promise<UsageReport> {
    const ageMs = this.#ports.clock.monotonicMs() - (this.#last?.atMs ?? Number.NEGATIVE_INFINITY);
    const before = this.#last !== undefined && ageMs <= longestWindowMs ? this.#last : await this.#look();
    const waitMs = before.atMs + shortestWindowMs - this.#ports.clock.monotonicMs();
    if (waitMs > 0) await new Promise<void>((resolve) => this.#ports.clock.setTimer(waitMs, resolve));
    const now = await this.#look();
    this.#last = now;
    return usageBetween(before, now);
  }

  async #look(): Promise<Look> {
    const { clock, nodeFacts, runtime } = this.#ports;
    const containers = await runtime.listContainerStats();
    return { atMs: clock.monotonicMs(), node: nodeFacts.usage(), containers };
  }
}

/** Containers that were not there before have used what they have used within the window. */
function usageBetween(before: Look, now: Look): UsageReport {
  const windowMs = Math.max(1, Math.round(now.atMs - before.atMs));
  const usedBefore = new Map(before.containers.map(({ id, usageCoreNanoSeconds }) => [id, usageCoreNanoSeconds]));
  const rate = (nanoSeconds: number) => Math.max(0, Math.round((nanoSeconds * 1000) / windowMs));
  return {
    windowMs,
    node: {
      cpuNanoCores: rate(now.node.usageCoreNanoSeconds - before.node.usageCoreNanoSeconds),
      workingSetBytes: now.node.workingSetBytes,
    },
    containers: now.containers.map(({ podUid, name, id, usageCoreNanoSeconds, workingSetBytes }) => ({
      podUid,
      name,
      cpuNanoCores: rate(usageCoreNanoSeconds - (usedBefore.get(id) ?? 0)),
      workingSetBytes,
    })),
  };
}
