// Encryption of what lies on the node's disk, with a key of the node's own: a copy of a file alone tells nothing.
// Source: NIST SP 800-38D (AES-256-GCM, random nonces of 96 bits).
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";

import { readSecretFile, writeSecretFile } from "./secret-file.ts";

const algorithm = "aes-256-gcm";
const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;

export class Seal {
  readonly #keyFile: string;
  #key: Buffer | undefined;

  /** The key is made when something is sealed first. */
  constructor(keyFile: string) {
    this.#keyFile = keyFile;
  }

  /** Other bytes each time, for the nonce is another. Throws when there is no key, and none can be kept. */
  close(text: string): Buffer {
    this.#key ??= readKey(this.#keyFile) ?? makeKey(this.#keyFile);
    const nonce = randomBytes(nonceBytes);
    const cipher = createCipheriv(algorithm, this.#key, nonce, { authTagLength: tagBytes });
    return Buffer.concat([nonce, cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()]);
  }

  /** Undefined for what was not sealed with this key, or was changed since. */
  open(sealed: Buffer): string | undefined {
    this.#key ??= readKey(this.#keyFile);
    if (this.#key === undefined || sealed.length < nonceBytes + tagBytes) return undefined;
    const nonce = sealed.subarray(0, nonceBytes);
    const decipher = createDecipheriv(algorithm, this.#key, nonce, { authTagLength: tagBytes });
    decipher.setAuthTag(sealed.subarray(-tagBytes));
    try {
      return Buffer.concat([decipher.update(sealed.subarray(nonceBytes, -tagBytes)), decipher.final()]).toString(
        "utf8",
      );
    } catch {
      return undefined;
    }
  }
}

/** Undefined for one that is not there, or is none. */
function readKey(path: string): Buffer | undefined {
  const key = Buffer.from(readSecretFile(path)?.trim() ?? "", "hex");
  return key.length === keyBytes ? key : undefined;
}

/** Durable before anything is sealed with it: what cannot be opened any more is as good as lost. */
function makeKey(path: string): Buffer {
  const key = randomBytes(keyBytes);
  writeSecretFile(path, `${key.toString("hex")}\n`);
  return key;
}
