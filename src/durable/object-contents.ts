// What is in the ConfigMaps and Secrets that a shard's nodes are given: read when an answer needs it, once for all nodes.
import type { ConfigMap } from "../model/config-map.ts";
import type { KubeObject } from "../model/meta.ts";
import type { Secret } from "../model/secret.ts";
import { runBatch } from "../store/batch.ts";
import { readHead } from "../store/log.ts";
import type { ObjectKey } from "../store/objects.ts";
import { readObjectsByKey } from "../store/objects.ts";
import type { AssignedObject } from "../sync/messages.ts";
import { Latch } from "./latch.ts";

export type Content = NonNullable<AssignedObject["content"]>;

/** An object as it was found when its content was read. `version` 0: it was not there. */
export type Found = { readonly key: ObjectKey; readonly version: number; readonly asOf: number };

type Kept = { readonly version: number; readonly content: Content; readonly sizeBytes: number };
type Wanted = { readonly key: ObjectKey; readonly sizeBytes: number };

/** The memory of an object is small, and an object may be 1 MiB. */
const mostKeptBytes = 16 * 1024 * 1024;
const mostReadBytes = 8 * 1024 * 1024;

export function keyText({ resource, namespace, name }: ObjectKey): string {
  return `${resource} ${namespace} ${name}`;
}

export class ObjectContents {
  readonly #db: D1Database;
  readonly #found: (found: Found) => void;
  readonly #kept = new Map<string, Kept>();
  #keptBytes = 0;
  readonly #wanted = new Map<string, Wanted>();
  readonly #reading = new Latch(() => this.#read());

  /** `found` is told how each object stood when it was read. */
  constructor(db: D1Database, found: (found: Found) => void) {
    this.#db = db;
    this.#found = found;
  }

  /** Null: `load` has not found this version, or it was forgotten for others. */
  get(key: ObjectKey, version: number): Content | null {
    const kept = this.#kept.get(keyText(key));
    return kept?.version === version ? kept.content : null;
  }

  /** Reads those that are not remembered. */
  async load(objects: readonly (Wanted & { readonly version: number })[]): Promise<void> {
    const missing = objects.filter(({ key, version }) => this.get(key, version) === null);
    for (const { key, sizeBytes } of missing) this.#wanted.set(keyText(key), { key, sizeBytes });
    if (missing.length > 0) await this.#reading.run();
  }

  forget(key: ObjectKey): void {
    const text = keyText(key);
    this.#keptBytes -= this.#kept.get(text)?.sizeBytes ?? 0;
    this.#kept.delete(text);
  }

  /** What was asked for while the last reading went on, in batches that fit into memory. */
  async #read(): Promise<void> {
    while (this.#wanted.size > 0) {
      const keys: ObjectKey[] = [];
      let bytes = 0;
      for (const [text, { key, sizeBytes }] of this.#wanted) {
        if (keys.length > 0 && bytes + sizeBytes > mostReadBytes) break;
        bytes += sizeBytes;
        keys.push(key);
        this.#wanted.delete(text);
      }
      const [asOf, rows] = await runBatch(this.#db, [readHead(this.#db), readObjectsByKey(this.#db, keys)]);
      const objects = new Map(rows.map(({ key, object }) => [keyText(key), object]));
      for (const key of keys) this.#take(key, objects.get(keyText(key)), asOf);
    }
  }

  #take(key: ObjectKey, object: KubeObject | undefined, asOf: number): void {
    this.forget(key);
    const version = Number(object?.metadata.resourceVersion ?? 0);
    if (object !== undefined) {
      const content = contentOf(object);
      const sizeBytes = JSON.stringify(content).length;
      this.#kept.set(keyText(key), { version, content, sizeBytes });
      this.#keptBytes += sizeBytes;
    }
    for (const [text, { sizeBytes }] of this.#kept) {
      if (this.#keptBytes <= mostKeptBytes) break;
      this.#kept.delete(text);
      this.#keptBytes -= sizeBytes;
    }
    this.#found({ key, version, asOf });
  }
}

function contentOf(object: KubeObject): Content {
  const { uid = "" } = object.metadata;
  if (object.kind === "Secret") {
    // Stored under the secrets, so it is one.
    const { type, data = {} } = object as Secret;
    return { uid, type, data: {}, binaryData: data };
  }
  // Only ConfigMaps and Secrets are asked for.
  const { data = {}, binaryData = {} } = object as ConfigMap;
  return { uid, type: "", data, binaryData };
}
