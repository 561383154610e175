// Tokens of service accounts: what they say, and whether what they say still holds.
// Source: pkg/serviceaccount (claims.go, jwt.go), apiserver pkg/authentication/serviceaccount.
import * as z from "zod";

import { parseTimeMs } from "../model/instant.ts";
import type { KubeObject, ObjectMeta } from "../model/meta.ts";
import type { User } from "../model/user-info.ts";
import { authenticatedGroup } from "../model/user-info.ts";
import type { Part } from "../store/batch.ts";
import { runBatch } from "../store/batch.ts";
import { readObject } from "../store/objects.ts";
import { readPod } from "../store/pods.ts";
import type { Keys } from "./json-web-token.ts";
import { sign, verified } from "./json-web-token.ts";

/** Who makes the tokens, and whom they are for unless somebody else is named. */
export const tokenIssuer = "https://kubernetes.default.svc.cluster.local";

/** What was deleted goes on counting for as long: what ends with it may want to clean up. */
const afterDeletionMs = 60_000;
const clockSkewSeconds = 60;

const Reference = z.object({ name: z.string(), uid: z.string() });
type Reference = z.output<typeof Reference>;

/** The object, if any, that a token ends with; of a pod, its node too, which the token does not depend on. */
export type Binding = { readonly pod?: Reference; readonly secret?: Reference; readonly node?: Reference };

const Claims = z.object({
  iss: z.literal(tokenIssuer),
  sub: z.string(),
  aud: z.array(z.string()),
  exp: z.number(),
  iat: z.number(),
  nbf: z.number(),
  jti: z.string(),
  "kubernetes.io": z.object({
    namespace: z.string(),
    serviceaccount: Reference,
    pod: Reference.optional(),
    secret: Reference.optional(),
    node: Reference.optional(),
  }),
});
type Claims = z.output<typeof Claims>;

export type TokenWish = {
  readonly account: KubeObject;
  readonly audiences: readonly string[];
  readonly expirationSeconds: number;
  readonly binding: Binding;
};

export async function makeToken(
  { account, audiences, expirationSeconds, binding }: TokenWish,
  keys: Keys,
): Promise<string> {
  const { namespace = "", name = "", uid = "" } = account.metadata;
  const atSeconds = Math.floor(keys.nowMs / 1000);
  const claims: Claims = {
    aud: [...audiences],
    exp: atSeconds + expirationSeconds,
    iat: atSeconds,
    iss: tokenIssuer,
    jti: crypto.randomUUID(),
    "kubernetes.io": { namespace, ...binding, serviceaccount: { name, uid } },
    nbf: atSeconds,
    sub: userName(namespace, name),
  };
  return sign(claims, keys);
}

function userName(namespace: string, name: string): string {
  return `system:serviceaccount:${namespace}:${name}`;
}

export type Authenticated = { readonly user: User; readonly audiences: readonly string[] };

/**
 * Whose token it is; null: it is not good, or not for any of `audiences`. Reads one row for the account, and one for
 * what the token is bound to; writes nothing.
 */
export async function checkToken(
  token: string,
  audiences: readonly string[],
  keys: Keys,
): Promise<Authenticated | null> {
  const parsed = Claims.safeParse(await verified(token, keys));
  if (!parsed.success) return null;
  const claims = parsed.data;
  const shared = claims.aud.filter((audience) => audiences.includes(audience));
  const nowSeconds = keys.nowMs / 1000;
  const isTimely = claims.exp > nowSeconds && claims.nbf <= nowSeconds + clockSkewSeconds;
  const { namespace, serviceaccount } = claims["kubernetes.io"];
  const isConsistent = claims.sub === userName(namespace, serviceaccount.name);
  if (shared.length === 0 || !isTimely || !isConsistent) return null;
  if (!(await stillHolds(claims, keys))) return null;
  return { user: userOf(claims), audiences: shared };
}

function userOf({ jti, sub, "kubernetes.io": { namespace, serviceaccount, pod, node } }: Claims): User {
  const key = (name: string) => `authentication.kubernetes.io/${name}`;
  return {
    name: sub,
    uid: serviceaccount.uid,
    groups: ["system:serviceaccounts", `system:serviceaccounts:${namespace}`, authenticatedGroup],
    extra: {
      [key("credential-id")]: [`JTI=${jti}`],
      ...(node === undefined ? {} : { [key("node-name")]: [node.name], [key("node-uid")]: [node.uid] }),
      ...(pod === undefined ? {} : { [key("pod-name")]: [pod.name], [key("pod-uid")]: [pod.uid] }),
    },
  };
}

/** Whether the account, and the object that the token is bound to, are still the ones that they were. */
async function stillHolds({ "kubernetes.io": bound }: Claims, { db, nowMs }: Keys): Promise<boolean> {
  const { namespace, serviceaccount, pod, secret, node } = bound;
  const one = (resource: string, place: string, { name, uid }: Reference): Part<boolean> => {
    const { statements, read } = readObject(db, { resource, namespace: place, name });
    return { statements, read: (results) => isAlive(read(results)?.metadata, uid, nowMs) };
  };
  const podPart = (reference: Reference): Part<boolean> => {
    const { statements, read } = readPod(db, namespace, reference.name);
    const isGone = (deletionMs: number | null) => deletionMs !== null && deletionMs + afterDeletionMs < nowMs;
    return {
      statements,
      read: (results) => {
        const row = read(results);
        return row !== null && row.uid === reference.uid && !isGone(row.deletionMs);
      },
    };
  };
  const parts = [
    one("serviceaccounts", namespace, serviceaccount),
    ...(secret === undefined ? [] : [one("secrets", namespace, secret)]),
    ...(pod === undefined ? [] : [podPart(pod)]),
    // The node of a bound pod is told for information only.
    ...(node === undefined || pod !== undefined ? [] : [one("nodes", "", node)]),
  ];
  const held = await runBatch(db, parts);
  return held.every((holds) => holds);
}

function isAlive(metadata: ObjectMeta | undefined, uid: string, nowMs: number): boolean {
  if (metadata === undefined || metadata.uid !== uid) return false;
  const deletedMs = parseTimeMs(metadata.deletionTimestamp);
  return deletedMs === null || deletedMs + afterDeletionMs >= nowMs;
}
