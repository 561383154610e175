// The keys that service account tokens are signed with, as they are kept: private halves are sealed.
import { drizzle } from "drizzle-orm/d1";

import { signingKeys } from "./schema.ts";

export type StoredKey = typeof signingKeys.$inferSelect;

export async function readSigningKeys(db: D1Database): Promise<readonly StoredKey[]> {
  return drizzle(db).select().from(signingKeys);
}

/** Keeps a key, unless there is one of the same sealer already. */
export async function insertSigningKey(db: D1Database, key: StoredKey): Promise<void> {
  await drizzle(db).insert(signingKeys).values(key).onConflictDoNothing();
}
