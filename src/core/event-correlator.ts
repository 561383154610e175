// How repeated and similar events become one, and a flood of them none.
// Source: client-go tools/record/events_cache.go.

export type EventSubject = {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly apiVersion: string;
  /** Such as `spec.containers{name}`. */
  readonly fieldPath?: string;
};

/** Who tells of it: a component and, if it runs on a node, that node. */
export type EventSource = { readonly component: string; readonly host?: string };

/** Something that happened, as the component that saw it tells it. */
export type Happening = {
  readonly subject: EventSubject;
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
};

/** What to do about a happening: write a new Event, raise the count of an earlier one, or nothing. */
export type EventAction =
  | {
      readonly do: "create" | "repeat";
      /** Of the Event. */
      readonly name: string;
      readonly uid: string;
      readonly happening: Happening;
      readonly count: number;
      readonly firstAtMs: number;
    }
  | { readonly do: "drop" };

export type NewEvent = { readonly uid: string; readonly nameSuffix: string };

type Similar = { readonly messages: Set<string>; readonly lastAtMs: number };
type Seen = {
  readonly name: string;
  readonly uid: string;
  readonly count: number;
  readonly firstAtMs: number;
  readonly lastAtMs: number;
};
type Bucket = { readonly tokens: number; readonly atMs: number };

/** What a component remembers of the events it wrote. Losing it only makes new Events where old ones could be counted. */
export type Correlation = {
  readonly similar: Map<string, Similar>;
  readonly seen: Map<string, Seen>;
  readonly buckets: Map<string, Bucket>;
};

const similarWindowMs = 10 * 60_000;
const mostDistinctMessages = 10;
const burst = 25;
const refillMs = 300_000;
const mostRemembered = 4096;
/** Shorter than an Event's life, so that the one to be counted is still there. */
const forgottenAfterMs = 50 * 60_000;
const combinedPrefix = "(combined from similar events): ";

export function newCorrelation(): Correlation {
  return { similar: new Map(), seen: new Map(), buckets: new Map() };
}

/** Decides about one happening and remembers it. `fresh` names the Event if it has to be a new one. */
export function correlate(
  correlation: Correlation,
  { source, ...happening }: Happening & { readonly source: EventSource },
  nowMs: number,
  fresh: NewEvent,
): EventAction {
  const { subject } = happening;
  const subjectKey = [
    source.component,
    source.host,
    subject.kind,
    subject.namespace,
    subject.name,
    subject.uid,
    subject.fieldPath,
  ].join("/");
  const similarKey = [subjectKey, happening.type, happening.reason].join("/");
  const combined = isOneOfTooMany(correlation, similarKey, happening.message, nowMs);
  const message = combined ? combinedPrefix + happening.message : happening.message;
  const key = combined ? similarKey : `${similarKey}/${happening.message}`;
  if (!takeToken(correlation, subjectKey, nowMs)) return { do: "drop" };
  const known = correlation.seen.get(key);
  const seen = known !== undefined && nowMs - known.lastAtMs < forgottenAfterMs ? known : undefined;
  const { nameSuffix, uid } = fresh;
  const next =
    seen === undefined
      ? { name: `${subject.name}.${nameSuffix}`, uid, count: 1, firstAtMs: nowMs, lastAtMs: nowMs }
      : { ...seen, count: seen.count + 1, lastAtMs: nowMs };
  remember(correlation.seen, key, next);
  return { ...next, do: seen === undefined ? "create" : "repeat", happening: { ...happening, message } };
}

function isOneOfTooMany(correlation: Correlation, key: string, message: string, nowMs: number): boolean {
  const known = correlation.similar.get(key);
  const messages = known === undefined || nowMs - known.lastAtMs > similarWindowMs ? new Set<string>() : known.messages;
  messages.add(message);
  const tooMany = messages.size >= mostDistinctMessages;
  // The set grows no further, so that the next new message is one too many again.
  if (tooMany) messages.delete(message);
  remember(correlation.similar, key, { messages, lastAtMs: nowMs });
  return tooMany;
}

function takeToken(correlation: Correlation, key: string, nowMs: number): boolean {
  const bucket = correlation.buckets.get(key) ?? { tokens: burst, atMs: nowMs };
  const tokens = Math.min(burst, bucket.tokens + (nowMs - bucket.atMs) / refillMs);
  const taken = tokens >= 1;
  remember(correlation.buckets, key, { tokens: taken ? tokens - 1 : tokens, atMs: nowMs });
  return taken;
}

/** Keeps the newest entries. */
function remember<Value>(map: Map<string, Value>, key: string, value: Value): void {
  map.delete(key);
  map.set(key, value);
  const oldest = map.keys().next();
  if (map.size > mostRemembered && !oldest.done) map.delete(oldest.value);
}
