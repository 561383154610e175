// The keys that service account tokens are signed and checked with. Private halves are kept sealed, with a key that is
// derived from the administrator's digest: a secret of the Worker, which is not in the database.
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";

import { ApiError } from "../model/api-error.ts";
import type { StoredKey } from "../store/signing-keys.ts";
import { insertSigningKey, readSigningKeys } from "../store/signing-keys.ts";
import { base64Url, fromBase64Url } from "./base64-url.ts";

/** ES256. */
const algorithm = { name: "ECDSA", namedCurve: "P-256" } as const;
/** Tokens of unknown keys do not make every request read the database. */
const rereadMs = 1_000;
const nonceBytes = 12;

export type Signer = { readonly id: string; readonly key: CryptoKey };

export class SigningKeys {
  readonly #sealingSecret: string | undefined;
  readonly #known = new Map<string, { readonly key: CryptoKey; readonly jwk: JsonWebKey }>();
  #signer: Signer | null = null;
  #readMs = Number.NEGATIVE_INFINITY;

  constructor(sealingSecret: string | undefined) {
    this.#sealingSecret = sealingSecret;
  }

  /** The key to sign with; made when there is none yet. */
  async signer(db: D1Database, nowMs: number): Promise<Signer> {
    if (this.#signer !== null) return this.#signer;
    const secret = this.#sealingSecret;
    if (secret === undefined || secret === "") {
      throw new ApiError(
        "InternalError",
        "tokens cannot be signed: the signing key is sealed with ADMIN_TOKEN_SHA256, which is not set",
      );
    }
    const sealer = sealerOf(secret);
    const findOwn = async () => (await readSigningKeys(db)).find((stored) => stored.sealer === sealer);
    if ((await findOwn()) === undefined) await insertSigningKey(db, await newKey(secret, sealer, nowMs));
    // Somebody else may have been faster.
    const stored = await findOwn();
    if (stored === undefined) throw new Error("the signing key that was just kept is not there");
    this.#signer = { id: stored.id, key: await open(stored, secret) };
    return this.#signer;
  }

  /** The key to check a signature with; null: there is no key of this id. */
  async verifier(db: D1Database, id: string, nowMs: number): Promise<CryptoKey | null> {
    if (!this.#known.has(id) && Math.abs(nowMs - this.#readMs) >= rereadMs) await this.#read(db, nowMs);
    return this.#known.get(id)?.key ?? null;
  }

  /** The public halves, as they are published. */
  async published(db: D1Database, nowMs: number): Promise<readonly object[]> {
    await this.#read(db, nowMs);
    return [...this.#known].map(
      ([
        kid,
        {
          jwk: { kty, crv, x, y },
        },
      ]) => ({ use: "sig", kty, kid, crv, alg: "ES256", x, y }),
    );
  }

  async #read(db: D1Database, nowMs: number): Promise<void> {
    for (const { id, publicKey } of await readSigningKeys(db)) {
      // Written by this class.
      const jwk = JSON.parse(publicKey) as JsonWebKey;
      if (!this.#known.has(id))
        this.#known.set(id, { jwk, key: await crypto.subtle.importKey("jwk", jwk, algorithm, false, ["verify"]) });
    }
    this.#readMs = nowMs;
  }
}

function hexDigest(text: string): string {
  return bytesToHex(sha256(new TextEncoder().encode(text)));
}

/** Names a secret and tells nothing of it. */
function sealerOf(secret: string): string {
  return hexDigest(`lares sealer ${secret}`).slice(0, 32);
}

async function sealingKey(secret: string): Promise<CryptoKey> {
  const bytes = new TextEncoder().encode(secret);
  const base = await crypto.subtle.importKey("raw", bytes, "HKDF", false, ["deriveKey"]);
  const info = new TextEncoder().encode("lares signing keys, version 1");
  const derivation = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info };
  return crypto.subtle.deriveKey(derivation, base, { name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
}

async function newKey(secret: string, sealer: string, nowMs: number): Promise<StoredKey> {
  // Typed stub: for an asymmetric algorithm it is a pair.
  const pair = (await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"])) as CryptoKeyPair;
  // Typed stubs: "jwk" gives an object, "pkcs8" bytes.
  const { kty, crv, x, y } = (await crypto.subtle.exportKey("jwk", pair.publicKey)) as JsonWebKey;
  const privateKey = (await crypto.subtle.exportKey("pkcs8", pair.privateKey)) as ArrayBuffer;
  const id = base64Url(sha256(new TextEncoder().encode(`${x}.${y}`)));
  const iv = crypto.getRandomValues(new Uint8Array(nonceBytes));
  const additionalData = new TextEncoder().encode(id);
  const sealed = await crypto.subtle.encrypt(
    { name: "AES-GCM", iv, additionalData },
    await sealingKey(secret),
    privateKey,
  );
  return {
    id,
    sealer,
    publicKey: JSON.stringify({ kty, crv, x, y }),
    sealedPrivateKey: `${base64Url(iv)}.${base64Url(new Uint8Array(sealed))}`,
    createdMs: nowMs,
  };
}

async function open({ id, sealedPrivateKey }: StoredKey, secret: string): Promise<CryptoKey> {
  const [iv, sealed] = sealedPrivateKey.split(".").map(fromBase64Url);
  if (!iv || !sealed) throw new Error("a signing key is kept in a form that is not known");
  const additionalData = new TextEncoder().encode(id);
  const opened = await crypto.subtle.decrypt({ name: "AES-GCM", iv, additionalData }, await sealingKey(secret), sealed);
  return crypto.subtle.importKey("pkcs8", opened, algorithm, false, ["sign"]);
}
