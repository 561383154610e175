// The history of a DaemonSet's template: which ControllerRevision is the current one, which are superfluous.
// Source: pkg/controller/daemon/update.go constructHistory, cleanupHistory; pkg/controller/history.
import { goJson } from "./go-json.ts";
import { fnv1a32, safeEncode } from "./hash.ts";

export const hashLabel = "controller-revision-hash";
export const templateGenerationLabel = "pod-template-generation";
export const templateGenerationAnnotation = "deprecated.daemonset.template.generation";

/** A claimed ControllerRevision. */
export type Revision = {
  readonly name: string;
  readonly uid: string;
  /** Label controller-revision-hash; empty when there is none. */
  readonly hash: string;
  readonly revision: number;
  /** `revisionData` of its template. */
  readonly data: string;
};

/** What a ControllerRevision of this template holds, byte for byte as Go clients compute it. */
export function revisionData(template: object): string {
  return goJson({ spec: { template: { ...template, $patch: "replace" } } });
}

/** `collisionCount` null: no collision so far. */
export function revisionHash(data: string, collisionCount: number | null): string {
  const hash = fnv1a32(data);
  return safeEncode(collisionCount === null ? hash : fnv1a32(String(collisionCount), hash));
}

export type HistoryPlan = {
  /** The revision that the template is; its number as it will be. */
  readonly current: { readonly name: string; readonly hash: string; readonly revision: number };
  /** True: it does not exist yet. */
  readonly create: boolean;
  /** The current one, when it has to be given a higher number. */
  readonly raise: boolean;
  /** Others with the same data: every daemon pod is given the current hash, then these go. */
  readonly duplicates: readonly Revision[];
  /** Those without a hash label, which get their name as one. */
  readonly unlabelled: readonly Revision[];
  readonly old: readonly Revision[];
};

export type HistoryInput = {
  readonly setName: string;
  readonly template: object;
  readonly collisionCount: number | null;
  readonly revisions: readonly Revision[];
};

export function planHistory({ setName, template, collisionCount, revisions }: HistoryInput): HistoryPlan {
  const data = revisionData(template);
  const unlabelled = revisions.filter((revision) => revision.hash === "");
  const labelled = revisions.map((revision) =>
    revision.hash === "" ? { ...revision, hash: revision.name } : revision,
  );
  const matching = labelled.filter((revision) => revision.data === data);
  const old = labelled.filter((revision) => revision.data !== data);
  const next = 1 + Math.max(0, ...old.map(({ revision }) => revision));
  const kept = lastOfHighest(matching);
  if (kept === undefined) {
    const hash = revisionHash(data, collisionCount);
    const current = { name: `${setName}-${hash}`, hash, revision: next };
    return { current, create: true, raise: false, duplicates: [], unlabelled, old };
  }
  const raise = kept.revision < next;
  return {
    current: { name: kept.name, hash: kept.hash, revision: raise ? next : kept.revision },
    create: false,
    raise,
    duplicates: matching.filter((revision) => revision !== kept),
    unlabelled,
    old,
  };
}

function lastOfHighest(revisions: readonly Revision[]): Revision | undefined {
  return revisions.reduce<Revision | undefined>(
    (highest, revision) => (highest === undefined || revision.revision >= highest.revision ? revision : highest),
    undefined,
  );
}

/**
 * The old revisions to delete so that `limit` are kept, lowest numbers first; those in `liveHashes` (hashes that pods
 * still carry) are passed over.
 */
export function superfluousRevisions(
  old: readonly Revision[],
  limit: number,
  liveHashes: ReadonlySet<string>,
): readonly Revision[] {
  const excess = Math.max(0, old.length - limit);
  return [...old]
    .sort((a, b) => a.revision - b.revision)
    .filter(({ hash }) => !liveHashes.has(hash))
    .slice(0, excess);
}
