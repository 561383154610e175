// Who asks. Bearer tokens only; nothing is answered to nobody but health and version.
import type { Env } from "../env.ts";
import { ApiError } from "../model/api-error.ts";
import { bearerToken, digestOf, findToken, isSameDigest } from "../store/credentials.ts";

export type Caller = { readonly name: string; readonly groups: readonly string[] };

const administrator: Caller = { name: "lares:admin", groups: ["system:masters", "system:authenticated"] };

/** Tokens of users are `lares_ID_SECRET`; the ID finds the digest. */
const userToken = /^lares_([a-z0-9]{1,32})_[a-z0-9]{32,128}$/;

function unauthorized(): ApiError {
  return new ApiError("Unauthorized", "Unauthorized");
}

/** Throws Unauthorized for anything but a token of a user that has not expired. */
export async function authenticate(env: Env, headers: Headers, nowMs: number): Promise<Caller> {
  const token = bearerToken(headers);
  if (token === null) throw unauthorized();
  const digest = digestOf(token);
  if (env.ADMIN_TOKEN_SHA256 !== undefined && isSameDigest(digest, env.ADMIN_TOKEN_SHA256)) return administrator;
  const id = userToken.exec(token)?.[1];
  if (id === undefined) throw unauthorized();
  const stored = await findToken(env.DB, id);
  const isValid =
    stored !== null &&
    stored.kind === "user" &&
    isSameDigest(stored.digest, digest) &&
    (stored.expiresMs === null || stored.expiresMs > nowMs);
  if (!isValid) throw unauthorized();
  return { ...administrator, name: stored.subject };
}
