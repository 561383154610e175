// The agent as the node's own API sees it.
import type { NodeReport } from "../../src/sync/messages.ts";
import type { LivePod, NodeState } from "./local-api/node-state.ts";
import type { PodWorker } from "./worker/pod-worker.ts";

type Parts = {
  readonly node: string;
  readonly workers: () => Iterable<PodWorker>;
  readonly report: () => NodeReport;
  readonly isKnown: () => boolean;
  readonly isAway: () => boolean;
};

export class AgentState implements NodeState {
  readonly #parts: Parts;
  readonly #listeners = new Set<() => void>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  get node(): string {
    return this.#parts.node;
  }

  isKnown(): boolean {
    return this.#parts.isKnown();
  }

  *livePods(): Iterable<LivePod> {
    for (const { wanted, memory } of this.#parts.workers()) {
      if (wanted === undefined) continue;
      yield { assigned: wanted.assigned, template: wanted.definition.template, status: memory.status };
    }
  }

  nodeReport(): NodeReport {
    return this.#parts.report();
  }

  isAway(): boolean {
    return this.#parts.isAway();
  }

  onPodsChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  podsChanged(): void {
    for (const listener of this.#listeners) listener();
  }
}
