// What a node is to run, as it is sent to its agent.

import type { NamedObject } from "../model/named-objects.ts";
import { fnv1a32 } from "./hash.ts";
import type { AccountTerms } from "./named-objects.ts";
import type { ConditionedStatus } from "./pod-conditions.ts";
import { othersConditions } from "./pod-conditions.ts";

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
  readonly status: ConditionedStatus | null;
};

export type Assignment = {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly template: string;
  readonly createdAtMs: number;
  readonly observation: number;
  readonly deletion?: { readonly atMs: number; readonly gracePeriodSeconds: number };
  readonly serviceAccount?: {
    readonly imagePullSecrets?: string[];
    readonly automountServiceAccountToken?: boolean;
  };
  readonly conditions?: Readonly<Record<string, string>>;
};

/** A ConfigMap or Secret as it is told to a node: 0 is the version of one that is not there. */
export type ObjectVersion = NamedObject & { readonly namespace: string; readonly version: number };

type TermsOf<Pod> = (pod: Pod) => AccountTerms | undefined;

/** The pods in an order of their own, whatever the order they come in. */
export function assignments<Pod extends AssignablePod>(
  pods: Iterable<Pod>,
  termsOf: TermsOf<Pod>,
): readonly Assignment[] {
  return [...pods].sort((a, b) => (a.uid < b.uid ? -1 : 1)).map((pod) => assignmentOf(pod, termsOf(pod)));
}

function assignmentOf(pod: AssignablePod, terms: AccountTerms | undefined): Assignment {
  const { uid, namespace, name, template, createdMs, deletionMs, graceSeconds, observation } = pod;
  const conditions = othersConditions(pod.status);
  return {
    uid,
    namespace,
    name,
    template,
    createdAtMs: createdMs,
    observation,
    ...(deletionMs === null ? {} : { deletion: { atMs: deletionMs, gracePeriodSeconds: graceSeconds ?? 0 } }),
    ...(terms === undefined ? {} : { serviceAccount: toldTerms(terms) }),
    ...(conditions === undefined ? {} : { conditions }),
  };
}

function toldTerms({
  imagePullSecrets,
  automountServiceAccountToken,
}: AccountTerms): NonNullable<Assignment["serviceAccount"]> {
  const names = imagePullSecrets?.flatMap(({ name = "" }) => (name === "" ? [] : [name]));
  return {
    ...(names === undefined ? {} : { imagePullSecrets: names }),
    ...(automountServiceAccountToken === undefined ? {} : { automountServiceAccountToken }),
  };
}

const secondSeed = 0x9747b28c;

/**
 * Names the content of an assignment, given the objects that its pods name, in any order. Observation numbers are no part
 * of it: they follow from reports.
 */
export function assignmentEtag(assigned: readonly Assignment[], objects: readonly ObjectVersion[]): string {
  const named = objects.map(({ kind, namespace, name, version }) => `${kind} ${namespace} ${name} ${version}`);
  const text = [...assigned.map(assignedText), ...named.sort()].join("\n");
  return fnv1a32(text).toString(16).padStart(8, "0") + fnv1a32(text, secondSeed).toString(16).padStart(8, "0");
}

function assignedText({ uid, template, deletion, serviceAccount, conditions }: Assignment): string {
  const terms = serviceAccount === undefined ? "" : ` ${JSON.stringify(serviceAccount)}`;
  const others = conditions === undefined ? "" : ` ${JSON.stringify(conditions)}`;
  return `${uid} ${template} ${deletion?.atMs ?? ""} ${deletion?.gracePeriodSeconds ?? ""}${terms}${others}`;
}
