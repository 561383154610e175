// Encryption of what lies on the node's disk, with a key of the node's own: a copy of a file alone tells nothing.
// Source: NIST SP 800-38D (AES-256-GCM, random nonces of 96 bits).
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { chmod, mkdir, open, readFile, rename } from "node:fs/promises";
import { dirname } from "node:path";

const algorithm = "aes-256-gcm";
const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;
const formatVersion = 1;

export class Seal {
  readonly #path: string;
  #key: Promise<Buffer> | undefined;

  /** The key is kept at `path`, for its owner alone, and made when it is first needed. */
  constructor(path: string) {
    this.#path = path;
  }

  /** Another text each time, for the nonce is another. */
  async close(text: string): Promise<string> {
    const nonce = randomBytes(nonceBytes);
    const cipher = createCipheriv(algorithm, await this.#keyToClose(), nonce);
    const sealed = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
    return `${formatVersion} ${Buffer.concat([nonce, sealed, cipher.getAuthTag()]).toString("base64")}`;
  }

  /** Undefined for a text that was not closed with this key, or was changed since. */
  async open(text: string): Promise<string | undefined> {
    const [format, encoded = ""] = text.split(" ");
    const key = await readKey(this.#path);
    const bytes = Buffer.from(encoded, "base64");
    if (Number(format) !== formatVersion || key === null || bytes.length < nonceBytes + tagBytes) return undefined;
    const decipher = createDecipheriv(algorithm, key, bytes.subarray(0, nonceBytes));
    decipher.setAuthTag(bytes.subarray(-tagBytes));
    try {
      const opened = [decipher.update(bytes.subarray(nonceBytes, -tagBytes)), decipher.final()];
      return Buffer.concat(opened).toString("utf8");
    } catch {
      return undefined;
    }
  }

  async #keyToClose(): Promise<Buffer> {
    this.#key ??= this.#readOrMake();
    try {
      return await this.#key;
    } catch (error) {
      // The disk may take it the next time.
      this.#key = undefined;
      throw error;
    }
  }

  async #readOrMake(): Promise<Buffer> {
    return (await readKey(this.#path)) ?? makeKey(this.#path);
  }
}

/** Null for one that is not there, or is none. */
async function readKey(path: string): Promise<Buffer | null> {
  try {
    // A backup that was put back may have left it open.
    await chmod(path, 0o600);
    const key = Buffer.from((await readFile(path, "utf8")).trim(), "hex");
    return key.length === keyBytes ? key : null;
  } catch {
    return null;
  }
}

/** Durable before anything is sealed with it: what cannot be opened any more is as good as lost. */
async function makeKey(path: string): Promise<Buffer> {
  const key = randomBytes(keyBytes);
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const file = await open(`${path}.new`, "w", 0o600);
  try {
    await file.writeFile(key.toString("hex"));
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
  const directory = await open(dirname(path), "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
  return key;
}
