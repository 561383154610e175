// The Event that tells people of a happening.
// Source: client-go tools/record makeEvent.
import { goTime } from "../model/instant.ts";
import type { KubeObject } from "../model/meta.ts";
import type { EventAction, EventSource } from "./event-correlator.ts";

/** Events are forgotten this long after they were last counted. Source: --event-ttl. */
export const eventTtlMs = 60 * 60_000;

export type EventWrite = {
  readonly action: Exclude<EventAction, { readonly do: "drop" }>;
  readonly source: EventSource;
  readonly nowMs: number;
};

/** Events about cluster-scoped objects are kept in the namespace default. */
export function eventObject({ action, source, nowMs }: EventWrite): KubeObject {
  const { happening, count, firstAtMs } = action;
  const { subject } = happening;
  return {
    apiVersion: "v1",
    kind: "Event",
    metadata: {
      name: action.name,
      namespace: subject.namespace === "" ? "default" : subject.namespace,
      uid: action.uid,
      creationTimestamp: goTime(firstAtMs),
    },
    involvedObject: {
      kind: subject.kind,
      ...(subject.namespace === "" ? {} : { namespace: subject.namespace }),
      name: subject.name,
      uid: subject.uid,
      apiVersion: subject.apiVersion,
      ...(subject.fieldPath === undefined ? {} : { fieldPath: subject.fieldPath }),
    },
    reason: happening.reason,
    message: happening.message,
    source: { component: source.component, ...(source.host === undefined ? {} : { host: source.host }) },
    firstTimestamp: goTime(firstAtMs),
    lastTimestamp: goTime(nowMs),
    count,
    type: happening.type,
    eventTime: null,
    reportingComponent: source.component,
    reportingInstance: source.host ?? "",
  };
}
