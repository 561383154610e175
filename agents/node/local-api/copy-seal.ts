// Hides the copies on the disk from whoever takes them without the key: AES-256-GCM, in bytes and at once.
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";

import { readSecretFile, writeSecretFile } from "../host/secret-file.ts";

const algorithm = "aes-256-gcm";
const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;

export class CopySeal {
  readonly #key: Buffer;

  /** Makes a key where there is none. Throws when it cannot be kept. */
  constructor(keyFile: string) {
    const known = Buffer.from(readSecretFile(keyFile)?.trim() ?? "", "hex");
    this.#key = known.length === keyBytes ? known : randomBytes(keyBytes);
    if (this.#key !== known) writeSecretFile(keyFile, `${this.#key.toString("hex")}\n`);
  }

  seal(text: string): Buffer {
    const nonce = randomBytes(nonceBytes);
    const cipher = createCipheriv(algorithm, this.#key, nonce, { authTagLength: tagBytes });
    const sealed = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
    return Buffer.concat([nonce, cipher.getAuthTag(), sealed]);
  }

  /** Undefined: sealed with another key, or not whole. */
  open(sealed: Buffer): string | undefined {
    if (sealed.length < nonceBytes + tagBytes) return undefined;
    try {
      const nonce = sealed.subarray(0, nonceBytes);
      const decipher = createDecipheriv(algorithm, this.#key, nonce, { authTagLength: tagBytes });
      decipher.setAuthTag(sealed.subarray(nonceBytes, nonceBytes + tagBytes));
      return Buffer.concat([decipher.update(sealed.subarray(nonceBytes + tagBytes)), decipher.final()]).toString(
        "utf8",
      );
    } catch {
      return undefined;
    }
  }
}
