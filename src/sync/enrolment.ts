// How a machine becomes a node: it shows a join token, and the credential that it made counts from then on. It may ask as
// often as it takes to hear so. Agents of old made none, and are given one.
import type { Env } from "../env.ts";
import { qualifiedResource } from "../model/api-error.ts";
import type { JoinToken } from "../model/join-token.ts";
import { joinTokens, mayJoinAs, needsApproval } from "../model/join-token.ts";
import { nodes } from "../model/node.ts";
import { runBatch, StalePremise } from "../store/batch.ts";
import type { NodeCredential, StoredToken } from "../store/credentials.ts";
import {
  countUse,
  digestOf,
  findNodeCredential,
  findToken,
  insertNodeCredential,
  isSameDigest,
  newSecret,
  requireUnjoined,
  requireUseLeft,
} from "../store/credentials.ts";
import { readObject } from "../store/objects.ts";
import type { ApprovalOutcome } from "./enrolment-approval.ts";
import { ask } from "./enrolment-approval.ts";
import type { EnrolAnswer } from "./messages.ts";

const joinToken = /^laresjoin_([a-z0-9]{12})_[a-z0-9]{64}$/;

export type Enrolment = {
  readonly token: string;
  readonly node: string;
  /** Of the credential that the agent made, if it made one. */
  readonly digest: string | undefined;
  readonly request: string | undefined;
  readonly nowMs: number;
};

export type EnrolOutcome =
  /** `replaced`: another machine was the node before, and is to be shut out. */
  | { readonly outcome: "enrolled"; readonly answer: EnrolAnswer; readonly replaced: boolean }
  | ApprovalOutcome
  | { readonly outcome: "refused"; readonly code: 401 | 403 | 409 | 422; readonly why: string };

/** A token counts its uses; two machines that show the last use of one at the same time do not both get in. */
export async function enrol({ DB }: Env, enrolment: Enrolment): Promise<EnrolOutcome> {
  const wrongName = nodes.validateName(enrolment.node);
  if (wrongName !== null) return refused(422, `node name ${JSON.stringify(enrolment.node)}: ${wrongName}`);
  const stored = await storedToken(DB, enrolment);
  if (stored === null) return refused(401, "the join token is not known, or has expired");
  return enrolWith(DB, enrolment, stored);
}

function refused(code: 401 | 403 | 409 | 422, why: string): EnrolOutcome {
  return { outcome: "refused", code, why };
}

async function storedToken(db: D1Database, { token, nowMs }: Enrolment): Promise<StoredToken | null> {
  const id = joinToken.exec(token)?.[1];
  const stored = id === undefined ? null : await findToken(db, id);
  const isValid =
    stored !== null &&
    stored.kind === "join" &&
    isSameDigest(stored.digest, digestOf(token)) &&
    (stored.expiresMs === null || stored.expiresMs > nowMs);
  return isValid ? stored : null;
}

async function enrolWith(
  db: D1Database,
  { node, digest: made, request, nowMs }: Enrolment,
  stored: StoredToken,
): Promise<EnrolOutcome> {
  const key = { resource: qualifiedResource(joinTokens), namespace: "", name: stored.subject };
  const [object] = await runBatch(db, [readObject(db, key)]);
  // Another JoinToken of the same name is not the one that this token was made for.
  if (object === null || object.metadata.uid !== stored.uid) return refused(401, "the join token was withdrawn");
  // Stored under the JoinTokens, so it is one.
  const token = object as JoinToken;
  const { spec } = token;
  if (!mayJoinAs(spec, node)) return refused(403, `the join token is not for a node named ${node}`);
  const mayReplace = spec.replace === true;
  const known = await findNodeCredential(db, node);
  if (isOf(known, made)) return letIn(node, mayReplace);
  const isKnown = known !== null;
  if (needsApproval(spec)) return ask(db, { token, tokenKey: key, node, isKnown, request, nowMs });
  if (isKnown && !mayReplace) return taken(node);
  const credential = `laresnode_${node}_${newSecret()}`;
  const digest = made ?? digestOf(credential);
  const grant = JSON.stringify({ labels: spec.labels, taints: spec.taints });
  try {
    await runBatch(db, [
      requireUseLeft(db, key),
      requireUnjoined(db, mayReplace ? null : node),
      countUse(db, key, nowMs),
      insertNodeCredential(db, { node, digest, createdMs: nowMs, grant }),
    ]);
  } catch (error) {
    if (!(error instanceof StalePremise)) throw error;
    const faster = await findNodeCredential(db, node);
    // It was another question of the same machine, which has given up waiting for the answer.
    if (isOf(faster, made)) return letIn(node, mayReplace);
    return faster !== null && !mayReplace ? taken(node) : refused(403, "the join token is used up");
  }
  if (made !== undefined) return letIn(node, isKnown);
  return { outcome: "enrolled", answer: { node, credential }, replaced: isKnown };
}

function isOf(known: NodeCredential | null, made: string | undefined): boolean {
  return known !== null && made !== undefined && isSameDigest(known.digest, made);
}

/** With the credential that it made. */
function letIn(node: string, replaced: boolean): EnrolOutcome {
  return { outcome: "answered", answer: { node, approval: "Approved" }, replaced };
}

function taken(node: string): EnrolOutcome {
  const why = `there is a node named ${node} already; a JoinToken with spec.replace: true lets a machine take its place`;
  return refused(409, why);
}
