// The DER encoding of what certificates and requests for them are made of.
// Source: X.690, RFC 5280.

export const tags = {
  boolean: 0x01,
  integer: 0x02,
  bits: 0x03,
  octets: 0x04,
  oid: 0x06,
  utf8: 0x0c,
  printable: 0x13,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

const longLength = 0x80;

export function element(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  if (content.length < longLength) return Buffer.concat([Buffer.from([tag, content.length]), content]);
  const digits = content.length.toString(16);
  const length = Buffer.from(digits.padStart(digits.length + (digits.length % 2), "0"), "hex");
  return Buffer.concat([Buffer.from([tag, longLength + length.length]), length, content]);
}

/** One name of a subject; `last` is what tells its identifier from others below 2.5.4. */
export function name(last: number, tag: number, value: string): Buffer {
  const identifier = element(tags.oid, Buffer.from([0x55, 0x04, last]));
  return element(tags.set, element(tags.sequence, identifier, element(tag, Buffer.from(value))));
}

const ecdsaWithSha256 = Buffer.from([0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02]);

/** How everything here is signed. */
export const signatureAlgorithm = element(tags.sequence, element(tags.oid, ecdsaWithSha256));

export function pem(label: string, der: Buffer): string {
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}
