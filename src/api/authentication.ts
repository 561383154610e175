// Who asks. Bearer tokens only; nothing is answered to nobody but health and version.
import { ApiError } from "../model/api-error.ts";
import type { User } from "../model/user-info.ts";
import { authenticatedGroup, mastersGroup } from "../model/user-info.ts";
import { bearerToken, digestOf, findToken, isSameDigest } from "../store/credentials.ts";
import type { Keys } from "./json-web-token.ts";
import { isSignedToken } from "./json-web-token.ts";
import type { Authenticated } from "./service-account-tokens.ts";
import { checkToken, tokenIssuer } from "./service-account-tokens.ts";

export type Caller = User;

const administrator: Caller = {
  name: "lares:admin",
  uid: "",
  groups: [mastersGroup, authenticatedGroup],
  extra: {},
};

/** Tokens of users are `lares_ID_SECRET`; the ID finds the digest. */
const userToken = /^lares_([a-z0-9]{1,32})_[a-z0-9]{32,128}$/;

/** What tokens are checked with. */
export type Credentials = Keys & { readonly adminDigest: string | undefined };

/** Throws Unauthorized for anything but a good token. */
export async function authenticate(headers: Headers, credentials: Credentials): Promise<Caller> {
  const token = bearerToken(headers);
  const found = token === null ? null : await whoseToken(token, [tokenIssuer], credentials);
  if (found === null) throw new ApiError("Unauthorized", "Unauthorized");
  return found.user;
}

/** Whose token it is, and for which of `audiences` it is good; null: nobody's, or for none of them. */
export async function whoseToken(
  token: string,
  audiences: readonly string[],
  credentials: Credentials,
): Promise<Authenticated | null> {
  if (isSignedToken(token)) return checkToken(token, audiences, credentials);
  // The tokens that are no signed claims are for this API alone.
  const isForUs = audiences.includes(tokenIssuer);
  const user = isForUs ? await userOf(token, credentials) : null;
  return user === null ? null : { user, audiences: [tokenIssuer] };
}

async function userOf(token: string, { db, adminDigest, nowMs }: Credentials): Promise<Caller | null> {
  const digest = digestOf(token);
  if (adminDigest !== undefined && isSameDigest(digest, adminDigest)) return administrator;
  const id = userToken.exec(token)?.[1];
  const stored = id === undefined ? null : await findToken(db, id);
  const isValid =
    stored !== null &&
    stored.kind === "user" &&
    isSameDigest(stored.digest, digest) &&
    (stored.expiresMs === null || stored.expiresMs > nowMs);
  if (!isValid) return null;
  const { subject, groups } = stored;
  // Whoever has no list of groups is an administrator.
  if (groups === null) return { ...administrator, name: subject };
  return { name: subject, uid: "", groups: [...groups, authenticatedGroup], extra: {} };
}
