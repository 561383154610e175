// Bearer tokens: of users, for joining, and of nodes. Only digests are kept.
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { eq, lte } from "drizzle-orm";
import { drizzle } from "drizzle-orm/d1";

import type { Part } from "./batch.ts";
import { jsonChunks, rowsOf, stalePremise } from "./batch.ts";
import { nextSeq } from "./log.ts";
import type { ObjectKey } from "./objects.ts";
import { nodeCredentials, tokens } from "./schema.ts";

/** The token of a request; null: there is none, or it is not a bearer token. */
export function bearerToken(headers: Headers): string | null {
  const match = /^Bearer +(\S+)$/i.exec(headers.get("authorization") ?? "");
  return match?.[1] ?? null;
}

/** The digest a token is kept as, in hex. The tokens are long and random, so a plain hash is enough. */
export function digestOf(token: string): string {
  return bytesToHex(sha256(new TextEncoder().encode(token)));
}

/** Compares digests without telling by the time it takes where they differ. */
export function isSameDigest(a: string, b: string): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let index = 0; index < a.length; index += 1) difference |= a.charCodeAt(index) ^ b.charCodeAt(index);
  return difference === 0;
}

/** 256 random bits in hex. */
export function newSecret(): string {
  return bytesToHex(crypto.getRandomValues(new Uint8Array(32)));
}

export type StoredToken = typeof tokens.$inferSelect;
export type NodeCredential = typeof nodeCredentials.$inferSelect;

export async function findToken(db: D1Database, id: string): Promise<StoredToken | null> {
  const [row] = await drizzle(db).select().from(tokens).where(eq(tokens.id, id));
  return row ?? null;
}

export async function findNodeCredential(db: D1Database, node: string): Promise<NodeCredential | null> {
  const [row] = await drizzle(db).select().from(nodeCredentials).where(eq(nodeCredentials.node, node));
  return row ?? null;
}

/** Those of the nodes that have a credential. */
export function readNodeCredentials(db: D1Database, nodes: readonly string[]): Part<readonly NodeCredential[]> {
  const statements = jsonChunks(nodes).map((chunk) =>
    db
      .prepare(
        `SELECT node, digest, created_ms AS createdMs, grant_body AS grant FROM node_credentials
         WHERE node IN (SELECT value FROM json_each(?1))`,
      )
      .bind(chunk),
  );
  return {
    statements,
    // The columns are those of the type.
    read: (results) => results.flatMap((result) => rowsOf(result) as readonly NodeCredential[]),
  };
}

export async function insertToken(db: D1Database, token: typeof tokens.$inferInsert): Promise<void> {
  await drizzle(db).insert(tokens).values(token);
}

/** Removes tokens whose time is over. */
export async function removeExpiredTokens(db: D1Database, nowMs: number): Promise<void> {
  await drizzle(db).delete(tokens).where(lte(tokens.expiresMs, nowMs));
}

/** Keeps a node's credential, in the place of an earlier one. */
export function insertNodeCredential(db: D1Database, { node, digest, createdMs, grant }: NodeCredential): Part<null> {
  const statement = db
    .prepare("INSERT OR REPLACE INTO node_credentials (node, digest, created_ms, grant_body) VALUES (?1, ?2, ?3, ?4)")
    .bind(node, digest, createdMs, grant);
  return { statements: [statement], read: () => null };
}

/** Makes a node's credential worthless, unless another one has taken its place. */
export function removeNodeCredential(db: D1Database, node: string, digest: string): Part<null> {
  const statement = db.prepare("DELETE FROM node_credentials WHERE node = ?1 AND digest = ?2").bind(node, digest);
  return { statements: [statement], read: () => null };
}

/** Fails the batch if the node has a credential already (null: no such demand). */
export function requireUnjoined(db: D1Database, node: string | null): Part<null> {
  const statement = db
    .prepare(
      `SELECT json(CASE WHEN EXISTS (SELECT 1 FROM node_credentials WHERE node = ?1)
       THEN '${stalePremise}' ELSE 'null' END)`,
    )
    .bind(node);
  return { statements: node === null ? [] : [statement], read: () => null };
}

const usesLeft = `resource = ?1 AND namespace = ?2 AND name = ?3
  AND (body->>'$.spec.maxUses' = 0 OR body->>'$.status.uses' < body->>'$.spec.maxUses')`;

/** Fails the batch unless the JoinToken exists and may be used once more. */
export function requireUseLeft(db: D1Database, { resource, namespace, name }: ObjectKey): Part<null> {
  const statement = db
    .prepare(
      `SELECT json(CASE WHEN EXISTS (SELECT 1 FROM objects WHERE ${usesLeft}) THEN 'null' ELSE '${stalePremise}' END)`,
    )
    .bind(resource, namespace, name);
  return { statements: [statement], read: () => null };
}

/** Counts one use of a JoinToken: in the database, so that many machines that join at once do not wait for each other. */
export function countUse(db: D1Database, { resource, namespace, name }: ObjectKey, nowMs: number): Part<null> {
  const statements = [
    db
      .prepare(
        `UPDATE objects SET rv = ${nextSeq}, body = json_set(body, '$.status.uses', body->>'$.status.uses' + 1)
         WHERE ${usesLeft}`,
      )
      .bind(resource, namespace, name),
    db
      .prepare(
        `INSERT INTO log (seq, at_ms, type, resource, namespace, name, uid, body)
         SELECT rv, ?4, 'MODIFIED', resource, namespace, name, uid, body FROM objects
         WHERE resource = ?1 AND namespace = ?2 AND name = ?3 AND rv > (SELECT max(seq) FROM log)`,
      )
      .bind(resource, namespace, name, nowMs),
  ];
  return { statements, read: () => null };
}
