// Events: what happened, told to people.
// Source: core/v1 Event; pkg/apis/core/validation/events.go.

import type * as z from "zod";
import { invalid, invalidForEach, required } from "./field-error.ts";
import {
  core,
  embedded,
  int32,
  mandatory,
  microTimestamp,
  omitempty,
  pointer,
  presentOr,
  string,
  struct,
  text,
  timestamp,
  withDefault,
} from "./fields.ts";
import { eventMessageBytes, eventReasonBytes } from "./limits.ts";
import { ObjectMeta, typeMeta } from "./meta.ts";
import { age, nameColumn } from "./printing.ts";
import { ObjectReference } from "./references.ts";
import type { Column, Resource } from "./resource.ts";
import { defineResource } from "./resource.ts";
import { actedOn } from "./support.ts";
import { utf8Length } from "./utf8.ts";
import type { Errors } from "./validation/each.ts";
import { noErrors } from "./validation/each.ts";
import { validateMetadata, validateMetadataUpdate } from "./validation/metadata.ts";
import { dns1123Subdomain, nameRule, pathSegment, qualifiedName } from "./validation/names.ts";

export const EventSource = struct(
  core("EventSource"),
  { component: text, host: text },
  { about: "Who saw it.", component: "Which program.", host: "On which node." },
);

export const Event = struct(
  core("Event"),
  {
    ...typeMeta,
    metadata: mandatory(embedded(ObjectMeta)),
    involvedObject: mandatory(embedded(ObjectReference)),
    reason: text,
    message: text,
    source: embedded(EventSource),
    firstTimestamp: timestamp,
    lastTimestamp: timestamp,
    count: omitempty(int32),
    type: text,
    eventTime: microTimestamp,
    series: pointer(
      struct(
        core("EventSeries"),
        { count: omitempty(int32), lastObservedTime: microTimestamp },
        {
          about: "How often the same thing happened.",
          count: "How often, up to lastObservedTime.",
          lastObservedTime: "When it happened last.",
        },
      ),
    ),
    action: text,
    related: pointer(ObjectReference),
    reportingComponent: withDefault(presentOr(string, ""), ""),
    reportingInstance: withDefault(presentOr(string, ""), ""),
  },
  {
    about: "Something that happened to an object. Events are kept for a while only, and nothing should depend on them.",
    metadata: "Standard object metadata.",
    involvedObject: "What it happened to.",
    reason: "What happened, in a word for programs.",
    message: "What happened, for people.",
    source: "Who saw it.",
    firstTimestamp: "When it happened first.",
    lastTimestamp: "When it happened last.",
    count: "How often it happened.",
    type: "Normal or Warning.",
    eventTime: "When it was first seen, to the microsecond.",
    series: "How often the same thing happened, if more than once.",
    action: "What was done or tried.",
    related: "A second object that had a part in it.",
    reportingComponent: "The program that reports it, such as lares.dev/agent.",
    reportingInstance: "Which of the running copies of that program.",
  },
);
export type Event = z.output<typeof Event>;

export function isSet(time: string | null | undefined): boolean {
  return time !== null && time !== undefined;
}

function validateEvent(event: Event): Errors {
  return [
    ...validateEitherEvent(event, "reportingComponent"),
    ...validateMetadata(event.metadata, { namespaced: true, name: pathSegment }),
  ];
}

/** The rules of both groups; `reporting` is what the one that is asked calls who reports. */
export function validateEitherEvent(event: Event, reporting: "reportingComponent" | "reportingController"): Errors {
  const namespace = event.metadata.namespace ?? "";
  return [
    ...(isSet(event.eventTime) ? validateNewEvent(event, namespace, reporting) : validateOldEvent(event, namespace)),
    ...invalidForEach("namespace", namespace, dns1123Subdomain(namespace)),
  ];
}

function misplaced({ involvedObject }: Event): Errors {
  return [invalid("involvedObject.namespace", involvedObject.namespace ?? "", "does not match event.namespace")];
}

/** An event without a time of its own is where the thing is that it is about. */
function validateOldEvent(event: Event, namespace: string): Errors {
  const { namespace: involved } = event.involvedObject;
  const fits = involved === undefined ? namespace === "default" : involved === namespace;
  return fits ? noErrors : misplaced(event);
}

function validateNewEvent(event: Event, namespace: string, reporting: string): Errors {
  const { involvedObject, reportingComponent, reportingInstance, action = "", reason = "" } = event;
  const ofCluster = namespace === "default" || namespace === "kube-system";
  return [
    ...(involvedObject.namespace === undefined && !ofCluster ? misplaced(event) : []),
    ...(reportingComponent === "" ? [required(reporting)] : []),
    ...invalidForEach(reporting, reportingComponent, qualifiedName(reportingComponent)),
    ...validateText(reportingInstance, "reportingInstance"),
    ...validateText(action, "action"),
    ...validateText(reason, "reason"),
    ...(utf8Length(event.message ?? "") > eventMessageBytes ? [tooManyCharacters("message", eventMessageBytes)] : []),
  ];
}

function tooManyCharacters(path: string, limit: number) {
  return invalid(path, "", `can have at most ${limit} characters`);
}

function validateText(value: string, path: string): Errors {
  if (value === "") return [required(path)];
  return utf8Length(value) > eventReasonBytes ? [tooManyCharacters(path, eventReasonBytes)] : noErrors;
}

function firstSeen({ firstTimestamp, eventTime }: Event): string | null | undefined {
  return isSet(firstTimestamp) ? firstTimestamp : eventTime;
}

function lastSeen(event: Event): string | null | undefined {
  if (event.series !== undefined) return event.series.lastObservedTime;
  return isSet(event.lastTimestamp) ? event.lastTimestamp : firstSeen(event);
}

function timesSeen({ series, count }: Event): number {
  return series === undefined ? (count ?? 1) : (series.count ?? 0);
}

function involved({ involvedObject: { kind = "", name } }: Event): string {
  return name === undefined ? kind.toLowerCase() : `${kind.toLowerCase()}/${name}`;
}

function sourceText({ source, reportingComponent, reportingInstance }: Event): string {
  const component = source.component ?? reportingComponent;
  const host = source.host ?? reportingInstance;
  return host === "" ? component : `${component}, ${host}`;
}

const columns: readonly Column<Event>[] = [
  {
    name: "Last Seen",
    type: "string",
    description: "How long ago this happened last.",
    cell: (event, nowMs) => age(lastSeen(event), nowMs),
  },
  {
    name: "Type",
    type: "string",
    description: "Normal, or Warning.",
    cell: ({ type }) => type ?? "",
  },
  {
    name: "Reason",
    type: "string",
    description: "What happened, in one word for programs.",
    cell: ({ reason }) => reason ?? "",
  },
  { name: "Object", type: "string", description: "What it happened to.", cell: involved },
  {
    name: "Subobject",
    type: "string",
    priority: 1,
    description: "The part of the object that is meant.",
    cell: ({ involvedObject }) => involvedObject.fieldPath ?? "",
  },
  { name: "Source", type: "string", priority: 1, description: "Who saw it.", cell: sourceText },
  {
    name: "Message",
    type: "string",
    description: "What happened, in words for people.",
    cell: ({ message }) => (message ?? "").trim(),
  },
  {
    name: "First Seen",
    type: "string",
    priority: 1,
    description: "How long ago this happened first.",
    cell: (event, nowMs) => age(firstSeen(event), nowMs),
  },
  { name: "Count", type: "string", priority: 1, description: "How often it happened.", cell: timesSeen },
  { ...nameColumn, priority: 1 },
];

export const events: Resource<Event> = defineResource<Event>({
  group: "",
  version: "v1",
  kind: "Event",
  plural: "events",
  createsOnUpdate: true,
  support: actedOn(
    "kept an hour; Scheduled, Created, Started, and Pulled where the image was there already, are made up from the pods when they are asked for; a watch tells of those that are there when it begins",
  ),
  shortNames: ["ev"],
  schema: Event,
  validateName: nameRule(pathSegment),
  validate: validateEvent,
  validateUpdate: (event, old) => validateMetadataUpdate(event.metadata, old.metadata),
  selectableFields: ({ involvedObject, reason, reportingComponent, source, type }) => ({
    "involvedObject.kind": involvedObject.kind ?? "",
    "involvedObject.namespace": involvedObject.namespace ?? "",
    "involvedObject.name": involvedObject.name ?? "",
    "involvedObject.uid": involvedObject.uid ?? "",
    "involvedObject.apiVersion": involvedObject.apiVersion ?? "",
    "involvedObject.resourceVersion": involvedObject.resourceVersion ?? "",
    "involvedObject.fieldPath": involvedObject.fieldPath ?? "",
    reason: reason ?? "",
    reportingComponent,
    source: source.component ?? reportingComponent,
    type: type ?? "",
  }),
  columns,
});
