// What requests are answered with that have no object to answer with, and what watches tell, as it is described to clients.
// Source: apimachinery metav1 Status, WatchEvent.
import * as z from "zod";

import { always, embedded, int32, list, mandatory, meta, omitempty, pointer, string, struct, text } from "./fields.ts";
import { ListMeta } from "./meta.ts";

const StatusCause = struct(
  meta("StatusCause"),
  { reason: text, message: text, field: text },
  {
    about: "One thing that was wrong.",
    reason: "What kind of mistake, in a word for programs.",
    message: "What was wrong, for people.",
    field: "Where, such as spec.template.spec.containers[0].name.",
  },
);

const StatusDetails = struct(
  meta("StatusDetails"),
  {
    name: text,
    group: text,
    kind: text,
    uid: text,
    causes: list(StatusCause),
    retryAfterSeconds: omitempty(int32),
  },
  {
    about: "What a failure is about.",
    name: "The name of the object.",
    group: "The API group of the object.",
    kind: "The resource, or the kind where the object is invalid.",
    uid: "The uid of the object.",
    causes: "All that was wrong, field by field.",
    retryAfterSeconds: "After how many seconds the request may be repeated.",
  },
);

export const Status = struct(
  meta("Status"),
  {
    kind: text,
    apiVersion: text,
    metadata: embedded(ListMeta),
    status: text,
    message: text,
    reason: text,
    details: pointer(StatusDetails),
    code: omitempty(int32),
  },
  {
    about: "The outcome of a request that answers with no object.",
    metadata: "Of a list that could not be read to its end: where to go on.",
    status: "Success or Failure.",
    message: "What happened, for people.",
    reason: "What happened, in a word for programs.",
    details: "What it happened to.",
    code: "The HTTP status code.",
  },
);

export const WatchEvent = struct(
  meta("WatchEvent"),
  { type: always(string, ""), object: mandatory(z.unknown().optional()) },
  {
    about: "What a watch tells of one change.",
    type: "ADDED, MODIFIED, DELETED, BOOKMARK or ERROR.",
    object: "The object after the change; before it, when it is deleted; a Status, when something went wrong.",
  },
);
