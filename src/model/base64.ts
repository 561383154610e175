// What bytes in base64 say. Written out because the model knows no platform: no atob, no TextEncoder.
// Source: RFC 4648; messages of Go's encoding/base64.
import { utf8Bytes } from "./utf8.ts";

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const sextets: ReadonlyMap<string, number> = new Map([...alphabet].map((letter, index) => [letter, index]));

/** Go's text for what is wrong with `encoded`, or null. Line breaks are allowed anywhere. */
export function base64Problem(encoded: string): string | null {
  const position = corruptPosition(encoded);
  return position === null ? null : `illegal base64 data at input byte ${position}`;
}

function corruptPosition(encoded: string): number | null {
  let inQuantum = 0;
  for (let index = 0; index < encoded.length; index++) {
    const letter = encoded.charAt(index);
    if (letter === "\n" || letter === "\r") continue;
    if (letter === "=") return corruptPadding(encoded, index, inQuantum);
    if (!sextets.has(letter)) return index;
    inQuantum = (inQuantum + 1) % 4;
  }
  return inQuantum === 0 ? null : encoded.length - inQuantum;
}

/** `at` is where the first `=` stands; `inQuantum` how many letters of its group of four come before it. */
function corruptPadding(encoded: string, at: number, inQuantum: number): number | null {
  if (inQuantum < 2) return at;
  let end = at + 1;
  if (inQuantum === 2) {
    end = afterLineBreaks(encoded, end);
    if (end === encoded.length) return encoded.length;
    if (encoded.charAt(end) !== "=") return end - 1;
    end += 1;
  }
  end = afterLineBreaks(encoded, end);
  return end < encoded.length ? end : null;
}

function afterLineBreaks(encoded: string, from: number): number {
  let index = from;
  while (encoded.charAt(index) === "\n" || encoded.charAt(index) === "\r") index += 1;
  return index;
}

/** The one spelling a Go server answers with: no line breaks, unused bits zero. `encoded` must be valid. */
export function canonicalBase64(encoded: string): string {
  const joined = /[\r\n]/.test(encoded) ? encoded.replaceAll(/[\r\n]/g, "") : encoded;
  if (!joined.endsWith("=")) return joined;
  return joined.slice(0, -4) + encodeBase64(decodeBase64(joined.slice(-4)));
}

/** How many bytes `encoded` stands for. It must be valid. */
export function base64Size(encoded: string): number {
  const padding = encoded.endsWith("==") ? 2 : encoded.endsWith("=") ? 1 : 0;
  return (encoded.length / 4) * 3 - padding;
}

export function encodeBase64(bytes: readonly number[]): string {
  let encoded = "";
  for (let index = 0; index < bytes.length; index += 3) {
    const [first = 0, second, third] = bytes.slice(index, index + 3);
    encoded += alphabet.charAt(first >> 2);
    encoded += alphabet.charAt(((first & 3) << 4) | ((second ?? 0) >> 4));
    encoded += second === undefined ? "=" : alphabet.charAt(((second & 15) << 2) | ((third ?? 0) >> 6));
    encoded += third === undefined ? "=" : alphabet.charAt(third & 63);
  }
  return encoded;
}

/** `encoded` must be valid and without line breaks. */
export function decodeBase64(encoded: string): readonly number[] {
  const bytes: number[] = [];
  for (let index = 0; index < encoded.length; index += 4) {
    const [a = 0, b = 0, c, d] = [...encoded.slice(index, index + 4)].map((letter) => sextets.get(letter));
    bytes.push((a << 2) | (b >> 4));
    if (c !== undefined) bytes.push(((b & 15) << 4) | (c >> 2));
    if (c !== undefined && d !== undefined) bytes.push(((c & 3) << 6) | d);
  }
  return bytes;
}

/** Text as a Go server stores it in a Secret. */
export function textToBase64(value: string): string {
  return encodeBase64(utf8Bytes(value));
}
