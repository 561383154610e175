// The node's authority and what it serves with, from one life of the agent to the next.
import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { join } from "node:path";

import { isFields, parseJson } from "../connection/protocol.ts";
import { readSecretFile, writeSecretFile } from "../host/secret-file.ts";
import type { KeyAndCertificate } from "./certificates.ts";
import { lastDayOf, newAuthority, newServing, servingDays } from "./certificates.ts";

/** Names by which client libraries know the API, besides its addresses. */
const wellKnownNames = [
  "kubernetes",
  "kubernetes.default",
  "kubernetes.default.svc",
  "kubernetes.default.svc.cluster.local",
  "localhost",
] as const;

/** Renewed when less of it is left. */
const leastLeftDays = servingDays / 3;

export class AuthorityFiles {
  readonly #directory: string;
  readonly #node: string;
  readonly #authority: KeyAndCertificate;

  /** Makes an authority where there is none. Throws when it cannot be kept. */
  constructor(directory: string, node: string, nowMs: number) {
    this.#directory = directory;
    this.#node = node;
    const path = join(directory, "authority");
    const known = readPair(path);
    this.#authority = known ?? newAuthority(node, nowMs);
    if (known === undefined) writeSecretFile(path, JSON.stringify(this.#authority));
  }

  /** PEM of the certificate that daemons are given. */
  get ca(): string {
    return this.#authority.certificate;
  }

  /** What to serve with for some time to come. */
  serving(addresses: readonly string[], nowMs: number): KeyAndCertificate {
    const path = join(this.#directory, "serving");
    const names = [...new Set([...wellKnownNames, this.#node, ...addresses])];
    const known = readPair(path);
    if (known !== undefined && this.#isGood(known, names, nowMs)) return known;
    const serving = newServing({ authority: this.#authority, node: this.#node, names, nowMs });
    writeSecretFile(path, JSON.stringify(serving));
    return serving;
  }

  #isGood({ certificate }: KeyAndCertificate, names: readonly string[], nowMs: number): boolean {
    const shown = new X509Certificate(certificate);
    const isOurs = shown.verify(new X509Certificate(this.#authority.certificate).publicKey);
    const isNamed = names.every((name) => {
      const found = isIP(name) === 0 ? shown.checkHost(name, { subject: "never" }) : shown.checkIP(name);
      return found !== undefined;
    });
    return isOurs && isNamed && Date.parse(shown.validTo) > lastDayOf(leastLeftDays, nowMs);
  }
}

/** Undefined for what cannot be used. */
function readPair(path: string): KeyAndCertificate | undefined {
  const content = parseJson(readSecretFile(path) ?? "");
  if (!isFields(content)) return undefined;
  const { key, certificate } = content;
  return typeof key === "string" && typeof certificate === "string" ? { key, certificate } : undefined;
}
