// How far a local cluster has come, shown as it comes.
import type { ApiClient, KubeJson } from "./api-client.ts";
import type { DaemonSetName } from "./examples.ts";
import { daemonSetPath } from "./examples.ts";
import { statusOf } from "./nodes.ts";

const lookEveryMs = 250;

export type Expected = {
  /** How many nodes are to be Ready. */
  readonly nodes: number;
  readonly daemonSets: readonly DaemonSetName[];
};

/** Where lines are shown: the last one is written over on a terminal. */
export class Lines {
  readonly #out: NodeJS.WriteStream;
  #last = "";
  #isOpen = false;

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
  }

  /** A line that stays. */
  say(line: string): void {
    this.#clear();
    this.#out.write(`${line}\n`);
  }

  /** A line that the next one takes the place of; where there is no terminal, only changes are shown. */
  show(line: string): void {
    if (line === this.#last) return;
    this.#last = line;
    if (!this.#out.isTTY) {
      this.#out.write(`${line}\n`);
      return;
    }
    this.#clear();
    this.#out.write(line);
    this.#isOpen = true;
  }

  #clear(): void {
    if (this.#isOpen) this.#out.write("\r\x1b[2K");
    this.#isOpen = false;
  }
}

/** Shows how nodes become Ready and DaemonSets roll out; resolves when all have. */
export async function showProgress(
  api: ApiClient,
  expected: Expected,
  lines: Lines,
  isStopping: () => boolean,
): Promise<void> {
  while (!isStopping()) {
    const nodes = await api.list("/api/v1/nodes");
    const ready = nodes.filter(isReady).length;
    const sets = await Promise.all(expected.daemonSets.map((name) => rolloutOf(api, name)));
    const areReady = ready >= expected.nodes;
    // A cluster that goes on from before may have more than are started now.
    const all = Math.max(expected.nodes, nodes.length);
    const parts = [`nodes ${ready}/${all} ready`, ...sets.map(({ text }) => text)];
    lines.show(`  ${parts.join("   ")}`);
    if (areReady && sets.every(({ isDone }) => isDone)) return;
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
  }
}

function isReady(node: KubeJson): boolean {
  const conditions = statusOf(node)["conditions"];
  if (!Array.isArray(conditions)) return false;
  return conditions.some(({ type, status }) => type === "Ready" && status === "True");
}

type Rollout = { readonly text: string; readonly isDone: boolean };

async function rolloutOf(api: ApiClient, name: DaemonSetName): Promise<Rollout> {
  const set = await api.get(daemonSetPath(name));
  if (set === null) return { text: `daemonset/${name.name} is gone`, isDone: true };
  const status = statusOf(set);
  const count = (field: string) => Number(status[field] ?? 0);
  const desired = count("desiredNumberScheduled");
  const available = count("numberAvailable");
  const updated = count("updatedNumberScheduled");
  return {
    text: `daemonset/${name.name} ${available}/${desired} available`,
    isDone: count("observedGeneration") > 0 && available >= desired && updated >= desired,
  };
}
