// What a PEM text that asks for a certificate holds: as much of it as the API looks at.
// Source: RFC 7468, RFC 2986, X.690; crypto/x509 ParseCertificateRequest.
import { base64Problem, decodeBase64 } from "./base64.ts";
import { utf8Text } from "./utf8.ts";

/** Whom a certificate is wanted for. */
type RequestedSubject = {
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly serialNumber: string;
};

export type ParsedRequest =
  | { readonly ok: true; readonly subject: RequestedSubject }
  | { readonly ok: false; readonly problem: string };

const blocks = /-----BEGIN ([A-Z0-9 ]*)-----\s([\s\S]*?)-----END \1-----/;

/** The first block of a PEM text must be a request for a certificate. */
export function parseCertificateRequest(pem: string): ParsedRequest {
  const [, type, body = ""] = blocks.exec(pem) ?? [];
  if (type !== "CERTIFICATE REQUEST") return { ok: false, problem: "PEM block type must be CERTIFICATE REQUEST" };
  // Lines before an empty one are headers.
  const encoded = body.replace(/^(?:[^\n]*:[^\n]*\n)+\n/, "").replace(/\s/g, "");
  const subject = base64Problem(encoded) === null ? subjectOf(decodeBase64(encoded)) : null;
  return subject === null ? { ok: false, problem: "x509: malformed certificate request" } : { ok: true, subject };
}

type Element = { readonly tag: number; readonly content: readonly number[] };

const tags = { integer: 0x02, bits: 0x03, oid: 0x06, sequence: 0x30, set: 0x31, attributes: 0xa0 } as const;
const lengthIsLong = 0x80;

/** The elements that bytes are one after the other; null: they are none. */
function elementsOf(bytes: readonly number[]): readonly Element[] | null {
  const found: Element[] = [];
  let at = 0;
  while (at < bytes.length) {
    const [tag, first] = [bytes[at], bytes[at + 1]];
    if (tag === undefined || first === undefined) return null;
    const lengthBytes = first < lengthIsLong ? 0 : first - lengthIsLong;
    if (first === lengthIsLong || lengthBytes > 3) return null;
    const start = at + 2 + lengthBytes;
    const length = first < lengthIsLong ? first : bytes.slice(at + 2, start).reduce((sum, byte) => sum * 256 + byte, 0);
    // The shortest form is the only one.
    const isShortest = lengthBytes === 0 || (bytes[at + 2] !== 0 && length >= lengthIsLong);
    if (!isShortest || start + length > bytes.length) return null;
    found.push({ tag, content: bytes.slice(start, start + length) });
    at = start + length;
  }
  return found;
}

/** The elements within one, which must have these tags in this order. */
function parts(element: Element | undefined, ...expected: readonly number[]): readonly Element[] | null {
  const found = element === undefined ? null : elementsOf(element.content);
  if (found === null || found.length !== expected.length) return null;
  return found.every(({ tag }, index) => tag === expected[index]) ? found : null;
}

/** SEQUENCE { info SEQUENCE { version, subject, key, attributes }, algorithm, signature } */
function subjectOf(bytes: readonly number[]): RequestedSubject | null {
  const [request, ...more] = elementsOf(bytes) ?? [];
  if (request?.tag !== tags.sequence || more.length > 0) return null;
  const [info] = parts(request, tags.sequence, tags.sequence, tags.bits) ?? [];
  const [, subject, key] = parts(info, tags.integer, tags.sequence, tags.sequence, tags.attributes) ?? [];
  if (subject === undefined || parts(key, tags.sequence, tags.bits) === null) return null;
  const names = elementsOf(subject.content)?.map(({ content }) => elementsOf(content));
  if (names === undefined || names.some((set) => set === null)) return null;
  const values = names.flatMap((set) => (set ?? []).map(attributeOf));
  const of = (oid: string) => values.flatMap((value) => (value?.oid === oid ? [value.text] : []));
  return {
    commonName: of("2.5.4.3")[0] ?? "",
    serialNumber: of("2.5.4.5")[0] ?? "",
    organizations: of("2.5.4.10"),
  };
}

function attributeOf({ content }: Element): { readonly oid: string; readonly text: string } | null {
  const [oid, value, ...more] = elementsOf(content) ?? [];
  if (oid?.tag !== tags.oid || value === undefined || more.length > 0) return null;
  return { oid: objectIdentifier(oid.content), text: utf8Text(value.content) ?? "" };
}

/** Of the short ones that subjects have: each byte a number, the first one two. */
function objectIdentifier([first = 0, ...rest]: readonly number[]): string {
  return [Math.floor(first / 40), first % 40, ...rest].join(".");
}
