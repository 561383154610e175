// Requests for certificates, as far as anybody looks at them: their keys and signatures are made up.
import { encodeBase64 } from "../../src/model/base64.ts";

type Names = {
  readonly commonName?: string;
  readonly organizations?: readonly string[];
  readonly serialNumber?: string;
};

const bytesOf = (text: string): readonly number[] => [...text].map((letter) => letter.charCodeAt(0));

function element(tag: number, ...parts: readonly (readonly number[])[]): readonly number[] {
  const content = parts.flat();
  const { length } = content;
  const lengthBytes = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return [tag, ...lengthBytes, ...content];
}

function nameOf(last: number, value: string): readonly number[] {
  return element(0x31, element(0x30, element(0x06, [0x55, 4, last]), element(0x0c, bytesOf(value))));
}

export function pem(type: string, bytes: readonly number[]): string {
  const lines = encodeBase64(bytes).match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${type}-----`, ...lines, `-----END ${type}-----`, ""].join("\n");
}

/** A request in PEM. */
export function certificateRequest({ commonName, organizations = [], serialNumber }: Names): string {
  const names = [
    ...organizations.map((organization) => nameOf(10, organization)),
    ...(commonName === undefined ? [] : [nameOf(3, commonName)]),
    ...(serialNumber === undefined ? [] : [nameOf(5, serialNumber)]),
  ];
  const key = element(0x30, element(0x30, element(0x06, [0x2b])), element(0x03, [0, 1]));
  const info = element(0x30, element(0x02, [0]), element(0x30, ...names), key, [0xa0, 0]);
  return pem("CERTIFICATE REQUEST", element(0x30, info, element(0x30, element(0x06, [0x2b])), element(0x03, [0, 1])));
}
