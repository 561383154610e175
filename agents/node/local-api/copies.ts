// Copies of what the control plane has answered, for when it is away: kept for the account that was given them, sealed on
// disk, and few. What an account was never given is never there for it.
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { isFields, parseJson } from "../connection/protocol.ts";
import type { Seal } from "../host/seal.ts";
import type { Clock } from "../ports.ts";
import type { Json } from "./answers.ts";
import type { Account } from "./node-state.ts";

/** `grant`: nothing is in it but that it was allowed. */
export type Copy =
  | { readonly kind: "grant" }
  | { readonly kind: "object"; readonly object: Json }
  /** Without its items. */
  | { readonly kind: "list"; list: Json; readonly items: Map<string, Json> };

export type CopiesOptions = { readonly directory: string; readonly seal: Seal; readonly clock: Clock };

/** What is asked for: a path, and of the query what decides which objects are meant. */
export function copyKey(path: string, query: URLSearchParams): string {
  const deciding = ["labelSelector", "fieldSelector"].map((name) => query.get(name) ?? "");
  return [path, ...deciding].join("\n");
}

export const longestCopyBytes = 2 * 1024 * 1024;
const mostBytes = 16 * 1024 * 1024;
const saveDelayMs = 30_000;

type Held = { readonly copy: Copy; readonly file: string; readonly key: string; users: number; isDirty: boolean };

export class Copies {
  readonly #options: CopiesOptions;
  /** Those that are watched, or are not on the disk yet. */
  readonly #held = new Map<string, Held>();
  #cancelSave: (() => void) | undefined;
  /** Of the disk; undefined: not looked at yet. */
  #sizeBytes: number | undefined;

  constructor(options: CopiesOptions) {
    this.#options = options;
  }

  get(account: Account, key: string): Copy | undefined {
    const file = fileOf(account, key);
    return this.#held.get(file)?.copy ?? this.#read(file, key);
  }

  put(account: Account, key: string, copy: Copy): void {
    const file = fileOf(account, key);
    const users = this.#held.get(file)?.users ?? 0;
    this.#held.set(file, { copy, file, key, users, isDirty: true });
    this.#saveSoon();
  }

  remove(account: Account, key: string): void {
    const file = fileOf(account, key);
    this.#held.delete(file);
    rmSync(join(this.#options.directory, file), { force: true });
  }

  /** Keeps the copy in memory, where it can be changed, until the answer is called. */
  hold(account: Account, key: string): () => void {
    const file = fileOf(account, key);
    const copy = this.get(account, key);
    if (copy === undefined) return () => {};
    const held = this.#held.get(file) ?? { copy, file, key, users: 0, isDirty: false };
    held.users += 1;
    this.#held.set(file, held);
    return () => {
      const now = this.#held.get(file);
      if (now === undefined) return;
      now.users -= 1;
      this.#letGo(now);
    };
  }

  changed(account: Account, key: string): void {
    const held = this.#held.get(fileOf(account, key));
    if (held === undefined) return;
    held.isDirty = true;
    this.#saveSoon();
  }

  /** Forgets what other accounts were given. */
  keepOnly(accounts: readonly Account[]): void {
    const kept = new Set(accounts.map(accountPart));
    for (const { name } of this.#files()) {
      if (kept.has(name.split("-")[0] ?? "")) continue;
      rmSync(join(this.#options.directory, name), { force: true });
      this.#held.delete(name);
    }
    this.#sizeBytes = undefined;
  }

  /** Writes what is not on the disk yet. Throws when it cannot. */
  save(): void {
    this.#cancelSave?.();
    this.#cancelSave = undefined;
    for (const held of [...this.#held.values()]) {
      if (held.isDirty) this.#write(held);
      held.isDirty = false;
      this.#letGo(held);
    }
  }

  #letGo(held: Held): void {
    if (held.users <= 0 && !held.isDirty) this.#held.delete(held.file);
  }

  #saveSoon(): void {
    this.#cancelSave ??= this.#options.clock.setTimer(saveDelayMs, () => {
      this.#cancelSave = undefined;
      try {
        this.save();
      } catch {
        // A full disk: what is in memory stays there, and is written with the next change.
      }
    });
  }

  #write({ copy, file, key }: Held): void {
    const { directory, seal } = this.#options;
    const sealed = seal.close(JSON.stringify({ key, ...plain(copy) }));
    const path = join(directory, file);
    if (sealed.length > longestCopyBytes) {
      rmSync(path, { force: true });
      return;
    }
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    writeFileSync(`${path}.new`, sealed, { mode: 0o600 });
    renameSync(`${path}.new`, path);
    this.#sizeBytes = (this.#sizeBytes ?? 0) + sealed.length;
    if (this.#sizeBytes > mostBytes) this.#makeRoom();
  }

  /** Those that were used longest ago go first. */
  #makeRoom(): void {
    const files = this.#files().toSorted((a, b) => b.usedAtMs - a.usedAtMs);
    let sizeBytes = 0;
    for (const { name, bytes } of files) {
      sizeBytes += bytes;
      if (sizeBytes > mostBytes / 2) rmSync(join(this.#options.directory, name), { force: true });
    }
    this.#sizeBytes = Math.min(sizeBytes, mostBytes / 2);
  }

  #files() {
    const { directory } = this.#options;
    try {
      return readdirSync(directory).map((name) => {
        const { size: bytes, mtimeMs: usedAtMs } = statSync(join(directory, name));
        return { name, bytes, usedAtMs };
      });
    } catch {
      return [];
    }
  }

  #read(file: string, key: string): Copy | undefined {
    const { directory, seal } = this.#options;
    const path = join(directory, file);
    try {
      const content = parseJson(seal.open(readFileSync(path)) ?? "");
      const now = new Date(this.#options.clock.nowMs());
      utimesSync(path, now, now);
      return isFields(content) && content["key"] === key ? copyOf(content) : undefined;
    } catch {
      return undefined;
    }
  }
}

function plain(copy: Copy): Json {
  return copy.kind === "list" ? { ...copy, items: [...copy.items] } : copy;
}

function copyOf(content: Json): Copy | undefined {
  const { kind, object, list, items } = content;
  if (kind === "grant") return { kind };
  if (kind === "object" && isFields(object)) return { kind, object };
  // What the seal holds was written by `plain`.
  if (kind === "list" && isFields(list)) return { kind, list, items: new Map(items as [string, Json][]) };
  return undefined;
}

function accountPart({ namespace, name }: Account): string {
  return digest(`${namespace}/${name}`).slice(0, 16);
}

function fileOf(account: Account, key: string): string {
  return `${accountPart(account)}-${digest(key).slice(0, 40)}`;
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

export function itemKey(item: Json): string {
  const metadata = item["metadata"];
  const { namespace = "", name = "" } = isFields(metadata) ? metadata : {};
  return `${namespace}/${name}`;
}

export function versionOf(object: Json): string {
  const metadata = object["metadata"];
  const version = isFields(metadata) ? metadata["resourceVersion"] : undefined;
  return typeof version === "string" ? version : "";
}
