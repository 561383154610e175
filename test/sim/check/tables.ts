// D2, D5: the tables say what the log says, and nothing in them hangs in the air.
import type { D1Store } from "../platform/d1.ts";
import type { DurableObjectHost } from "../platform/durable-object.ts";
import type { Breach } from "./history.ts";
import type { Checked } from "./invariants.ts";
import type { ClusterState } from "./state.ts";

function found(rule: "D2" | "D5", what: string): readonly Breach[] {
  return [{ rule, what }];
}

function sameRows(store: D1Store, state: ClusterState): readonly Breach[] {
  const rows = store.inspect(`SELECT resource, namespace, name, uid, rv FROM objects
    UNION ALL SELECT 'pods', namespace, name, uid, rv FROM pods`);
  for (const { resource, namespace, name, uid, rv } of rows) {
    const entry = state.latest.get(`${resource}/${namespace}/${name}`);
    const place = `${resource} ${namespace}/${name}`;
    if (entry === undefined) return found("D5", `${place} is in its table, and in the log it is gone`);
    if (entry.uid !== uid) return found("D5", `${place} has uid ${uid}, and ${entry.uid} in the log`);
    if (entry.seq !== rv) return found("D2", `${place} has resourceVersion ${rv}, and ${entry.seq} in the log`);
  }
  if (rows.length === state.latest.size) return [];
  return found("D5", `the tables hold ${rows.length} objects, and the log ${state.latest.size}`);
}

function sameContent(store: D1Store, state: ClusterState): readonly Breach[] {
  for (const { resource, namespace, name, body } of store.inspect(
    "SELECT resource, namespace, name, body FROM objects",
  )) {
    const entry = state.latest.get(`${resource}/${namespace}/${name}`);
    if (JSON.stringify(entry?.raw) !== JSON.stringify(JSON.parse(String(body)))) {
      return found("D5", `${resource} ${namespace}/${name} is another in its table than in the log`);
    }
  }
  for (const row of store.inspect(
    "SELECT namespace, name, observation, phase, deletion_ms, owner_uid, template FROM pods",
  )) {
    const subject = state.latest.get(`pods/${row["namespace"]}/${row["name"]}`)?.subject;
    const pod = subject?.kind === "pod" ? subject.pod : undefined;
    const same =
      pod !== undefined &&
      pod.observation === row["observation"] &&
      pod.phase === row["phase"] &&
      pod.deletionMs === row["deletion_ms"] &&
      pod.ownerUid === row["owner_uid"] &&
      pod.template === row["template"];
    if (!same) return found("D5", `pod ${row["namespace"]}/${row["name"]} is another in its table than in the log`);
  }
  return [];
}

function noOrphanRows(store: D1Store): readonly Breach[] {
  const lost = store.inspect(`SELECT name FROM pods WHERE template NOT IN (SELECT id FROM pod_templates)`);
  if (lost.length > 0) return found("D5", `pod ${lost[0]?.["name"]} has no template`);
  // One whose owner is gone as well does no harm.
  const dangling = store.inspect(`SELECT resource, namespace, name FROM owner_references AS r
    WHERE resource <> 'pod_templates' AND NOT EXISTS (SELECT 1 FROM objects AS o
      WHERE o.resource = r.resource AND o.namespace = r.namespace AND o.name = r.name)
    AND EXISTS (SELECT 1 FROM objects AS o WHERE o.uid = r.owner_uid)`);
  return dangling.length === 0 ? [] : found("D5", `owner reference of ${dangling[0]?.["name"]}, which is gone`);
}

/** How far a controller has read the log; null: it has read nothing. */
export function cursorOf({ storage }: Pick<DurableObjectHost, "storage">): number | null {
  const row = storage.inspect("SELECT body FROM sums")[0];
  if (row === undefined) return null;
  // Written by the ledger.
  return (JSON.parse(String(row["body"])) as { readonly cursor: number }).cursor;
}

/** A controller that had read what is not written yet would pass it over. */
function noCursorAhead(scene: Scene, state: ClusterState): readonly Breach[] {
  const ahead = scene
    .objects()
    .find((host) => host.kind === "DaemonSetController" && (cursorOf(host) ?? 0) > state.seq);
  return ahead === undefined ? [] : found("D5", `${ahead.name} has read beyond the log`);
}

type Scene = { readonly store: D1Store; objects(): readonly DurableObjectHost[] };

/** At any time. */
export function tableBreaches(scene: Scene, state: ClusterState, checked: Checked): readonly Breach[] {
  const { store } = scene;
  checked({ id: "D2", name: "numbers in the tables" }, state.latest.size);
  checked({ id: "D5", name: "tables" }, state.latest.size);
  checked({ id: "D5", name: "cursors" });
  return [
    ...sameRows(store, state),
    ...sameContent(store, state),
    ...noOrphanRows(store),
    ...noCursorAhead(scene, state),
  ];
}
