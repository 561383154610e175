// What a refused request is answered with: a Kubernetes Status, and the exception that carries one.
// Source: apimachinery pkg/api/errors.
import type { FieldError } from "./field-error.ts";
import { fieldErrorText } from "./field-error.ts";

export type StatusReason =
  /** An error of the server that nobody gave a reason; it is left out. */
  | ""
  | "BadRequest"
  | "Unauthorized"
  | "Forbidden"
  | "NotFound"
  | "MethodNotAllowed"
  | "NotAcceptable"
  | "AlreadyExists"
  | "Conflict"
  | "Gone"
  | "Expired"
  | "RequestEntityTooLarge"
  | "UnsupportedMediaType"
  | "Invalid"
  | "TooManyRequests"
  | "InternalError"
  | "ServiceUnavailable"
  | "Timeout";

const httpCodes: Readonly<Record<StatusReason, number>> = {
  "": 500,
  BadRequest: 400,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  AlreadyExists: 409,
  Conflict: 409,
  Gone: 410,
  Expired: 410,
  RequestEntityTooLarge: 413,
  UnsupportedMediaType: 415,
  Invalid: 422,
  TooManyRequests: 429,
  InternalError: 500,
  ServiceUnavailable: 503,
  Timeout: 504,
};

export type StatusCause = { readonly reason?: string; readonly message?: string; readonly field?: string };

export type StatusDetails = {
  readonly name?: string;
  readonly group?: string;
  /** The plural resource, but the Kind in Invalid errors. */
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly StatusCause[];
  readonly retryAfterSeconds?: number;
};

export type Status = {
  readonly kind: "Status";
  readonly apiVersion: "v1";
  readonly metadata: { readonly continue?: string };
  readonly status: "Success" | "Failure";
  readonly message?: string;
  readonly reason?: StatusReason;
  readonly details?: StatusDetails;
  readonly code: number;
};

/** The caller's mistake, or something the caller must be told. Anything else that is thrown is a bug of ours. */
export class ApiError extends Error {
  readonly reason: StatusReason;
  readonly details: StatusDetails | undefined;
  readonly metadata: Status["metadata"];

  constructor(reason: StatusReason, message: string, details?: StatusDetails, metadata: Status["metadata"] = {}) {
    super(message);
    this.reason = reason;
    this.details = details;
    this.metadata = metadata;
  }

  get code(): number {
    return httpCodes[this.reason];
  }

  status(): Status {
    return {
      kind: "Status",
      apiVersion: "v1",
      metadata: this.metadata,
      status: "Failure",
      message: this.message,
      ...(this.reason === "" ? {} : { reason: this.reason }),
      ...(this.details === undefined ? {} : { details: this.details }),
      code: this.code,
    };
  }
}

/** What errors need to know of a resource. */
export type ResourceName = { readonly group: string; readonly plural: string; readonly kind: string };

/** `daemonsets.apps`, or `pods` in the core group. */
export function qualifiedResource({ group, plural }: ResourceName): string {
  return group === "" ? plural : `${plural}.${group}`;
}

function nameDetails(resource: ResourceName, name: string): StatusDetails {
  return { name, ...(resource.group === "" ? {} : { group: resource.group }), kind: resource.plural };
}

export function notFoundError(resource: ResourceName, name: string): ApiError {
  return new ApiError(
    "NotFound",
    `${qualifiedResource(resource)} ${JSON.stringify(name)} not found`,
    nameDetails(resource, name),
  );
}

export function alreadyExistsError(resource: ResourceName, name: string): ApiError {
  return new ApiError(
    "AlreadyExists",
    `${qualifiedResource(resource)} ${JSON.stringify(name)} already exists`,
    nameDetails(resource, name),
  );
}

/** `why` defaults to the text for a stale resourceVersion. */
export function conflictError(
  resource: ResourceName,
  name: string,
  why = "the object has been modified; please apply your changes to the latest version and try again",
): ApiError {
  return new ApiError(
    "Conflict",
    `Operation cannot be fulfilled on ${qualifiedResource(resource)} ${JSON.stringify(name)}: ${why}`,
    nameDetails(resource, name),
  );
}

/** Upstream's keys for objects whose place is not named after their resource. */
const storagePlaces: Readonly<Record<string, string>> = {
  endpoints: "services/endpoints",
  "ingresses.networking.k8s.io": "ingress",
  nodes: "minions",
  services: "services/specs",
};

type Precondition = {
  readonly what: "UID" | "ResourceVersion";
  readonly wanted: string;
  readonly actual?: string | undefined;
};

/** The conflict of a write that is not about this object as it is, in the words of upstream's storage. */
export function preconditionError(
  resource: ResourceName & { readonly decode: unknown },
  { name = "", namespace = "" }: { readonly name?: string | undefined; readonly namespace?: string | undefined },
  { what, wanted, actual = "" }: Precondition,
): ApiError {
  const { group, plural, decode } = resource;
  // Custom kinds, which are read in their own way, are kept by their group as well.
  const place = decode === null ? (storagePlaces[qualifiedResource(resource)] ?? plural) : `${group}/${plural}`;
  const key = ["/registry", place, namespace, name].filter((part) => part !== "").join("/");
  const why = `Precondition failed: ${what} in precondition: ${wanted}, ${what} in object meta: ${actual}`;
  const storage = `invalid object, Code: 4, Key: ${key}, ResourceVersion: 0, AdditionalErrorMsg: ${why}`;
  return conflictError(resource, name, `StorageError: ${storage}`);
}

export function forbiddenError(
  resource: ResourceName,
  name: string,
  why: string,
  causes?: readonly StatusCause[],
): ApiError {
  const which = name === "" ? qualifiedResource(resource) : `${qualifiedResource(resource)} ${JSON.stringify(name)}`;
  return new ApiError("Forbidden", `${which} is forbidden: ${why}`, {
    ...nameDetails(resource, name),
    ...(causes === undefined ? {} : { causes }),
  });
}

/** The 422 for an object with field errors. `errors` must not be empty; repeated texts are listed once. */
export function invalidError(resource: ResourceName, name: string, errors: readonly FieldError[]): ApiError {
  const texts = [...new Set(errors.map(fieldErrorText))];
  const kind = resource.group === "" ? resource.kind : `${resource.kind}.${resource.group}`;
  const list = texts.length === 1 ? texts[0] : `[${texts.join(", ")}]`;
  return new ApiError("Invalid", `${kind} ${JSON.stringify(name)} is invalid: ${list}`, {
    ...(name === "" ? {} : { name }),
    ...(resource.group === "" ? {} : { group: resource.group }),
    ...(resource.kind === "" ? {} : { kind: resource.kind }),
    causes: errors.map(({ type, field, body }) => ({ reason: type, message: body, field })),
  });
}
