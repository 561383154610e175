// How sandboxes and containers are told from other people's, and what engines have no word for: all of it is in labels.
import { labels } from "../../pod/labels.ts";

export const engineLabels = {
  agent: labels.agent,
  /** `sandbox` or `container`. */
  type: "lares.dev/type",
  attempt: "lares.dev/attempt",
  sandboxId: "lares.dev/sandbox.id",
  /** A directory of a sandbox, a file of a container. */
  logPath: "lares.dev/log-path",
} as const;

type StringMap = Readonly<Record<string, string>>;

const annotationPrefix = "annotation.lares.dev/";
const own: ReadonlySet<string> = new Set(Object.values(engineLabels));

/** Engines know no annotations. */
export function annotationLabels(annotations: StringMap): StringMap {
  return Object.fromEntries(Object.entries(annotations).map(([key, value]) => [annotationPrefix + key, value]));
}

/** What the agent labelled it with, and noted on it. */
export function readLabels(all: StringMap): { readonly labels: StringMap; readonly annotations: StringMap } {
  const given: Record<string, string> = {};
  const annotations: Record<string, string> = {};
  for (const [key, value] of Object.entries(all)) {
    if (key.startsWith(annotationPrefix)) annotations[key.slice(annotationPrefix.length)] = value;
    else if (!own.has(key)) given[key] = value;
  }
  return { labels: given, annotations };
}

export function podOf(all: StringMap) {
  return {
    name: all[labels.podName] ?? "",
    uid: all[labels.podUid] ?? "",
    namespace: all[labels.podNamespace] ?? "",
    attempt: Number(all[engineLabels.attempt] ?? 0),
  };
}

export function containerOf(all: StringMap) {
  return { name: all[labels.containerName] ?? "", attempt: Number(all[engineLabels.attempt] ?? 0) };
}
