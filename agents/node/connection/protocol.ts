// The control plane's answers, read by hand. The schemas in src/sync say what they are; the library that they are written
// with would cost every node 5 MiB of memory. A test holds that both read the same.
import type * as messages from "../../../src/sync/messages.ts";
import type {
  ApprovalAnswer,
  AssignedObject,
  AssignedPod,
  EnrolAnswer,
  PodTokenAnswer,
  ReviewAnswer,
  SyncAnswer,
} from "../../../src/sync/messages.ts";

export const protocolVersion: typeof messages.protocolVersion = 1;
export const ping: typeof messages.ping = "ping";
export const pong: typeof messages.pong = "pong";
export const paths: typeof messages.paths = {
  enrol: "/agent/v1/enrol",
  sync: "/agent/v1/sync",
  socket: "/agent/v1/socket",
  token: "/agent/v1/token",
  node: "/agent/v1/node",
  review: "/agent/v1/review",
  mirror: "/agent/v1/mirror",
  sessions: "/agent/v1/sessions",
};

type Fields = Readonly<Record<string, unknown>>;

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Undefined for a text that is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Null for a text that is no answer. Fields of a later protocol are kept and do no harm. */
export function readAnswer(text: string): SyncAnswer | null {
  const answer = parseJson(text);
  if (!isFields(answer)) return null;
  const isWhole =
    areNumbers(answer, ["protocol", "acknowledged", "revision", "nextSyncMs"]) &&
    typeof answer["registered"] === "boolean" &&
    typeof answer["etag"] === "string" &&
    isAbsentOr(answer["resend"], (resend) => typeof resend === "boolean") &&
    isAbsentOr(answer["usage"], (usage) => typeof usage === "boolean") &&
    isAbsentOr(answer["pods"], (pods) => Array.isArray(pods) && pods.every(isAssignedPod)) &&
    isAbsentOr(answer["templates"], isFields) &&
    isAbsentOr(answer["objects"], (objects) => Array.isArray(objects) && objects.every(isAssignedObject)) &&
    isAbsentOr(answer["sessions"], (sessions) => Array.isArray(sessions) && sessions.every(isOffer));
  // Every field was just looked at.
  return isWhole ? (answer as SyncAnswer) : null;
}

export function readEnrolAnswer(text: string): EnrolAnswer | null {
  const answer = parseJson(text);
  if (!isFields(answer)) return null;
  const { node, credential } = answer;
  return typeof node === "string" && typeof credential === "string" ? { node, credential } : null;
}

/** Null for a text that says nothing of approval. */
export function readApprovalAnswer(text: string): ApprovalAnswer | null {
  const answer = parseJson(text);
  if (!isFields(answer)) return null;
  const { node, approval, request, error } = answer;
  const isKnown = approval === "Required" || approval === "Pending" || approval === "Approved";
  if (typeof node !== "string" || !isKnown) return null;
  if (!isAbsentOr(request, isText) || !isAbsentOr(error, isText)) return null;
  return {
    node,
    approval,
    ...(isText(request) ? { request } : {}),
    ...(isText(error) ? { error } : {}),
  };
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isAssignedPod(pod: unknown): pod is AssignedPod {
  return (
    isFields(pod) &&
    ["uid", "namespace", "name", "template"].every((field) => typeof pod[field] === "string") &&
    areNumbers(pod, ["createdAtMs", "observation"]) &&
    isAbsentOr(
      pod["deletion"],
      (deletion) => isFields(deletion) && areNumbers(deletion, ["atMs", "gracePeriodSeconds"]),
    ) &&
    isAbsentOr(pod["serviceAccount"], isAccount) &&
    isAbsentOr(pod["conditions"], isTexts)
  );
}

function isAccount(account: unknown): boolean {
  return (
    isFields(account) &&
    isAbsentOr(account["imagePullSecrets"], (names) => Array.isArray(names) && names.every(isText)) &&
    isAbsentOr(account["automountServiceAccountToken"], (automount) => typeof automount === "boolean")
  );
}

function isAssignedObject(object: unknown): object is AssignedObject {
  return (
    isFields(object) &&
    (object["kind"] === "ConfigMap" || object["kind"] === "Secret") &&
    ["namespace", "name", "version"].every((field) => isText(object[field])) &&
    isAbsentOr(object["content"], isContent)
  );
}

function isContent(content: unknown): boolean {
  return (
    isFields(content) &&
    isText(content["uid"]) &&
    isText(content["type"]) &&
    ["data", "binaryData"].every((field) => isTexts(content[field]))
  );
}

function isTexts(map: unknown): boolean {
  return isFields(map) && Object.values(map).every(isText);
}

/** Null for a text that is none. */
export function readTokenAnswer(text: string): PodTokenAnswer | null {
  const answer = parseJson(text);
  if (!isFields(answer)) return null;
  const { token, expiresInMs } = answer;
  return isText(token) && typeof expiresInMs === "number" ? { token, expiresInMs } : null;
}

/** Null for a text that is none. */
export function readReviewAnswer(text: string): ReviewAnswer | null {
  const answer = parseJson(text);
  if (!isFields(answer)) return null;
  const { user, parts } = answer;
  const isWhole = (user === null || isText(user)) && Array.isArray(parts) && parts.every(isText);
  return isWhole ? { user, parts } : null;
}

/** Of a kind that this version may not know: what is wished for is looked at by who would do it. */
function isOffer(offer: unknown): boolean {
  return (
    isFields(offer) &&
    ["id", "podUid", "container"].every((field) => typeof offer[field] === "string") &&
    isFields(offer["wish"]) &&
    typeof offer["wish"]["kind"] === "string"
  );
}

function areNumbers(fields: Fields, names: readonly string[]): boolean {
  return names.every((name) => Number.isFinite(fields[name]));
}

function isAbsentOr(value: unknown, holds: (value: unknown) => boolean): boolean {
  return value === undefined || holds(value);
}
