// D5 for the controllers: at rest, what a DaemonSet's object remembers of each node is what the rows say.

import type { Breach } from "./history.ts";
import { eligibility, isAvailable } from "./oracle.ts";
import type { ClusterState, DaemonSetBody } from "./state.ts";

type Inspect = (sql: string) => readonly Readonly<Record<string, unknown>>[];

type LedgerEntry = {
  readonly exists: boolean;
  readonly shouldRun: boolean;
  readonly shouldContinueRunning: boolean;
  readonly pods: readonly { readonly uid: string; readonly rv: number; readonly deleting: boolean }[];
};

/** What `inspect` finds in the storage of the set's controller. */
export function ledgerBreaches(
  set: DaemonSetBody,
  state: ClusterState,
  inspect: Inspect,
  nowMs: number,
): readonly Breach[] {
  const found = (what: string): readonly Breach[] => [{ rule: "D5", what: `ledger of ${set.metadata.name}: ${what}` }];
  const rows = inspect("SELECT name, entry, acts, rollout FROM entries");
  // Written by the ledger.
  const entries = new Map(rows.map((row) => [String(row["name"]), JSON.parse(String(row["entry"])) as LedgerEntry]));
  let available = 0;
  for (const node of state.nodes()) {
    const { name } = node.metadata;
    const { run, stay } = eligibility(set.spec.template.spec, node);
    const pods = [...state.podsOf(set.metadata.uid)].filter((pod) => pod.node === name);
    const entry = entries.get(name);
    if (entry === undefined) {
      if (run || pods.length > 0) return found(`node ${name} is missing`);
      continue;
    }
    entries.delete(name);
    if (!run && pods.length === 0) return found(`node ${name} is of no interest`);
    if (entry.shouldRun !== run || entry.shouldContinueRunning !== stay) return found(`eligibility of node ${name}`);
    const [kept, real] = [entry.pods, pods].map((list) =>
      list
        .map(({ uid, rv }) => `${uid} ${rv}`)
        .sort()
        .join(),
    );
    if (kept !== real) return found(`pods of node ${name}: ${kept} and not ${real}`);
    if (run && pods.some((pod) => isAvailable(pod, set, nowMs))) available += 1;
  }
  if (entries.size > 0) return found(`node ${[...entries.keys()][0]} is not there`);
  const acting = rows.find((row) => row["acts"] === 1);
  if (acting !== undefined) return found(`node ${acting["name"]} still asks for something`);
  const body = inspect("SELECT body FROM sums")[0]?.["body"];
  if (body === undefined) return found("it is empty");
  // As above.
  const { totals } = JSON.parse(String(body)) as { readonly totals: Readonly<Record<string, number>> };
  return totals["available"] === available ? [] : found(`${totals["available"]} available nodes, and not ${available}`);
}
