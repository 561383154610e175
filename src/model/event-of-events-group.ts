// Events as the group events.k8s.io shows them: the objects of the core group's kind, with other names for some fields and
// stricter rules for who writes them here.
// Source: events.k8s.io/v1; pkg/apis/events/v1 conversion.go; pkg/apis/core/validation/events.go.
import type * as z from "zod";

import { apiVersionOf } from "./decode.ts";
import type { Event as CoreEvent } from "./event.ts";
import { EventSource, events, isSet, validateEitherEvent } from "./event.ts";
import { invalid, required } from "./field-error.ts";
import {
  always,
  embedded,
  int32,
  mandatory,
  microTimestamp,
  omitempty,
  pointer,
  struct,
  text,
  timestamp,
} from "./fields.ts";
import { ObjectMeta, typeMeta } from "./meta.ts";
import { ObjectReference } from "./references.ts";
import type { Resource } from "./resource.ts";
import { defineResource } from "./resource.ts";
import { actedOn } from "./support.ts";
import type { Errors } from "./validation/each.ts";
import { noErrors } from "./validation/each.ts";
import { validateImmutable, validateMetadata, validateMetadataUpdate } from "./validation/metadata.ts";
import { dns1123Subdomain, nameRule, pathSegment } from "./validation/names.ts";

const groupVersion = { group: "events.k8s.io", version: "v1" } as const;
const id = (name: string): string => `io.k8s.api.events.v1.${name}`;

const Event = struct(
  id("Event"),
  {
    ...typeMeta,
    metadata: embedded(ObjectMeta),
    eventTime: mandatory(microTimestamp),
    series: pointer(
      struct(
        id("EventSeries"),
        { count: always(int32, 0), lastObservedTime: mandatory(microTimestamp) },
        {
          about: "How often the same thing happened.",
          count: "How often, up to lastObservedTime. At least 2.",
          lastObservedTime: "When it happened last.",
        },
      ),
    ),
    reportingController: text,
    reportingInstance: text,
    action: text,
    reason: text,
    regarding: embedded(ObjectReference),
    related: pointer(ObjectReference),
    note: text,
    type: text,
    deprecatedSource: embedded(EventSource),
    deprecatedFirstTimestamp: timestamp,
    deprecatedLastTimestamp: timestamp,
    deprecatedCount: omitempty(int32),
  },
  {
    about: "Something that happened to an object. Events are kept for a while only, and nothing should depend on them.",
    metadata: "Standard object metadata.",
    eventTime: "When it was first seen, to the microsecond. Required of new Events.",
    series: "How often the same thing happened, if more than once.",
    reportingController: "The program that reports it, such as lares.dev/agent. Required of new Events.",
    reportingInstance: "Which of the running copies of that program. Required of new Events.",
    action: "What was done or tried. Required of new Events.",
    reason: "What happened, in a word for programs. Required of new Events.",
    regarding: "What it happened to.",
    related: "A second object that had a part in it.",
    note: "What happened, for people.",
    type: "Normal or Warning.",
    deprecatedSource: "Who saw it, of Events of the core group.",
    deprecatedFirstTimestamp: "When it happened first, of Events of the core group.",
    deprecatedLastTimestamp: "When it happened last, of Events of the core group.",
    deprecatedCount: "How often it happened, of Events of the core group.",
  },
);
type Event = z.output<typeof Event>;

/** What it is in the core group. */
function toCore(event: Event): CoreEvent {
  const { regarding, note, reportingController = "", reportingInstance = "", deprecatedSource, ...rest } = event;
  const { deprecatedFirstTimestamp, deprecatedLastTimestamp, deprecatedCount, apiVersion: _own, ...same } = rest;
  return {
    ...same,
    apiVersion: apiVersionOf(events),
    involvedObject: regarding,
    ...(note === undefined ? {} : { message: note }),
    source: deprecatedSource,
    firstTimestamp: deprecatedFirstTimestamp,
    lastTimestamp: deprecatedLastTimestamp,
    ...(deprecatedCount === undefined ? {} : { count: deprecatedCount }),
    reportingComponent: reportingController,
    reportingInstance,
  };
}

/** Of an Event that was decoded as one of the core group. */
function fromCore(event: CoreEvent): Event {
  const { involvedObject, message, source, firstTimestamp, lastTimestamp, count, ...rest } = event;
  const { reportingComponent, reportingInstance, series, apiVersion: _core, ...same } = rest;
  return {
    ...same,
    apiVersion: apiVersionOf(groupVersion),
    ...(series === undefined ? {} : { series: { ...series, count: series.count ?? 0 } }),
    regarding: involvedObject,
    ...(message === undefined ? {} : { note: message }),
    ...(reportingComponent === "" ? {} : { reportingController: reportingComponent }),
    ...(reportingInstance === "" ? {} : { reportingInstance }),
    deprecatedSource: source,
    deprecatedFirstTimestamp: firstTimestamp,
    deprecatedLastTimestamp: lastTimestamp,
    ...(count === undefined ? {} : { deprecatedCount: count }),
  };
}

/** The fields are named as in the core group, as upstream names them whoever asks. */
function validateCreate(event: Event): Errors {
  const { type = "", firstTimestamp, lastTimestamp, count, source, eventTime } = toCore(event);
  const unset = (field: string, isUnset: boolean) => (isUnset ? [] : [invalid(field, "", "needs to be unset")]);
  return [
    ...validateMetadata(event.metadata, { namespaced: true, name: dns1123Subdomain }),
    ...validateSeries(event),
    ...(isSet(eventTime) ? [] : [required("eventTime")]),
    ...(type === "Normal" || type === "Warning" ? [] : [invalid("type", "", `has invalid value: ${type}`)]),
    ...unset("firstTimestamp", !isSet(firstTimestamp)),
    ...unset("lastTimestamp", !isSet(lastTimestamp)),
    ...unset("count", count === undefined),
    ...unset("source", source.component === undefined && source.host === undefined),
  ];
}

function validateSeries({ series }: Event): Errors {
  if (series === undefined) return noErrors;
  return [
    ...(series.count < 2 ? [invalid("series.count", "", "should be at least 2")] : []),
    ...(isSet(series.lastObservedTime) ? [] : [required("series.lastObservedTime")]),
  ];
}

const unchangeable = [
  "involvedObject",
  "reason",
  "message",
  "source",
  "firstTimestamp",
  "lastTimestamp",
  "count",
  "type",
  "eventTime",
  "action",
  "related",
  "reportingComponent",
  "reportingInstance",
] as const;

/** All that may change is how often it happened. */
function validateUpdate(event: Event, old: Event): Errors {
  const [now, before] = [toCore(event), toCore(old)];
  return [
    ...validateMetadata(event.metadata, { namespaced: true, name: pathSegment }),
    ...validateMetadataUpdate(event.metadata, old.metadata),
    ...(validateImmutable(event.series, old.series, "series").length > 0 ? validateSeries(event) : noErrors),
    ...unchangeable.flatMap((field) => {
      const path = field === "reportingComponent" ? "reportingController" : field;
      return validateImmutable(now[field], before[field], path);
    }),
  ];
}

/** What the field selectors of this group are called in the core group. */
const selectorNames: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    ["kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath"].map((field) => [
      `regarding.${field}`,
      `involvedObject.${field}`,
    ]),
  ),
  reason: "reason",
  reportingController: "reportingComponent",
  type: "type",
};

export const eventsOfEventsGroup: Resource<Event> = defineResource<Event>({
  ...groupVersion,
  kind: events.kind,
  plural: events.plural,
  createsOnUpdate: true,
  support: actedOn("the Events of the core group, in this group's form"),
  shortNames: events.shortNames,
  schema: Event,
  keptAs: events,
  // Kept as a core Event, and decoded as one of this group.
  fromStorage: (stored) => fromCore(stored as CoreEvent),
  toStorage: toCore,
  validateName: nameRule(pathSegment),
  validate: (event) => validateEitherEvent(toCore(event), "reportingController"),
  validateCreate,
  validateUpdate,
  selectorNames,
  selectableFieldNames: Object.keys(selectorNames),
  selectableFields: (event) => events.selectableFields(toCore(event)),
  columns: events.columns.map((column) => ({ ...column, cell: (event, nowMs) => column.cell(toCore(event), nowMs) })),
});
