// How a machine becomes a node where somebody has to let it in: it asks with a join token, waits, and is a node from the
// moment at which it finds that its request was approved. It makes its credential itself, and tells only the digest of it:
// what goes over the wire and what people with access to requests can read is of no use to anybody else.
import { qualifiedResource } from "../model/api-error.ts";
import { textToBase64 } from "../model/base64.ts";
import { parseCertificateRequest } from "../model/certificate-request.ts";
import { nodeEnrolmentSigner } from "../model/certificate-signers.ts";
import type { CertificateSigningRequest } from "../model/certificate-signing-request.ts";
import {
  certificateSigningRequests,
  conditionOf,
  requestExpiryMs,
  requestText,
} from "../model/certificate-signing-request.ts";
import { decodeObject } from "../model/decode.ts";
import { fieldErrorText } from "../model/field-error.ts";
import { goTime } from "../model/instant.ts";
import type { JoinToken } from "../model/join-token.ts";
import type { KubeObject } from "../model/meta.ts";
import { runBatch, StalePremise } from "../store/batch.ts";
import {
  countUse,
  findNodeCredential,
  insertNodeCredential,
  isSameDigest,
  requireUnjoined,
  requireUseLeft,
} from "../store/credentials.ts";
import type { ObjectKey } from "../store/objects.ts";
import { insertObjects, readObject, requireRv, updateObjects } from "../store/objects.ts";
import type { ApprovalAnswer } from "./messages.ts";

/** Whom requests come from: not the machine, of which nothing is known, but the token that it showed. */
const requestor = (token: string) => `lares:join-token:${token}`;
const requestorGroup = "lares:joining";
const extraKeys = { grant: "lares.dev/grant", replace: "lares.dev/replace" } as const;
/** Set once the credential counts. */
const enrolled = "lares.dev/Enrolled";
const digestForm = /^[0-9a-f]{64}$/;
const shownDigits = 12;
const longestNodePart = 200;

export type ApprovalOutcome =
  | { readonly outcome: "answered"; readonly answer: ApprovalAnswer; readonly replaced: boolean }
  | { readonly outcome: "refused"; readonly code: 401 | 403 | 409 | 422; readonly why: string };

function refused(code: 401 | 403 | 409 | 422, why: string): ApprovalOutcome {
  return { outcome: "refused", code, why };
}

function answered(answer: ApprovalAnswer, replaced = false): ApprovalOutcome {
  return { outcome: "answered", answer, replaced };
}

function taken(node: string): ApprovalOutcome {
  return refused(409, `there is a node named ${node} already, and the join token is not for taking its place`);
}

/** The key of the request for a credential: nobody who does not know its digest can guess it, or be in its way. */
function keyOf(node: string, digest: string): ObjectKey {
  // What is cut off may leave an end that names may not have.
  const part = node.slice(0, longestNodePart).replace(/[^a-z0-9]+$/, "");
  const name = `${part}-${digest.slice(0, shownDigits)}`;
  return { resource: qualifiedResource(certificateSigningRequests), namespace: "", name };
}

export type Asking = {
  readonly token: JoinToken;
  readonly tokenKey: ObjectKey;
  readonly node: string;
  /** There is a node of this name. */
  readonly isKnown: boolean;
  /** Undefined: the agent does not know yet that it has to ask. */
  readonly request: string | undefined;
  readonly nowMs: number;
};

/** Keeps the request of a machine that has shown a token. It takes one use of the token, whatever becomes of it. */
export async function ask(db: D1Database, asking: Asking): Promise<ApprovalOutcome> {
  const { token, tokenKey, node, isKnown, request, nowMs } = asking;
  if (isKnown && token.spec.replace !== true) return taken(node);
  if (request === undefined) {
    const error = "the join token needs approval: send a request for a certificate";
    return answered({ node, approval: "Required", error });
  }
  const parsed = parseCertificateRequest(request);
  if (!parsed.ok) return refused(422, `the request cannot be read: ${parsed.problem}`);
  const { commonName, organizations, serialNumber } = parsed.subject;
  const isForNode = commonName === `system:node:${node}` && organizations.join() === "system:nodes";
  if (!isForNode || !digestForm.test(serialNumber))
    return refused(422, `the request must be for O=system:nodes, CN=system:node:${node}, serialNumber=DIGEST`);
  const key = keyOf(node, serialNumber);
  // Also where somebody has decided: who shows the credential, and not its digest alone, hears what.
  const pending = answered({ node, approval: "Pending", request: key.name });
  const hasAsked = async () => isOurs((await runBatch(db, [readObject(db, key)]))[0], serialNumber);
  if (await hasAsked()) return pending;
  const object = newRequest({ key, token, request, nowMs });
  if (typeof object === "string") return refused(422, object);
  try {
    await runBatch(db, [
      requireUseLeft(db, tokenKey),
      countUse(db, tokenKey, nowMs),
      insertObjects(db, [{ ...key, object, expiresMs: requestExpiryMs(object) }], { nowMs }),
    ]);
  } catch (error) {
    if (!(error instanceof StalePremise)) throw error;
    return (await hasAsked()) ? pending : refused(403, "the join token is used up");
  }
  return pending;
}

type New = Pick<Asking, "token" | "nowMs"> & { readonly key: ObjectKey; readonly request: string };

/** A text: what is wrong with it. */
function newRequest({ key, token, request, nowMs }: New): CertificateSigningRequest | string {
  const { metadata, spec } = token;
  const decoded = decodeObject(certificateSigningRequests, {
    metadata: { name: key.name, uid: crypto.randomUUID(), creationTimestamp: goTime(nowMs) },
    spec: {
      request: textToBase64(request),
      signerName: nodeEnrolmentSigner,
      usages: ["client auth"],
      username: requestor(metadata.name ?? ""),
      uid: metadata.uid,
      groups: [requestorGroup],
      // What the token gives is settled now: by the time of the approval it may be over.
      extra: {
        [extraKeys.grant]: [JSON.stringify({ labels: spec.labels, taints: spec.taints })],
        [extraKeys.replace]: [String(spec.replace === true)],
      },
    },
  });
  if (!decoded.ok) return decoded.message;
  const errors = certificateSigningRequests.validate(decoded.object);
  return errors.length === 0 ? decoded.object : errors.map(fieldErrorText).join(", ");
}

export type Waiting = { readonly node: string; readonly digest: string; readonly nowMs: number };

/** What became of the request for a credential that its maker shows. */
export async function hear(db: D1Database, { node, digest, nowMs }: Waiting): Promise<ApprovalOutcome> {
  const key = keyOf(node, digest);
  const [found] = await runBatch(db, [readObject(db, key)]);
  const known = await findNodeCredential(db, node);
  // Machines ask until they hear that they are in: where the answer got lost, so may have what is done with it.
  if (known !== null && isSameDigest(known.digest, digest)) return answered({ node, approval: "Approved" }, true);
  if (!isOurs(found, digest)) return refused(401, "there is no request for this credential");
  const denied = conditionOf(found, "Denied") ?? conditionOf(found, "Failed");
  if (denied !== undefined)
    return refused(403, `request ${key.name} was denied: ${denied.message ?? denied.reason ?? ""}`);
  if (conditionOf(found, "Approved") === undefined) return answered({ node, approval: "Pending", request: key.name });
  if (conditionOf(found, enrolled) !== undefined)
    return refused(403, `another machine has taken the place of ${node}, or it was removed`);
  return letIn(db, { key, request: found, node, digest, nowMs, isKnown: known !== null });
}

/**
 * Whether what is stored was made here, for just this credential: users cannot make any requests of this signer, but what
 * is stored may be restored.
 */
function isOurs(found: KubeObject | null, digest: string): found is CertificateSigningRequest {
  if (found === null) return false;
  // Stored under the requests, so it is one.
  const request = found as CertificateSigningRequest;
  const parsed = parseCertificateRequest(requestText(request));
  return request.spec.signerName === nodeEnrolmentSigner && parsed.ok && parsed.subject.serialNumber === digest;
}

type LetIn = Waiting & {
  readonly key: ObjectKey;
  readonly request: CertificateSigningRequest;
  /** There is a node of this name. */
  readonly isKnown: boolean;
};

/** The credential counts from now on; a request does this once. */
async function letIn(db: D1Database, { key, request, node, digest, nowMs, isKnown }: LetIn): Promise<ApprovalOutcome> {
  const extra = request.spec.extra ?? {};
  const mayReplace = extra[extraKeys.replace]?.[0] === "true";
  if (isKnown && !mayReplace) return taken(node);
  const grant = extra[extraKeys.grant]?.[0] ?? "{}";
  const now = goTime(nowMs);
  const condition = {
    type: enrolled,
    status: "True",
    reason: "CredentialAccepted",
    message: "The machine is a node.",
    lastUpdateTime: now,
    lastTransitionTime: now,
  };
  const object = {
    ...request,
    status: { ...request.status, conditions: [...(request.status.conditions ?? []), condition] },
  };
  const expectRv = Number(request.metadata.resourceVersion);
  try {
    await runBatch(db, [
      requireRv(db, key, expectRv),
      requireUnjoined(db, mayReplace ? null : node),
      updateObjects(db, [{ ...key, object, expectRv, previous: null, expiresMs: requestExpiryMs(object) }], { nowMs }),
      insertNodeCredential(db, { node, digest, createdMs: nowMs, grant }),
    ]);
  } catch (error) {
    if (!(error instanceof StalePremise)) throw error;
    // Somebody wrote in between: the next question finds what.
    return answered({ node, approval: "Pending", request: key.name });
  }
  return answered({ node, approval: "Approved", request: key.name }, isKnown);
}
