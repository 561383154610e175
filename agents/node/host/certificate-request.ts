// A credential that a machine makes for itself, and the request that tells its digest to those who let machines in.
// Source: RFC 2986.
import { createHash, generateKeyPairSync, randomBytes, sign } from "node:crypto";

import { element, name, pem, signatureAlgorithm, tags } from "./der.ts";

/** Attributes, of which there are none. */
const noAttributes = Buffer.from([0xa0, 0x00]);

/** 256 random bits. */
export function newCredential(node: string): string {
  return `laresnode_${node}_${randomBytes(32).toString("hex")}`;
}

/** What is told of it, and stored: SHA-256, in hex. */
export function digestOfCredential(credential: string): string {
  return createHash("sha256").update(credential).digest("hex");
}

/** A PKCS #10 request that names the node and the digest of its credential. It must be signed with some key; any will do. */
export function requestFor(node: string, credential: string): string {
  const digest = digestOfCredential(credential);
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const subject = element(
    tags.sequence,
    name(10, tags.utf8, "system:nodes"),
    name(3, tags.utf8, `system:node:${node}`),
    name(5, tags.printable, digest),
  );
  const version = element(tags.integer, Buffer.from([0]));
  const key = publicKey.export({ type: "spki", format: "der" });
  const info = element(tags.sequence, version, subject, key, noAttributes);
  const signature = element(tags.bits, Buffer.from([0]), sign("sha256", info, privateKey));
  return pem("CERTIFICATE REQUEST", element(tags.sequence, info, signatureAlgorithm, signature));
}
