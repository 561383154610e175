// How many bytes a text is on the wire: upstream's limits count bytes, JavaScript's lengths do not.

// biome-ignore lint/suspicious/noControlCharactersInRegex: the range is ASCII, control characters included.
const ascii = /^[\x00-\x7f]*$/;

/** The length of `value` in UTF-8. */
export function utf8Length(value: string): number {
  if (ascii.test(value)) return value.length;
  let length = 0;
  for (const character of value) length += sizeOf(character.codePointAt(0) ?? 0);
  return length;
}

function sizeOf(codePoint: number): number {
  if (codePoint < 0x80) return 1;
  if (codePoint < 0x800) return 2;
  return codePoint < 0x10000 ? 3 : 4;
}

export function utf8Bytes(value: string): readonly number[] {
  const bytes: number[] = [];
  for (const character of value.toWellFormed()) pushUtf8(character.codePointAt(0) ?? 0, bytes);
  return bytes;
}

function pushUtf8(codePoint: number, bytes: number[]): void {
  const continuation = (shift: number) => 0x80 | ((codePoint >> shift) & 0x3f);
  switch (sizeOf(codePoint)) {
    case 1:
      bytes.push(codePoint);
      return;
    case 2:
      bytes.push(0xc0 | (codePoint >> 6), continuation(0));
      return;
    case 3:
      bytes.push(0xe0 | (codePoint >> 12), continuation(6), continuation(0));
      return;
    default:
      bytes.push(0xf0 | (codePoint >> 18), continuation(12), continuation(6), continuation(0));
  }
}

/** The text that `bytes` spell; what is no UTF-8 comes out as U+FFFD. */
export function utf8Text(bytes: readonly number[]): string {
  let escaped = "";
  for (const byte of bytes) escaped += `%${byte.toString(16).padStart(2, "0")}`;
  try {
    return decodeURIComponent(escaped);
  } catch {
    return "\u{fffd}";
  }
}
