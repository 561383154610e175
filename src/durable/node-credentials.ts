// Whether an agent is whom it says it is. A fleet that comes back at once asks for all its credentials at once.
import { runBatch } from "../store/batch.ts";
import { isSameDigest, readNodeCredentials } from "../store/credentials.ts";
import type { Grant } from "../sync/node-object.ts";
import { Latch } from "./latch.ts";

export type Credential = { readonly digest: string; readonly grant: Grant };

export class NodeCredentials {
  readonly #db: D1Database;
  readonly #known = new Map<string, Credential>();
  readonly #reading = new Latch(() => this.#read());
  #wanted = new Set<string>();
  /** Forgotten while a reading goes on: what it finds may be what was before. */
  readonly #outdated = new Set<string>();

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** Null: the node has no credential with this digest. */
  async check(node: string, digest: string): Promise<Credential | null> {
    const known = this.#known.get(node);
    if (known !== undefined && isSameDigest(known.digest, digest)) return known;
    const stored = await this.#stored(node);
    return stored !== null && isSameDigest(stored.digest, digest) ? stored : null;
  }

  /** What a node was granted whose credential was checked before. */
  async grantOf(node: string): Promise<Grant> {
    return (this.#known.get(node) ?? (await this.#stored(node)))?.grant ?? {};
  }

  /** The credential was replaced: what was read so far, or is being read, counts no more. */
  forget(node: string): void {
    this.#known.delete(node);
    this.#outdated.add(node);
  }

  async #stored(node: string): Promise<Credential | null> {
    this.#wanted.add(node);
    await this.#reading.run();
    return this.#known.get(node) ?? null;
  }

  /** Reads what was asked for while the last reading went on. */
  async #read(): Promise<void> {
    const wanted = this.#wanted;
    this.#wanted = new Set();
    this.#outdated.clear();
    const [found] = await runBatch(this.#db, [readNodeCredentials(this.#db, [...wanted])]);
    for (const node of wanted) this.#known.delete(node);
    for (const { node, digest, grant } of found) {
      // Written at enrolment from a decoded join token.
      if (!this.#outdated.has(node)) this.#known.set(node, { digest, grant: JSON.parse(grant) as Grant });
    }
  }
}
