// The certificates of a local cluster: an authority of its own, and a server certificate that it signs.
import { X509Certificate } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import selfsigned from "selfsigned";

const dayMs = 24 * 60 * 60_000;
const authorityDays = 10 * 365;
const serverDays = 397;
/** A server certificate that ends sooner than this is replaced. */
const renewBeforeMs = 30 * dayMs;

export type Certificates = { readonly authority: string; readonly certificate: string; readonly key: string };

/** Reads the certificates below `dir`, and makes what is missing or about to end. PEM. */
export async function certificates(dir: string, nowMs: number): Promise<Certificates> {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const authority = await pair(join(dir, "ca"), nowMs, () => newAuthority(nowMs));
  const server = await pair(join(dir, "server"), nowMs, () => newServer(authority, nowMs));
  return { authority: authority.certificate, certificate: server.certificate, key: server.key };
}

type Pair = { readonly certificate: string; readonly key: string };

async function pair(path: string, nowMs: number, make: () => Promise<Pair>): Promise<Pair> {
  const [certificateFile, keyFile] = [`${path}.crt`, `${path}.key`];
  if (existsSync(certificateFile) && existsSync(keyFile)) {
    const certificate = readFileSync(certificateFile, "utf8");
    const endsAtMs = Date.parse(new X509Certificate(certificate).validTo);
    if (endsAtMs - nowMs > renewBeforeMs) return { certificate, key: readFileSync(keyFile, "utf8") };
  }
  const made = await make();
  writeFileSync(keyFile, made.key, { mode: 0o600 });
  writeFileSync(certificateFile, made.certificate);
  return made;
}

async function newAuthority(nowMs: number): Promise<Pair> {
  return generate("lares-ca", {
    ...validity(nowMs, authorityDays),
    extensions: [
      { name: "basicConstraints", cA: true, critical: true },
      { name: "keyUsage", keyCertSign: true, cRLSign: true, digitalSignature: true, critical: true },
    ],
  });
}

async function newServer({ certificate, key }: Pair, nowMs: number): Promise<Pair> {
  return generate("lares", {
    ...validity(nowMs, serverDays),
    ca: { cert: certificate, key },
    extensions: [
      { name: "basicConstraints", cA: false },
      { name: "keyUsage", digitalSignature: true, critical: true },
      { name: "extKeyUsage", serverAuth: true },
      {
        name: "subjectAltName",
        altNames: [
          { type: 2, value: "localhost" },
          { type: 7, ip: "127.0.0.1" },
          { type: 7, ip: "::1" },
        ],
      },
    ],
  });
}

function validity(nowMs: number, days: number) {
  // A little before now, for clocks that are not quite right.
  return { notBeforeDate: new Date(nowMs - dayMs), notAfterDate: new Date(nowMs + days * dayMs) };
}

async function generate(name: string, options: NonNullable<Parameters<typeof selfsigned.generate>[1]>): Promise<Pair> {
  const made = await selfsigned.generate([{ name: "commonName", value: name }], {
    keyType: "ec",
    algorithm: "sha256",
    ...options,
  });
  return { certificate: made.cert, key: made.private };
}
