// An OpenAPI v2 document as Protocol Buffers, the form in which kubectl asks for it.
// Source: google/gnostic openapiv2/OpenAPIv2.proto (field numbers).
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import { isJsonObject, type JsonObject } from "../../core/json.ts";
import type { Json } from "../../model/fields.ts";

/** How the value of one JSON key is written; the key's own field number is the table's. */
type Write = (writer: BinaryWriter, field: number, value: Json) => void;

/** A message by the keys of the JSON object it stands for. */
type Message = {
  readonly fields: Readonly<Record<string, readonly [field: number, write: Write]>>;
  /** Where keys that begin with `x-` go. */
  readonly extensions?: number;
};

const lengthDelimited = 2;
const varint = 0;

const text: Write = (writer, field, value) => {
  if (typeof value === "string" && value !== "") writer.tag(field, lengthDelimited).string(value);
};

const flag: Write = (writer, field, value) => {
  if (value === true) writer.tag(field, varint).bool(true);
};

function each(write: Write): Write {
  return (writer, field, value) => {
    if (Array.isArray(value)) for (const element of value) write(writer, field, element);
  };
}

/** A text, or several, where one of both may stand. */
const texts: Write = (writer, field, value) => each(text)(writer, field, Array.isArray(value) ? value : [value]);

function within(writer: BinaryWriter, field: number, write: () => void): void {
  writer.tag(field, lengthDelimited).fork();
  write();
  writer.join();
}

/** A message; late, because schemas contain schemas. */
function message(of: () => Message): Write {
  return (writer, field, value) => {
    if (isJsonObject(value)) within(writer, field, () => writeMessage(writer, of(), value));
  };
}

/** A message around another that is nothing but its field of that number. */
function wrapped(inner: number, write: Write): Write {
  return (writer, field, value) => within(writer, field, () => write(writer, inner, value));
}

/** Any JSON, as YAML, which JSON is. */
const anything: Write = (writer, field, value) =>
  within(writer, field, () => text(writer, 2, `${JSON.stringify(value)}\n`));

/** A map, as the list of its entries. */
function entries(write: Write): Write {
  return (writer, field, value) => {
    if (!isJsonObject(value)) return;
    for (const [key, entry] of Object.entries(value)) writeEntry(writer, field, key, entry, write);
  };
}

function writeEntry(writer: BinaryWriter, field: number, key: string, value: Json, write: Write): void {
  within(writer, field, () => {
    text(writer, 1, key);
    write(writer, 2, value);
  });
}

function writeMessage(writer: BinaryWriter, { fields, extensions }: Message, value: JsonObject): void {
  for (const [key, given] of Object.entries(value)) {
    const known = fields[key];
    if (known !== undefined) known[1](writer, known[0], given);
    else if (extensions !== undefined && key.startsWith("x-")) writeEntry(writer, extensions, key, given, anything);
  }
}

const schema = message(() => schemaMessage);

const schemaMessage: Message = {
  fields: {
    $ref: [1, text],
    format: [2, text],
    title: [3, text],
    description: [4, text],
    pattern: [13, text],
    uniqueItems: [16, flag],
    required: [19, each(text)],
    enum: [20, each(anything)],
    additionalProperties: [21, wrapped(1, schema)],
    type: [22, wrapped(1, texts)],
    items: [23, wrapped(1, schema)],
    properties: [25, wrapped(1, entries(schema))],
  },
  extensions: 31,
};

const bodyParameter: Message = {
  fields: { description: [1, text], name: [2, text], in: [3, text], required: [4, flag], schema: [5, schema] },
};
const queryParameter: Message = {
  fields: {
    required: [1, flag],
    in: [2, text],
    description: [3, text],
    name: [4, text],
    type: [6, text],
    format: [7, text],
    uniqueItems: [20, flag],
  },
};
const pathParameter: Message = {
  fields: { ...queryParameter.fields, type: [5, text], format: [6, text], uniqueItems: [19, flag] },
};

/** One of three messages, by where the parameter stands. */
const parameter: Write = (writer, field, value) => {
  if (!isJsonObject(value)) return;
  const inBody = message(() => bodyParameter);
  const elsewhere =
    value["in"] === "query"
      ? wrapped(
          3,
          message(() => queryParameter),
        )
      : wrapped(
          4,
          message(() => pathParameter),
        );
  wrapped(1, value["in"] === "body" ? wrapped(1, inBody) : wrapped(2, elsewhere))(writer, field, value);
};

const response: Message = { fields: { description: [1, text], schema: [2, wrapped(1, schema)] }, extensions: 5 };

/** Responses are entries of their message, not of a field of it. */
const responses: Write = (writer, field, value) =>
  within(writer, field, () =>
    entries(
      wrapped(
        1,
        message(() => response),
      ),
    )(writer, 1, value),
  );

const operation: Message = {
  fields: {
    tags: [1, each(text)],
    description: [3, text],
    operationId: [5, text],
    produces: [6, each(text)],
    consumes: [7, each(text)],
    parameters: [8, each(parameter)],
    responses: [9, responses],
    schemes: [10, each(text)],
    deprecated: [11, flag],
  },
  extensions: 13,
};
const operationWrite = message(() => operation);

const pathItem: Message = {
  fields: {
    get: [2, operationWrite],
    put: [3, operationWrite],
    post: [4, operationWrite],
    delete: [5, operationWrite],
    patch: [8, operationWrite],
    parameters: [9, each(parameter)],
  },
  extensions: 10,
};

const info: Message = { fields: { title: [1, text], version: [2, text], description: [3, text] } };

const security: Message = { fields: { type: [1, text], name: [2, text], in: [3, text], description: [4, text] } };

const document: Message = {
  fields: {
    swagger: [1, text],
    info: [2, message(() => info)],
    paths: [8, wrapped(2, entries(message(() => pathItem)))],
    definitions: [9, wrapped(1, entries(schema))],
    security: [12, each(wrapped(1, entries(message(() => ({ fields: {} })))))],
    securityDefinitions: [
      13,
      wrapped(
        1,
        entries(
          wrapped(
            2,
            message(() => security),
          ),
        ),
      ),
    ],
  },
};

export function documentBytes(swagger: JsonObject): Uint8Array<ArrayBuffer> {
  const writer = new BinaryWriter();
  writeMessage(writer, document, swagger);
  return writer.finish();
}
