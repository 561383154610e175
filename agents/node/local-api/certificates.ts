// The certificates that daemons trust their node's API by: an authority of the node's own, and what it signs.
// Source: RFC 5280.
import type { KeyObject } from "node:crypto";
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { isIP } from "node:net";

import { element, name, pem, signatureAlgorithm, tags } from "../host/der.ts";

/** Both in PEM. */
export type KeyAndCertificate = { readonly key: string; readonly certificate: string };

/** A machine's clock may stand at 1970 when it starts: what is valid counts from there, and from no earlier than this. */
const earliestNowMs = Date.UTC(2026, 0, 1);
const dayMs = 86_400_000;
const authorityDays = 50 * 365;
/** Of what is served. */
export const servingDays = 365;

export function lastDayOf(days: number, nowMs: number): number {
  return Math.max(nowMs, earliestNowMs) + days * dayMs;
}

/** An authority for one node, which nothing but its daemons will ever trust. */
export function newAuthority(node: string, nowMs: number): KeyAndCertificate {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const subject = commonName(`lares-node-${node}`.slice(0, 64));
  const certificate = signed({
    subject,
    issuer: subject,
    key: createPublicKey(privateKey),
    signer: privateKey,
    notAfterMs: lastDayOf(authorityDays, nowMs),
    extensions: [
      extension(oids.basicConstraints, element(tags.sequence, yes), true),
      // keyCertSign and cRLSign.
      extension(oids.keyUsage, element(tags.bits, Buffer.from([1, 0x06])), true),
    ],
  });
  return { key: keyText(privateKey), certificate };
}

export type Serving = {
  readonly authority: KeyAndCertificate;
  readonly node: string;
  /** Addresses and DNS names that it is reached by. */
  readonly names: readonly string[];
  readonly nowMs: number;
};

/** What the node's API shows to its callers. */
export function newServing({ authority, node, names, nowMs }: Serving): KeyAndCertificate {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const certificate = signed({
    subject: commonName("kubernetes"),
    issuer: commonName(`lares-node-${node}`.slice(0, 64)),
    key: createPublicKey(privateKey),
    signer: createPrivateKey(authority.key),
    notAfterMs: lastDayOf(servingDays, nowMs),
    extensions: [
      extension(oids.basicConstraints, element(tags.sequence), true),
      // digitalSignature.
      extension(oids.keyUsage, element(tags.bits, Buffer.from([7, 0x80])), true),
      extension(oids.extendedKeyUsage, element(tags.sequence, element(tags.oid, oids.serverAuth)), false),
      extension(oids.alternativeNames, element(tags.sequence, ...names.map(alternativeName)), false),
    ],
  });
  return { key: keyText(privateKey), certificate };
}

const oids = {
  subjectKey: Buffer.from([0x55, 0x1d, 14]),
  keyUsage: Buffer.from([0x55, 0x1d, 15]),
  alternativeNames: Buffer.from([0x55, 0x1d, 17]),
  basicConstraints: Buffer.from([0x55, 0x1d, 19]),
  authorityKey: Buffer.from([0x55, 0x1d, 35]),
  extendedKeyUsage: Buffer.from([0x55, 0x1d, 37]),
  serverAuth: Buffer.from([0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01]),
} as const;

const yes = element(tags.boolean, Buffer.from([0xff]));

function commonName(text: string): Buffer {
  return element(tags.sequence, name(3, tags.utf8, text));
}

function extension(oid: Buffer, value: Buffer, isCritical: boolean): Buffer {
  const parts = [element(tags.oid, oid), ...(isCritical ? [yes] : []), element(tags.octets, value)];
  return element(tags.sequence, ...parts);
}

/** dNSName and iPAddress of a GeneralName. */
const nameTags = { dns: 0x82, ip: 0x87 } as const;

function alternativeName(text: string): Buffer {
  if (isIP(text) === 0) return element(nameTags.dns, Buffer.from(text));
  return element(nameTags.ip, isIP(text) === 4 ? Buffer.from(text.split(".").map(Number)) : ipv6Bytes(text));
}

function ipv6Bytes(address: string): Buffer {
  // As a URL shows it there is one way to write it, without an IPv4 address at its end.
  const canonical = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const [head = "", tail] = canonical.split("::");
  const groups = (text: string) => (text === "" ? [] : text.split(":"));
  const [before, after] = [groups(head), groups(tail ?? "")];
  const gap = tail === undefined ? [] : new Array<string>(8 - before.length - after.length).fill("0");
  return Buffer.from([...before, ...gap, ...after].map((group) => group.padStart(4, "0")).join(""), "hex");
}

type Signing = {
  readonly subject: Buffer;
  readonly issuer: Buffer;
  readonly key: KeyObject;
  readonly signer: KeyObject;
  readonly notAfterMs: number;
  readonly extensions: readonly Buffer[];
};

function signed({ subject, issuer, key, signer, notAfterMs, extensions }: Signing): string {
  const spki = key.export({ type: "spki", format: "der" });
  // Positive, and shorter than the twenty bytes that are allowed.
  const serial = Buffer.concat([Buffer.from([0x01]), randomBytes(15)]);
  const keyIdentifiers = [
    extension(oids.subjectKey, element(tags.octets, keyIdentifier(key)), false),
    extension(oids.authorityKey, element(tags.sequence, element(0x80, keyIdentifier(createPublicKey(signer)))), false),
  ];
  const certificate = element(
    tags.sequence,
    // Version 3.
    element(0xa0, element(tags.integer, Buffer.from([2]))),
    element(tags.integer, serial),
    signatureAlgorithm,
    issuer,
    element(tags.sequence, time(0), time(notAfterMs)),
    subject,
    spki,
    element(0xa3, element(tags.sequence, ...extensions, ...keyIdentifiers)),
  );
  const signature = element(tags.bits, Buffer.from([0]), sign("sha256", certificate, signer));
  return pem("CERTIFICATE", element(tags.sequence, certificate, signatureAlgorithm, signature));
}

function keyIdentifier(key: KeyObject): Buffer {
  return createHash("sha1")
    .update(key.export({ type: "spki", format: "der" }))
    .digest();
}

/** UTCTime up to 2049, GeneralizedTime from then on, as RFC 5280 asks. */
function time(atMs: number): Buffer {
  const digits = `${new Date(atMs).toISOString().replaceAll(/[-T:]/g, "").slice(0, 14)}Z`;
  if (digits >= "2050") return element(tags.generalizedTime, Buffer.from(digits));
  return element(tags.utcTime, Buffer.from(digits.slice(2)));
}

function keyText(key: KeyObject): string {
  return key.export({ type: "pkcs8", format: "pem" }).toString();
}
