// What a node is to run, as it is sent to its agent.
import { fnv1a32 } from "./hash.ts";

/** The parts of a stored pod that its node has to know. */
export type AssignablePod = {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly template: string;
  readonly createdMs: number;
  readonly deletionMs: number | null;
  readonly graceSeconds: number | null;
  readonly observation: number;
};

export type Assignment = {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly template: string;
  readonly createdAtMs: number;
  readonly observation: number;
  readonly deletion?: { readonly atMs: number; readonly gracePeriodSeconds: number };
};

/** The pods in an order of their own, whatever the order they come in. */
export function assignments(pods: Iterable<AssignablePod>): readonly Assignment[] {
  return [...pods]
    .sort((a, b) => (a.uid < b.uid ? -1 : 1))
    .map(({ uid, namespace, name, template, createdMs, deletionMs, graceSeconds, observation }) => ({
      uid,
      namespace,
      name,
      template,
      createdAtMs: createdMs,
      observation,
      ...(deletionMs === null ? {} : { deletion: { atMs: deletionMs, gracePeriodSeconds: graceSeconds ?? 0 } }),
    }));
}

const secondSeed = 0x9747b28c;

/** Names the content of an assignment. Observation numbers are no part of it: they follow from reports. */
export function assignmentEtag(assigned: readonly Assignment[]): string {
  const text = assigned
    .map(
      ({ uid, template, deletion }) =>
        `${uid} ${template} ${deletion?.atMs ?? ""} ${deletion?.gracePeriodSeconds ?? ""}`,
    )
    .join("\n");
  return fnv1a32(text).toString(16).padStart(8, "0") + fnv1a32(text, secondSeed).toString(16).padStart(8, "0");
}
