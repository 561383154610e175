// What the query of a list or a watch asks for, checked.
// Source: apimachinery metav1 ListOptions, pkg/apis/internalversion/validation; apiserver pkg/storage continue.go.
import { ApiError, invalidError } from "../model/api-error.ts";
import type { FieldError } from "../model/field-error.ts";
import { forbidden, notSupported } from "../model/field-error.ts";
import type { FieldQuery } from "../model/field-query.ts";
import { parseFieldQuery } from "../model/field-query.ts";
import type { LabelQuery } from "../model/label-query.ts";
import { parseLabelQuery } from "../model/label-query.ts";
import type { Resource } from "../model/resource.ts";
import { booleanParameter, integerParameter } from "./parameters.ts";
import type { Place } from "./storage.ts";

export type ListOptions = {
  readonly labels: LabelQuery;
  readonly fields: FieldQuery;
  /** 0: no limit. */
  readonly limit: number;
  readonly continueAt: Continuation | null;
  /** Null: the client did not say. 0: whatever there is. */
  readonly resourceVersion: number | null;
  /** How the list has to relate to that number. */
  readonly match: "Exact" | "NotOlderThan";
  readonly watch: WatchWishes;
};

type WatchWishes = {
  /** Null: the client did not say. */
  readonly sendInitialEvents: boolean | null;
  readonly bookmarks: boolean;
  /** 0: the client did not say. */
  readonly timeoutSeconds: number;
};

/** `isWatch`: what a watch may ask for and a list may not, and the other way round. */
export function listOptions(query: URLSearchParams, resource: Resource, isWatch = false): ListOptions {
  const given = query.get("resourceVersion") ?? "";
  const token = query.get("continue") ?? "";
  const limit = Math.max(0, integerParameter(query, "limit") ?? 0);
  const labels = parseLabelQuery(query.get("labelSelector") ?? "");
  const fields = knownFields(parseFieldQuery(query.get("fieldSelector") ?? ""), resource);
  const watch = {
    sendInitialEvents: booleanParameter(query, "sendInitialEvents"),
    bookmarks: booleanParameter(query, "allowWatchBookmarks") ?? false,
    timeoutSeconds: integerParameter(query, "timeoutSeconds") ?? 0,
  };
  const match = query.get("resourceVersionMatch") ?? "";
  const errors = isWatch
    ? watchErrors({ match, token, given, sendInitialEvents: watch.sendInitialEvents })
    : listErrors({ match, token, given, sendInitialEvents: watch.sendInitialEvents });
  if (errors.length > 0) {
    throw invalidError({ group: "meta.k8s.io", plural: "", kind: "ListOptions" }, "", errors);
  }
  const resourceVersion = resourceVersionOf(given);
  if (!isWatch && token !== "" && resourceVersion !== null && resourceVersion !== 0) {
    throw new ApiError("BadRequest", "specifying resource version is not allowed when using continue");
  }
  return {
    labels,
    fields,
    // A list of what any cache holds comes whole.
    limit: resourceVersion === 0 ? 0 : limit,
    continueAt: token === "" || isWatch ? null : readContinuation(token),
    resourceVersion,
    match: match === "Exact" || (match === "" && limit > 0 && (resourceVersion ?? 0) > 0) ? "Exact" : "NotOlderThan",
    watch,
  };
}

type Stated = {
  readonly match: string;
  readonly token: string;
  readonly given: string;
  readonly sendInitialEvents: boolean | null;
};

const matchField = "resourceVersionMatch";

function listErrors({ match, token, given, sendInitialEvents }: Stated): readonly FieldError[] {
  const errors: FieldError[] = [];
  if (match !== "") {
    if (given === "") {
      errors.push(forbidden(matchField, `${matchField} is forbidden unless resourceVersion is provided`));
    }
    if (token !== "") errors.push(forbidden(matchField, `${matchField} is forbidden when continue is provided`));
    if (match !== "Exact" && match !== "NotOlderThan") {
      errors.push(notSupported(matchField, match, ["Exact", "NotOlderThan", ""]));
    }
    if (match === "Exact" && given === "0") {
      errors.push(forbidden(matchField, `${matchField} "exact" is forbidden for resourceVersion "0"`));
    }
  }
  if (sendInitialEvents !== null) {
    errors.push(forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"));
  }
  return errors;
}

function watchErrors({ match, token, sendInitialEvents }: Stated): readonly FieldError[] {
  const errors: FieldError[] = [];
  if (sendInitialEvents !== null && match !== "NotOlderThan") {
    errors.push(forbidden(matchField, `sendInitialEvents requires setting ${matchField} to NotOlderThan`));
  }
  if (match === "") return errors;
  if (sendInitialEvents === null) {
    errors.push(forbidden(matchField, `${matchField} is forbidden for watch unless sendInitialEvents is provided`));
  }
  if (match !== "NotOlderThan") errors.push(notSupported(matchField, match, ["NotOlderThan"]));
  if (token !== "") errors.push(forbidden(matchField, `${matchField} is forbidden when continue is provided`));
  return errors;
}

/** Null: not given. A version that is none is, upstream, an error that nobody gave a reason. */
export function resourceVersionOf(given: string): number | null {
  if (given === "") return null;
  const problem = !/^\d+$/.test(given) ? "invalid syntax" : BigInt(given) >= 2n ** 64n ? "value out of range" : null;
  if (problem === null) return Number(given);
  const shown = JSON.stringify(given);
  throw new ApiError("", `resourceVersion: Invalid value: ${shown}: strconv.ParseUint: parsing ${shown}: ${problem}`);
}

/** What the fields of every kind are; the kind's own come from an object of it. */
const commonFields = ["metadata.name", "metadata.namespace"] as const;

function knownFields(query: FieldQuery, resource: Resource): FieldQuery {
  const known: ReadonlySet<string> = new Set([...commonFields, ...resource.selectableFieldNames]);
  const unknown = query.find(({ field }) => !known.has(field));
  const { selectorNames } = resource;
  if (unknown === undefined)
    return query.map((asked) => ({ ...asked, field: selectorNames[asked.field] ?? asked.field }));
  // Kinds with fields of their own have their own words, but for those that came late.
  const isOld = resource.selectableFieldNames.length > 0 && ["", "events.k8s.io"].includes(resource.group);
  if (isOld || resource.custom !== null) {
    throw new ApiError("BadRequest", `field label not supported: ${unknown.field}`);
  }
  const names = [...known].map((name) => JSON.stringify(name)).join(", ");
  throw new ApiError("BadRequest", `${JSON.stringify(unknown.field)} is not a known field selector: only ${names}`);
}

/** Where a list goes on. */
export type Continuation = {
  /** The resourceVersion of its first page; null: of whatever there is now, for the first page is too long ago. */
  readonly rv: number | null;
  readonly after: Place;
  /** How many objects are left after `after`; null: not known. */
  readonly remaining: number | null;
};

const tokenVersion = "meta.k8s.io/v1";

export function continuationToken({ rv, after, remaining }: Continuation): string {
  const start = `${after.namespace}/${after.name}\0`;
  const text = JSON.stringify({ v: tokenVersion, rv: rv ?? -1, start, ...(remaining === null ? {} : { remaining }) });
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replace(/=+$/, "");
}

function readContinuation(token: string): Continuation {
  const refuse = (why: string) => new ApiError("BadRequest", `invalid continue token: continue key is not valid${why}`);
  const fields = tokenFields(token);
  if (typeof fields === "string") throw refuse(fields);
  if (fields["v"] !== tokenVersion)
    throw refuse(`: server does not recognize this encoded version ${fields["v"] ?? ""}`);
  const { rv, start, remaining } = fields;
  if (typeof rv !== "number" || !Number.isSafeInteger(rv) || rv === 0 || rv < -1) {
    throw refuse(`: incorrect encoded start resourceVersion (version ${tokenVersion})`);
  }
  if (typeof start !== "string" || start === "") throw refuse(`: encoded start key empty (version ${tokenVersion})`);
  const slash = start.indexOf("/");
  const after = { namespace: start.slice(0, Math.max(slash, 0)), name: start.slice(slash + 1).replace(/\0$/, "") };
  return { rv: rv === -1 ? null : rv, after, remaining: typeof remaining === "number" ? remaining : null };
}

/** The fields of a token, or why it has none. */
function tokenFields(token: string): Readonly<Record<string, unknown>> | string {
  const wrong = [...token].findIndex((character) => !/[A-Za-z0-9_-]/.test(character));
  if (wrong >= 0) return `: illegal base64 data at input byte ${wrong}`;
  try {
    const bytes = Uint8Array.from(atob(token.replaceAll("-", "+").replaceAll("_", "/")), (char) => char.charCodeAt(0));
    const fields: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes));
    // Typed stub: what was just seen to be an object can be asked for its fields.
    if (typeof fields === "object" && fields !== null) return fields as Record<string, unknown>;
  } catch {
    // Told below, as for a token that can be read but is none of ours.
  }
  return ": it cannot be read";
}
