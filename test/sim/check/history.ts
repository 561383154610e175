// Follows the change log row by row as it is written, and shows each row to the rules before it counts.
import type { Actor } from "../engine/actor.ts";
import type { D1Store } from "../platform/d1.ts";
import type { Check, Checked, InvariantId, Mishap } from "./invariants.ts";
import { isPicky } from "./oracle.ts";
import type { Affinity, Body, Entry, Labels, Owner, PodState, Subject, Toleration } from "./state.ts";
import { ClusterState, keyOf } from "./state.ts";

export type Step = {
  readonly entry: Entry;
  /** The state before the row. */
  readonly state: ClusterState;
  /** The row's object before; null: there was none of that name. */
  readonly before: Entry | null;
  /** The state before the first row of the same transaction. */
  readonly transaction: { readonly firstSeq: number; readonly entries: readonly Entry[] };
};

/** What is wrong with a row; null: nothing; undefined: the rule does not speak of such rows. */
type Finding = string | null | undefined;

export type Rule = Check & { readonly check: (step: Step) => Finding };

export type Breach = { readonly rule: InvariantId | Mishap; readonly what: string };

type Template = {
  readonly metadata: { readonly labels?: Labels; readonly finalizers?: string[]; readonly ownerReferences?: Owner[] };
  readonly spec: {
    readonly containers: readonly {
      readonly image: string;
      readonly ports?: readonly unknown[];
      readonly resources?: { readonly requests?: object };
    }[];
    readonly affinity?: Affinity;
    readonly priority?: number;
    readonly tolerations?: readonly Toleration[];
    readonly terminationGracePeriodSeconds?: number;
  };
};

type LoggedPod = Pick<
  PodState,
  "template" | "node" | "ownerUid" | "createdMs" | "deletionMs" | "graceSeconds" | "phase" | "observation"
> & { readonly status: { readonly conditions?: readonly Condition[] } | null };
type Condition = {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly lastTransitionTime?: string;
};

export type HistoryOptions = {
  readonly store: D1Store;
  readonly rules: readonly Rule[];
  readonly nowMs: () => number;
  readonly breached: (breach: Breach) => void;
  readonly checked: Checked;
};

export class History {
  readonly state = new ClusterState();
  readonly entries: Entry[] = [];
  readonly #options: HistoryOptions;
  readonly #templates = new Map<string, Template>();
  /** When the log reached a row, for telling what a reader may have seen. */
  readonly #reached: { readonly seq: number; readonly atMs: number }[] = [];

  constructor(options: HistoryOptions) {
    this.#options = options;
    options.store.onWrite((writer) => this.#pull(writer));
  }

  #pull(writer: Actor): void {
    const { store, nowMs } = this.#options;
    const rows = store.inspect("SELECT * FROM log WHERE seq > ? ORDER BY seq", [this.state.seq]);
    const entries = rows.map((row) => this.#entry(row, writer));
    const transaction = { firstSeq: entries[0]?.seq ?? this.state.seq + 1, entries };
    for (const entry of entries) {
      const before = this.state.latest.get(keyOf(entry)) ?? null;
      this.#judge({ entry, state: this.state, before, transaction });
      this.state.apply(entry);
      this.entries.push(entry);
    }
    this.#reached.push({ seq: this.state.seq, atMs: nowMs() });
  }

  #judge(step: Step): void {
    const { rules, breached, checked } = this.#options;
    for (const rule of rules) {
      const { id } = rule;
      const what = rule.check(step);
      if (what === undefined) continue;
      checked(rule);
      if (what === null) continue;
      const { seq, type, resource, namespace, name, writerName } = step.entry;
      breached({ rule: id, what: `${what} (row ${seq}: ${type} ${resource} ${namespace}/${name} by ${writerName})` });
    }
  }

  #entry(row: Readonly<Record<string, unknown>>, writer: Actor): Entry {
    // Rows of the log, whose bodies the store wrote.
    const raw = JSON.parse(String(row["body"])) as Record<string, unknown>;
    const place = {
      seq: Number(row["seq"]),
      resource: String(row["resource"]),
      namespace: String(row["namespace"]),
      name: String(row["name"]),
      uid: String(row["uid"]),
    };
    return {
      ...place,
      atMs: Number(row["at_ms"]),
      committedMs: this.#options.nowMs(),
      type: String(row["type"]),
      writer: writer.kind,
      writerName: writer.name,
      raw,
      subject: this.#subject(place, raw),
    };
  }

  #subject(
    place: Pick<Entry, "seq" | "resource" | "namespace" | "name" | "uid">,
    raw: Record<string, unknown>,
  ): Subject {
    // A body is of its resource.
    if (place.resource !== "pods") return { kind: "object", body: raw as unknown as Body };
    const row = raw as unknown as LoggedPod;
    const { metadata, spec } = this.#template(row.template);
    const ready = row.status?.conditions?.find(({ type }) => type === "Ready");
    const { namespace, name, uid, seq } = place;
    const pod: PodState = {
      namespace,
      name,
      uid,
      rv: seq,
      node: row.node,
      ownerUid: row.ownerUid,
      template: row.template,
      createdMs: row.createdMs,
      deletionMs: row.deletionMs,
      graceSeconds: row.graceSeconds,
      phase: row.phase,
      observation: row.observation,
      isWaiting: row.observation < 0,
      readySinceMs: ready?.status === "True" ? Date.parse(ready.lastTransitionTime ?? "") : null,
      labels: metadata.labels ?? {},
      finalizers: metadata.finalizers ?? [],
      owners: metadata.ownerReferences ?? [],
      tolerations: spec.tolerations ?? [],
      priority: spec.priority ?? 0,
      isPreempted: row.status?.conditions?.some(({ reason }) => reason === "PreemptionByScheduler") === true,
      image: spec.containers[0]?.image ?? "",
      isDemanding:
        isPicky(spec.affinity) ||
        spec.containers.some(({ ports, resources }) => (ports ?? resources?.requests) !== undefined),
      ownGraceSeconds: spec.terminationGracePeriodSeconds ?? 30,
    };
    return { kind: "pod", pod };
  }

  #template(id: string): Template {
    const known = this.#templates.get(id);
    if (known !== undefined) return known;
    const row = this.#options.store.inspect("SELECT body FROM pod_templates WHERE id = ?", [id])[0];
    if (row === undefined) {
      this.#options.breached({ rule: "D5", what: `a pod was written whose template ${id} is not there` });
      return { metadata: {}, spec: { containers: [] } };
    }
    // Written by the store.
    const template = JSON.parse(String(row["body"])) as Template;
    this.#templates.set(id, template);
    return template;
  }

  /** The last row that was there at `atMs`. */
  seqAt(atMs: number): number {
    let seq = 1;
    for (const reached of this.#reached) {
      if (reached.atMs > atMs) break;
      seq = reached.seq;
    }
    return seq;
  }
}
