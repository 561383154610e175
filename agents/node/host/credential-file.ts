// The node's credential on disk, readable to the agent alone.
import { rmSync } from "node:fs";

import type { CredentialStore } from "../connection/credentials.ts";
import { isFields, parseJson } from "../connection/protocol.ts";
import { readSecretFile, writeSecretFile } from "./secret-file.ts";

/** A credential for another server or node name is none. */
export class CredentialFile implements CredentialStore {
  readonly #path: string;
  readonly #owner: { readonly server: string; readonly node: string };

  constructor(path: string, owner: { readonly server: string; readonly node: string }) {
    this.#path = path;
    this.#owner = owner;
  }

  read(): string | undefined {
    const content = parseJson(readSecretFile(this.#path) ?? "");
    if (!isFields(content)) return undefined;
    const { server, node, credential } = content;
    const isOurs = server === this.#owner.server && node === this.#owner.node;
    return isOurs && typeof credential === "string" ? credential : undefined;
  }

  remove(): void {
    rmSync(this.#path, { force: true });
  }

  write(credential: string): void {
    writeSecretFile(this.#path, JSON.stringify({ ...this.#owner, credential }));
  }
}
