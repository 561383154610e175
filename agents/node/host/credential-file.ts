// The node's credential on disk, readable to the agent alone.
import {
  chmodSync,
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";

import type { CredentialStore } from "../connection/credentials.ts";
import { isFields, parseJson } from "../connection/protocol.ts";

/** A credential for another server or node name is none. */
export class CredentialFile implements CredentialStore {
  readonly #path: string;
  readonly #owner: { readonly server: string; readonly node: string };

  constructor(path: string, owner: { readonly server: string; readonly node: string }) {
    this.#path = path;
    this.#owner = owner;
  }

  read(): string | undefined {
    try {
      // An earlier agent, or a backup that was put back, may have left it open.
      chmodSync(this.#path, 0o600);
      const content = parseJson(readFileSync(this.#path, "utf8"));
      if (!isFields(content)) return undefined;
      const { server, node, credential } = content;
      const isOurs = server === this.#owner.server && node === this.#owner.node;
      return isOurs && typeof credential === "string" ? credential : undefined;
    } catch {
      return undefined;
    }
  }

  remove(): void {
    rmSync(this.#path, { force: true });
  }

  write(credential: string): void {
    mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 });
    const file = openSync(`${this.#path}.new`, "w", 0o600);
    writeSync(file, JSON.stringify({ ...this.#owner, credential }));
    fsyncSync(file);
    closeSync(file);
    renameSync(`${this.#path}.new`, this.#path);
  }
}
