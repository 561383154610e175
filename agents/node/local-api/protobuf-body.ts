// What daemons write in protobuf of the kinds that are taken while the control plane is away: events, and leases.
// Source: generated.proto of k8s.io/api core/v1, events/v1, coordination/v1; apimachinery runtime.Unknown.
import type { Message, Of } from "../runtime/cri/protobuf.ts";
import { decode, message } from "../runtime/cri/protobuf.ts";
import type { Json } from "./answers.ts";

/** How every body begins. */
const magic = Buffer.from("k8s\0");

export const Unknown = message({
  typeMeta: [1, message({ apiVersion: [1, "string"], kind: [2, "string"] })],
  raw: [2, "bytes"],
});

const Time = message({ seconds: [1, "int"], nanos: [2, "int"] });

const ObjectMeta = message({
  name: [1, "string"],
  generateName: [2, "string"],
  namespace: [3, "string"],
  uid: [5, "string"],
  resourceVersion: [6, "string"],
  labels: [11, "map"],
  annotations: [12, "map"],
});

const ObjectReference = message({
  kind: [1, "string"],
  namespace: [2, "string"],
  name: [3, "string"],
  uid: [4, "string"],
  apiVersion: [5, "string"],
  resourceVersion: [6, "string"],
  fieldPath: [7, "string"],
});

const EventSource = message({ component: [1, "string"], host: [2, "string"] });
const EventSeries = message({ count: [1, "int"], lastObservedTime: [2, Time] });

export const CoreEvent = message({
  metadata: [1, ObjectMeta],
  involvedObject: [2, ObjectReference],
  reason: [3, "string"],
  message: [4, "string"],
  source: [5, EventSource],
  firstTimestamp: [6, Time],
  lastTimestamp: [7, Time],
  count: [8, "int"],
  type: [9, "string"],
  eventTime: [10, Time],
  series: [11, EventSeries],
  action: [12, "string"],
  related: [13, ObjectReference],
  reportingComponent: [14, "string"],
  reportingInstance: [15, "string"],
});

export const EventsEvent = message({
  metadata: [1, ObjectMeta],
  eventTime: [2, Time],
  series: [3, EventSeries],
  reportingController: [4, "string"],
  reportingInstance: [5, "string"],
  action: [6, "string"],
  reason: [7, "string"],
  regarding: [8, ObjectReference],
  related: [9, ObjectReference],
  note: [10, "string"],
  type: [11, "string"],
  deprecatedSource: [12, EventSource],
  deprecatedFirstTimestamp: [13, Time],
  deprecatedLastTimestamp: [14, Time],
  deprecatedCount: [15, "int"],
});

export const Lease = message({
  metadata: [1, ObjectMeta],
  spec: [
    2,
    message({
      holderIdentity: [1, "string"],
      leaseDurationSeconds: [2, "int"],
      acquireTime: [3, Time],
      renewTime: [4, Time],
      leaseTransitions: [5, "int"],
      strategy: [6, "string"],
      preferredHolder: [7, "string"],
    }),
  ],
});

const kinds: Readonly<Record<string, Message>> = {
  "v1/Event": CoreEvent,
  "events.k8s.io/v1/Event": EventsEvent,
  "coordination.k8s.io/v1/Lease": Lease,
};

/** Said even if they are nothing: a holder that lets a lease go says so with an empty name. */
const always = new Set(["holderIdentity", "leaseDurationSeconds", "leaseTransitions"]);

/** The object as it would be in JSON. Null: it is of another kind, or none that could be read. */
export function objectInProtobuf(body: Buffer): Json | null {
  if (!body.subarray(0, magic.length).equals(magic)) return null;
  try {
    const { typeMeta, raw } = decode(Unknown, body.subarray(magic.length));
    const { apiVersion = "", kind = "" } = typeMeta ?? {};
    const type = kinds[`${apiVersion}/${kind}`];
    return type === undefined ? null : { apiVersion, kind, ...fieldsOf(type, decode(type, raw)) };
  } catch {
    return null;
  }
}

/** What was not said is left out. */
function fieldsOf(type: Message, values: Readonly<Record<string, unknown>>): Json {
  const told = Object.entries(type.fields).flatMap(([name, [, fieldType]]) => {
    const value = jsonOf(name, fieldType, values[name]);
    return value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(told);
}

/** `value` is what `decode` makes of the field, which is why the casts hold. */
function jsonOf(name: string, type: unknown, value: unknown): unknown {
  if (value === undefined) return undefined;
  if (type === Time) return timeText(value as Of<typeof Time>, name.endsWith("Timestamp") ? 0 : 6);
  if (type === "map") return Object.keys(value as Json).length === 0 ? undefined : value;
  if (typeof value === "object") return fieldsOf(type as Message, value as Json);
  return value === "" || value === 0 ? (always.has(name) ? value : undefined) : value;
}

/** The zero time is an empty message. */
function timeText({ seconds, nanos }: Of<typeof Time>, digits: 0 | 6): string | undefined {
  if (seconds === 0 && nanos === 0) return undefined;
  const text = new Date(seconds * 1000).toISOString().slice(0, 19);
  return digits === 0 ? `${text}Z` : `${text}.${String(Math.floor(nanos / 1000)).padStart(6, "0")}Z`;
}
