// What nodes and their pods use: asked of their agents when somebody wants to know, remembered for a moment, written nowhere.
import type { NodeUsage, UsageReport } from "../model/usage-report.ts";

/** Reports are as good as new for so long. Source: metrics-server's resolution. */
const freshMs = 15_000;
/** An agent needs a second for its two looks. */
const patienceMs = 3_000;

export class NodeUsages {
  readonly #reports = new Map<string, NodeUsage>();
  /** Nodes whose agents are to be asked with whatever they are told next. */
  readonly #asked = new Set<string>();
  /** Whoever waits for a report, by node. */
  readonly #waiting = new Map<string, (() => void)[]>();

  /** Whether the node's agent is to be asked. */
  isAsked(node: string): boolean {
    return this.#asked.has(node);
  }

  take(node: string, report: UsageReport): void {
    this.#asked.delete(node);
    this.#reports.set(node, { ...report, atMs: Date.now() });
    for (const resolve of this.#waiting.get(node) ?? []) resolve();
    this.#waiting.delete(node);
  }

  /** Nothing said before counts any more. */
  forget(node: string): void {
    this.#reports.delete(node);
    this.#asked.delete(node);
  }

  /**
   * Reports of these nodes, fresh ones where there are any in time, by node; nodes that have said nothing of late are
   * left out. `ask` tells an agent at once that it is asked, if it can be told.
   */
  async of(nodes: readonly string[], ask: (node: string) => Promise<void>): Promise<Record<string, NodeUsage>> {
    const stale = nodes.filter((node) => Date.now() - (this.#reports.get(node)?.atMs ?? 0) > freshMs);
    if (stale.length > 0) await this.#renew(stale, ask);
    const oldestMs = Date.now() - 4 * freshMs;
    return Object.fromEntries(
      nodes.flatMap((node) => {
        const report = this.#reports.get(node);
        return report === undefined || report.atMs < oldestMs ? [] : [[node, report]];
      }),
    );
  }

  async #renew(nodes: readonly string[], ask: (node: string) => Promise<void>): Promise<void> {
    const answered = nodes.map(
      (node) =>
        new Promise<void>((resolve) => {
          this.#waiting.set(node, [...(this.#waiting.get(node) ?? []), resolve]);
        }),
    );
    for (const node of nodes) {
      this.#asked.add(node);
      await ask(node);
    }
    let timer: ReturnType<typeof setTimeout> | null = null;
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, patienceMs);
    });
    await Promise.race([Promise.all(answered), patience]);
    clearTimeout(timer);
    for (const node of nodes) this.#waiting.delete(node);
  }
}
