// Objects that come in protobuf, turned into the JSON that they would have been sent as.
// Source: apimachinery pkg/runtime/serializer/protobuf; generated.proto of the types.
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";

import type { Json } from "../../model/fields.ts";
import type { Shape } from "../../model/shape.ts";
import { changedInJson } from "../json-text.ts";
import type { FieldNumbers, NumberedField } from "./field-numbers.ts";
import { fieldNumbersOf } from "./field-numbers.ts";

type StructShape = Extract<Shape, { kind: "struct" }>;
type JsonObject = { [key: string]: Json };

/** "k8s" and a zero: how every body begins. */
const magic = [0x6b, 0x38, 0x73, 0x00] as const;

/** The bytes are none of the message that they should be. */
export class MalformedProtobuf extends Error {}

/** Whether objects of this shape can come in protobuf at all. */
export function hasProtobuf(shape: Shape): shape is StructShape {
  return shape.kind === "struct" && fieldNumbersOf(shape.id) !== null;
}

/** Reads an object. Throws MalformedProtobuf. */
export function decodeProtobuf(bytes: Uint8Array, shape: StructShape): Json {
  if (magic.some((byte, index) => bytes[index] !== byte)) {
    throw new MalformedProtobuf(
      `provided data does not appear to be a protobuf message, expected prefix [${magic.join(" ")}]`,
    );
  }
  try {
    const { apiVersion, kind, raw } = readEnvelope(new BinaryReader(bytes.subarray(magic.length)));
    const object = readStruct(new BinaryReader(raw), shape);
    return { ...object, ...(apiVersion === "" ? {} : { apiVersion }), ...(kind === "" ? {} : { kind }) };
  } catch (error) {
    if (error instanceof MalformedProtobuf) throw error;
    // The reader throws plain errors at whatever is cut short or out of range.
    throw new MalformedProtobuf(`proto: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
}

type Envelope = { apiVersion: string; kind: string; raw: Uint8Array };

/** The message runtime.Unknown, which says what the object is and holds it. */
function readEnvelope(reader: BinaryReader): Envelope {
  const envelope: Envelope = { apiVersion: "", kind: "", raw: new Uint8Array() };
  eachField(reader, (number, wireType) => {
    if (number === 1) readTypeMeta(submessage(reader, wireType), envelope);
    else if (number === 2) envelope.raw = bytesOf(reader, wireType);
    else reader.skip(wireType, number);
  });
  return envelope;
}

function readTypeMeta(reader: BinaryReader, envelope: Envelope): void {
  eachField(reader, (number, wireType) => {
    if (number === 1) envelope.apiVersion = textOf(reader, wireType);
    else if (number === 2) envelope.kind = textOf(reader, wireType);
    else reader.skip(wireType, number);
  });
}

function eachField(reader: BinaryReader, take: (number: number, wireType: WireType) => void): void {
  while (reader.pos < reader.len) take(...reader.tag());
}

function readStruct(reader: BinaryReader, shape: StructShape): JsonObject {
  const numbers = fieldNumbersOf(shape.id);
  if (numbers === null) throw new MalformedProtobuf(`proto: ${shape.name} is not known in this format`);
  const object: JsonObject = {};
  readFields(reader, { shape, numbers, object });
  return object;
}

type Target = { readonly shape: StructShape; readonly numbers: FieldNumbers; readonly object: JsonObject };

function readFields(reader: BinaryReader, target: Target): void {
  eachField(reader, (number, wireType) => {
    const field = target.numbers.get(number);
    if (field === undefined) reader.skip(wireType, number);
    else readField(reader, { field, wireType, target });
  });
}

type Found = { readonly field: NumberedField; readonly wireType: WireType; readonly target: Target };

function readField(reader: BinaryReader, { field, wireType, target }: Found): void {
  const { object } = target;
  if (field.kind === "inline") {
    readFields(submessage(reader, wireType), { ...target, numbers: field.fields });
    return;
  }
  const shape = target.shape.fields.get(field.name);
  // A field of a later release, or of a feature that is not served.
  if (shape === undefined) reader.skip(wireType);
  else if (field.kind === "json") object[field.name] = readJson(submessage(reader, wireType));
  else if (shape.kind === "list") addElements(reader, { wireType, shape, list: listAt(object, field.name) });
  else if (shape.kind === "map") addEntry(submessage(reader, wireType), shape.value, objectAt(object, field.name));
  else object[field.name] = readValue(reader, wireType, shape);
}

function listAt(object: JsonObject, name: string): Json[] {
  const list: Json[] = [];
  const known = object[name];
  // Put there by an earlier element, by the line below.
  if (Array.isArray(known)) return known as Json[];
  object[name] = list;
  return list;
}

function objectAt(object: JsonObject, name: string): JsonObject {
  const known = object[name];
  // Put there by an earlier entry, by the lines below.
  if (known !== undefined) return known as JsonObject;
  const map: JsonObject = {};
  object[name] = map;
  return map;
}

type Elements = {
  readonly wireType: WireType;
  readonly shape: Extract<Shape, { kind: "list" }>;
  readonly list: Json[];
};

/** One element, or several numbers that were packed together. */
function addElements(reader: BinaryReader, { wireType, shape: { element }, list }: Elements): void {
  if (element.kind !== "scalar" || !isNumeric(element.goType) || wireType === WireType.Varint) {
    list.push(readValue(reader, wireType, element));
    return;
  }
  const packed = submessage(reader, wireType);
  while (packed.pos < packed.len) list.push(readValue(packed, WireType.Varint, element));
}

function addEntry(reader: BinaryReader, shape: Shape, map: JsonObject): void {
  let key = "";
  let value: Json | undefined;
  eachField(reader, (number, wireType) => {
    if (number === 1) key = textOf(reader, wireType);
    else if (number === 2) value = readMapValue(reader, wireType, shape);
    else reader.skip(wireType, number);
  });
  // As JSON.parse does: a key is a key, whatever it is called.
  Object.defineProperty(map, key, { value: value ?? null, enumerable: true, configurable: true, writable: true });
}

/** A list cannot be the value of an entry, so a message with the list as its first field is. */
function readMapValue(reader: BinaryReader, wireType: WireType, shape: Shape): Json {
  if (shape.kind !== "list") return readValue(reader, wireType, shape);
  const list: Json[] = [];
  const items = submessage(reader, wireType);
  eachField(items, (number, itemType) => {
    if (number === 1) addElements(items, { wireType: itemType, shape, list });
    else items.skip(itemType, number);
  });
  return list;
}

function readValue(reader: BinaryReader, wireType: WireType, shape: Shape): Json {
  switch (shape.kind) {
    case "struct":
      return readStruct(submessage(reader, wireType), shape);
    case "scalar":
      return readScalar(reader, wireType, shape.goType);
    case "list":
    case "map":
    case "raw":
      throw new MalformedProtobuf(`proto: no ${shape.goType} is expected here`);
  }
}

function readScalar(reader: BinaryReader, wireType: WireType, goType: string): Json {
  switch (goType) {
    case "string":
      return textOf(reader, wireType);
    case "bool":
      expectType(wireType, WireType.Varint);
      return reader.bool();
    case "int32":
      expectType(wireType, WireType.Varint);
      return reader.int32();
    case "int64":
      return int64Of(reader, wireType);
    case "[]uint8":
      return base64(bytesOf(reader, wireType));
    case "v1.Time":
      return readTime(submessage(reader, wireType), 0);
    case "v1.MicroTime":
      return readTime(submessage(reader, wireType), 6);
    case "resource.Quantity":
      return readQuantity(submessage(reader, wireType));
    case "intstr.IntOrString":
      return readIntOrString(submessage(reader, wireType));
    default:
      throw new MalformedProtobuf(`proto: no ${goType} is expected here`);
  }
}

function isNumeric(goType: string): boolean {
  return goType === "int32" || goType === "int64" || goType === "bool";
}

/** The latest and the earliest second that RFC 3339 has a text for. */
const latestSeconds = 253_402_300_799;
const earliestSeconds = -62_135_596_800;

/** The zero time is written as an empty message. */
function readTime(reader: BinaryReader, fractionDigits: 0 | 6): Json {
  let seconds = 0;
  let nanos = 0;
  eachField(reader, (number, wireType) => {
    if (number === 1) seconds = int64Of(reader, wireType);
    else if (number === 2) nanos = int64Of(reader, wireType);
    else reader.skip(wireType, number);
  });
  if (seconds === 0 && nanos === 0) return null;
  if (seconds < earliestSeconds || seconds > latestSeconds || nanos < 0 || nanos > 999_999_999) {
    throw new MalformedProtobuf("proto: a time is out of range");
  }
  const text = new Date(seconds * 1000).toISOString().slice(0, 19);
  if (fractionDigits === 0) return `${text}Z`;
  return `${text}.${String(Math.floor(nanos / 1000)).padStart(6, "0")}Z`;
}

function readQuantity(reader: BinaryReader): Json {
  let text = "";
  eachField(reader, (number, wireType) => {
    if (number === 1) text = textOf(reader, wireType);
    else reader.skip(wireType, number);
  });
  return text === "" ? "0" : text;
}

function readIntOrString(reader: BinaryReader): Json {
  let isText = false;
  let number: Json = 0;
  let text = "";
  eachField(reader, (field, wireType) => {
    if (field === 1) isText = int64Of(reader, wireType) === 1;
    else if (field === 2) number = int64Of(reader, wireType);
    else if (field === 3) text = textOf(reader, wireType);
    else reader.skip(wireType, field);
  });
  return isText ? text : number;
}

/** RawExtension and FieldsV1: the JSON is the first field. */
function readJson(reader: BinaryReader): Json {
  let text = "";
  eachField(reader, (number, wireType) => {
    if (number === 1)
      text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytesOf(reader, wireType));
    else reader.skip(wireType, number);
  });
  // JSON.parse yields JSON.
  const json = text === "" ? null : (JSON.parse(text) as Json);
  const [changed] = changedInJson(text);
  if (changed !== undefined) throw new MalformedProtobuf(`the number ${changed.text} cannot be kept as it is`);
  return json;
}

/** A number beyond what JavaScript holds exactly comes out inexact, and the schema refuses it. */
function int64Of(reader: BinaryReader, wireType: WireType): number {
  expectType(wireType, WireType.Varint);
  return Number(reader.int64());
}

function textOf(reader: BinaryReader, wireType: WireType): string {
  expectType(wireType, WireType.LengthDelimited);
  return reader.string(true);
}

function bytesOf(reader: BinaryReader, wireType: WireType): Uint8Array {
  expectType(wireType, WireType.LengthDelimited);
  return reader.bytes();
}

function submessage(reader: BinaryReader, wireType: WireType): BinaryReader {
  return new BinaryReader(bytesOf(reader, wireType));
}

function expectType(given: WireType, wanted: WireType): void {
  if (given !== wanted) throw new MalformedProtobuf(`proto: wrong wireType = ${given}`);
}

function base64(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}
