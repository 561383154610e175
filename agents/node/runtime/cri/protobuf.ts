// Protobuf messages, as far as the CRI uses them, by tables of their fields. What a table leaves out is skipped.
// Source: protobuf.dev, Encoding; proto3 leaves out what has its default.

/** `int` stands for all integers and enums: beyond 2^53 a number is only as exact as a double is. */
type Scalar = "string" | "bytes" | "bool" | "int";
type FieldType = Scalar | "strings" | "ints" | "map" | Message | readonly [Message];
type Fields = Readonly<Record<string, readonly [number: number, type: FieldType]>>;

type StringMap = Readonly<Record<string, string>>;

export type Message<F extends Fields = Fields> = {
  readonly fields: F;
  readonly byNumber: ReadonlyMap<number, readonly [name: string, type: FieldType]>;
};

type ScalarValue = { string: string; bytes: Buffer; bool: boolean; int: number };

type Value<T> = T extends keyof ScalarValue
  ? ScalarValue[T]
  : T extends "strings"
    ? readonly string[]
    : T extends "ints"
      ? readonly number[]
      : T extends "map"
        ? StringMap
        : T extends readonly [Message<infer F>]
          ? readonly Decoded<F>[]
          : T extends Message<infer F>
            ? Decoded<F> | undefined
            : never;

type Input<T> = T extends readonly [Message<infer F>]
  ? readonly Encodable<F>[]
  : T extends Message<infer F>
    ? Encodable<F>
    : Value<T>;

/** Every field is there, with its default where the bytes said nothing; a message that was not sent is undefined. */
type Decoded<F extends Fields> = { readonly [K in keyof F]: Value<F[K][1]> };
type Encodable<F extends Fields> = { readonly [K in keyof F]?: Input<F[K][1]> | undefined };

export type Of<M> = M extends Message<infer F> ? Decoded<F> : never;
export type Encoding<M> = M extends Message<infer F> ? Encodable<F> : never;

export function message<const F extends Fields>(fields: F): Message<F> {
  const byNumber = new Map(Object.entries(fields).map(([name, [number, type]]) => [number, [name, type] as const]));
  return { fields, byNumber };
}

const wire = { varint: 0, fixed64: 1, length: 2, fixed32: 5 } as const;

export function encode<F extends Fields>(type: Message<F>, value: Encodable<F>): Buffer {
  const parts: Buffer[] = [];
  for (const [name, [number, fieldType]] of Object.entries(type.fields)) {
    const given = value[name];
    if (given !== undefined) encodeField(parts, number, fieldType, given);
  }
  return Buffer.concat(parts);
}

/** `value` is what `Encodable` makes of `type`, which is why the casts hold. */
function encodeField(parts: Buffer[], number: number, type: FieldType, value: unknown): void {
  switch (type) {
    case "string":
      if (value !== "") pushBytes(parts, number, Buffer.from(value as string));
      return;
    case "bytes":
      if ((value as Buffer).length > 0) pushBytes(parts, number, value as Buffer);
      return;
    case "bool":
      if (value === true) parts.push(tag(number, wire.varint), varint(1));
      return;
    case "int":
      if (value !== 0) parts.push(tag(number, wire.varint), varint(value as number));
      return;
    case "strings":
      for (const text of value as readonly string[]) pushBytes(parts, number, Buffer.from(text));
      return;
    case "ints": {
      const packed = Buffer.concat((value as readonly number[]).map(varint));
      if (packed.length > 0) pushBytes(parts, number, packed);
      return;
    }
    case "map":
      for (const [key, text] of Object.entries(value as StringMap)) {
        pushBytes(parts, number, encode(mapEntry, { key, value: text }));
      }
      return;
    default:
      if (isRepeated(type)) {
        for (const one of value as readonly Encodable<Fields>[]) pushBytes(parts, number, encode(type[0], one));
      } else pushBytes(parts, number, encode(type, value as Encodable<Fields>));
  }
}

const mapEntry = message({ key: [1, "string"], value: [2, "string"] });

function isRepeated(type: Message | readonly [Message]): type is readonly [Message] {
  return Array.isArray(type);
}

function pushBytes(parts: Buffer[], number: number, bytes: Buffer): void {
  parts.push(tag(number, wire.length), varint(bytes.length), bytes);
}

function tag(number: number, wireType: number): Buffer {
  return varint(number * 8 + wireType);
}

/** Negative numbers take ten bytes, as two's complement of 64 bits. */
function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest > 0x7fn) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}

/** Throws where the bytes are no message of that type. */
export function decode<F extends Fields>(type: Message<F>, bytes: Buffer): Decoded<F> {
  // Built field by field as the table says, which is what Decoded says too.
  return decodeMessage(type, bytes) as Decoded<F>;
}

function decodeMessage(type: Message, bytes: Buffer): Record<string, unknown> {
  const value: Record<string, unknown> = {};
  for (const [name, [, fieldType]] of Object.entries(type.fields)) value[name] = defaultOf(fieldType);
  const reader = new Reader(bytes);
  while (!reader.isAtEnd) {
    const key = reader.varint();
    const found = type.byNumber.get(Math.floor(key / 8));
    if (found === undefined) reader.skip(key % 8);
    else value[found[0]] = readField(reader, key % 8, found[1], value[found[0]]);
  }
  return value;
}

function defaultOf(type: FieldType): unknown {
  switch (type) {
    case "string":
      return "";
    case "bytes":
      return empty;
    case "bool":
      return false;
    case "int":
      return 0;
    case "strings":
    case "ints":
      return [];
    case "map":
      return {};
    default:
      return isRepeated(type) ? [] : undefined;
  }
}

const empty = Buffer.alloc(0);

/** `before` is what `defaultOf` or an earlier occurrence of the field has put there. */
function readField(reader: Reader, wireType: number, type: FieldType, before: unknown): unknown {
  switch (type) {
    case "string":
      return reader.bytes(wireType).toString("utf8");
    case "bytes":
      return reader.bytes(wireType);
    case "bool":
      return reader.int(wireType) !== 0;
    case "int":
      return reader.int(wireType);
    case "strings":
      (before as string[]).push(reader.bytes(wireType).toString("utf8"));
      return before;
    case "ints":
      if (wireType === wire.varint) (before as number[]).push(reader.varint());
      else {
        const packed = new Reader(reader.bytes(wireType));
        while (!packed.isAtEnd) (before as number[]).push(packed.varint());
      }
      return before;
    case "map": {
      const { key, value } = decode(mapEntry, reader.bytes(wireType));
      // A key such as __proto__ is one like any other.
      Object.defineProperty(before, key, { value, enumerable: true, configurable: true, writable: true });
      return before;
    }
    default:
      if (!isRepeated(type)) return decodeMessage(type, reader.bytes(wireType));
      (before as unknown[]).push(decodeMessage(type[0], reader.bytes(wireType)));
      return before;
  }
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** Read as a signed number of 64 bits. */
  varint(): number {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.#bytes[this.#at];
      if (byte === undefined) throw new Error("a message ends in the middle of a number");
      this.#at += 1;
      const seven = byte & 0x7f;
      if (shift < 28) low += seven * 2 ** shift;
      else if (shift === 28) {
        low += (seven & 0x0f) * 2 ** 28;
        high += seven >> 4;
      } else high += seven * 2 ** (shift - 32);
      if (byte < 0x80) return this.#signed(high % 2 ** 32, low);
    }
    throw new Error("a number in a message takes more than ten bytes");
  }

  #signed(high: number, low: number): number {
    if (high < 2 ** 31) return high * 2 ** 32 + low;
    return (high - 2 ** 32) * 2 ** 32 + low;
  }

  int(wireType: number): number {
    if (wireType !== wire.varint) throw new Error(`a number in a message has wire type ${wireType}`);
    return this.varint();
  }

  bytes(wireType: number): Buffer {
    if (wireType !== wire.length) throw new Error(`a text in a message has wire type ${wireType}`);
    return this.#take(this.varint());
  }

  skip(wireType: number): void {
    switch (wireType) {
      case wire.varint:
        this.varint();
        return;
      case wire.fixed64:
        this.#take(8);
        return;
      case wire.length:
        this.#take(this.varint());
        return;
      case wire.fixed32:
        this.#take(4);
        return;
      default:
        throw new Error(`a field of a message has wire type ${wireType}`);
    }
  }

  #take(length: number): Buffer {
    const end = this.#at + length;
    if (length < 0 || end > this.#bytes.length) throw new Error("a message ends in the middle of a field");
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }
}
