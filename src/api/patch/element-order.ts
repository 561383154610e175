// In which order the elements of a merged list stand. Source: apimachinery pkg/util/strategicpatch.
import type { Json } from "../../model/fields.ts";

type Ordering = {
  readonly merged: readonly Json[];
  /** What tells elements apart: the value of the merge key, or the element itself. */
  readonly keyOf: (element: Json) => Json;
  /** The keys in the order that the patch asks for. */
  readonly patchOrder: readonly Json[];
  /** The keys in the order they stand in on the server. */
  readonly serverOrder: readonly Json[];
};

type Ranks = ReadonlyMap<Json, number>;

/**
 * The merged list in order: elements the patch names keep the patch's order, those only the server has keep the
 * server's. Between the two, an element goes before another where the server has it so; an element new to the server
 * goes before whatever is left.
 */
export function inOrder({ merged, keyOf, patchOrder, serverOrder }: Ordering): readonly Json[] {
  const patchRanks = ranksOf(patchOrder);
  const serverRanks = ranksOf(serverOrder);
  const named = merged.filter((element) => patchRanks.has(keyOf(element)));
  const serverOnly = merged.filter((element) => !patchRanks.has(keyOf(element)));
  return interleave(
    serverOnly.sort((a, b) => rank(serverRanks, keyOf(a)) - rank(serverRanks, keyOf(b))),
    named.sort((a, b) => rank(patchRanks, keyOf(a)) - rank(patchRanks, keyOf(b))),
    (element) => serverRanks.get(keyOf(element)),
  );
}

/** The place of each key; of its first appearance when it is repeated. */
function ranksOf(keys: readonly Json[]): Ranks {
  const ranks = new Map<Json, number>();
  for (const [place, key] of keys.entries()) {
    if (!ranks.has(key)) ranks.set(key, place);
  }
  return ranks;
}

/** Keys without a place come last: elements of a patch that an empty order leaves out. */
function rank(ranks: Ranks, key: Json): number {
  return ranks.get(key) ?? ranks.size;
}

function interleave(
  serverOnly: readonly Json[],
  named: readonly Json[],
  serverRank: (element: Json) => number | undefined,
): readonly Json[] {
  const result: Json[] = [];
  let next = 0;
  for (const element of named) {
    const limit = serverRank(element);
    while (limit !== undefined && next < serverOnly.length) {
      const candidate = serverOnly[next] ?? null;
      const place = serverRank(candidate);
      if (place === undefined || place >= limit) break;
      result.push(candidate);
      next++;
    }
    result.push(element);
  }
  return [...result, ...serverOnly.slice(next)];
}
