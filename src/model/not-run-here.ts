// What is said of workloads that are kept here and not run: DaemonSets are the only ones that are.

/** Of the Event at creation, and of conditions where clients do not ask for a word of their own. */
export const notRunReason = "NotRunHere";

/** The condition that says so, of kinds that have conditions. */
const notRunType = "lares.dev/NotRunHere";

/** `kind` as people call several of it. */
export function notRunMessage(kind: string): string {
  return `${kind} are kept here and not run: no pods are made of them. DaemonSets are run.`;
}

type PlainCondition = {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
};

export function notRunCondition(kind: string): PlainCondition {
  return { type: notRunType, status: "True", reason: notRunReason, message: notRunMessage(kind) };
}
