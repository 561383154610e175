// Signed tokens: a header, claims and a signature. One algorithm, chosen here and by no token.
// Source: RFC 7515, RFC 7519.
import * as z from "zod";

import { base64Url, fromBase64Url } from "./base64-url.ts";
import type { SigningKeys } from "./signing-keys.ts";

const algorithm = { name: "ECDSA", hash: "SHA-256" } as const;
const longestToken = 8 * 1024;

/** Nothing else may be in it: no key or address that the token brings along. */
const Header = z.strictObject({ alg: z.literal("ES256"), kid: z.string(), typ: z.literal("JWT").optional() });

export type Keys = { readonly db: D1Database; readonly keys: SigningKeys; readonly nowMs: number };

export async function sign(claims: object, { db, keys, nowMs }: Keys): Promise<string> {
  const { id, key } = await keys.signer(db, nowMs);
  const signed = `${encodeJson({ alg: "ES256", kid: id })}.${encodeJson(claims)}`;
  const signature = await crypto.subtle.sign(algorithm, key, new TextEncoder().encode(signed));
  return `${signed}.${base64Url(new Uint8Array(signature))}`;
}

/** The claims of a token that one of our keys has signed, not yet looked at; null for any other text. */
export async function verified(token: string, { db, keys, nowMs }: Keys): Promise<unknown> {
  const [header = "", claims = "", signature = "", ...more] = token.split(".");
  if (token.length > longestToken || more.length > 0) return null;
  const parsed = Header.safeParse(decodeJson(header));
  const signatureBytes = fromBase64Url(signature);
  if (!parsed.success || signatureBytes === null) return null;
  const key = await keys.verifier(db, parsed.data.kid, nowMs);
  const signed = new TextEncoder().encode(`${header}.${claims}`);
  if (key === null || !(await crypto.subtle.verify(algorithm, key, signatureBytes, signed))) return null;
  return decodeJson(claims);
}

/** Whether a text has the form of such a token. */
export function isSignedToken(token: string): boolean {
  return /^[\w-]+\.[\w-]+\.[\w-]*$/.test(token);
}

function encodeJson(value: object): string {
  return base64Url(new TextEncoder().encode(JSON.stringify(value)));
}

/** Null for a text that is no JSON. */
function decodeJson(text: string): unknown {
  const bytes = fromBase64Url(text);
  if (bytes === null) return null;
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    return null;
  }
}
