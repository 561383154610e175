// A credential that a machine makes for itself, and the request that tells its digest to those who let machines in.
// Source: RFC 2986, X.690.
import { createHash, generateKeyPairSync, randomBytes, sign } from "node:crypto";

const tags = { integer: 0x02, bits: 0x03, oid: 0x06, utf8: 0x0c, printable: 0x13, sequence: 0x30, set: 0x31 } as const;
/** Attributes, of which there are none. */
const noAttributes = Buffer.from([0xa0, 0x00]);
const longLength = 0x80;

function element(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  if (content.length < longLength) return Buffer.concat([Buffer.from([tag, content.length]), content]);
  const digits = content.length.toString(16);
  const length = Buffer.from(digits.padStart(digits.length + (digits.length % 2), "0"), "hex");
  return Buffer.concat([Buffer.from([tag, longLength + length.length]), length, content]);
}

/** One name of a subject; `last` is what tells its identifier from others below 2.5.4. */
function name(last: number, tag: number, value: string): Buffer {
  const identifier = element(tags.oid, Buffer.from([0x55, 0x04, last]));
  return element(tags.set, element(tags.sequence, identifier, element(tag, Buffer.from(value))));
}

/** 256 random bits. */
export function newCredential(node: string): string {
  return `laresnode_${node}_${randomBytes(32).toString("hex")}`;
}

/** A PKCS #10 request that names the node and the digest of its credential. It must be signed with some key; any will do. */
export function requestFor(node: string, credential: string): string {
  const digest = createHash("sha256").update(credential).digest("hex");
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
  const ecdsaWithSha256 = Buffer.from([0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02]);
  const algorithm = element(tags.sequence, element(tags.oid, ecdsaWithSha256));
  const signature = element(tags.bits, Buffer.from([0]), sign("sha256", info, privateKey));
  const text = element(tags.sequence, info, algorithm, signature).toString("base64");
  const lines = text.match(/.{1,64}/g) ?? [];
  return ["-----BEGIN CERTIFICATE REQUEST-----", ...lines, "-----END CERTIFICATE REQUEST-----", ""].join("\n");
}
