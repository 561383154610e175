// What a client sent, within limits: JSON, YAML or protobuf, never more and never deeper than the server is ready to hold.
// Source: apimachinery pkg/runtime/serializer json and protobuf; apiserver pkg/endpoints/handlers rest.go.

import { isMap, parseDocument, visit } from "yaml";
import type * as z from "zod";

import { ApiError } from "../model/api-error.ts";
import type { Json } from "../model/fields.ts";
import { bodyBytes, discardedBytes, jsonDepth, yamlAliases, yamlBytes } from "../model/limits.ts";
import { shapeOf } from "../model/shape.ts";
import { type ChangedNumber, changedInYaml } from "./changed-numbers.ts";
import { changedInJson, hasDuplicates, jsonProblem, keysOf } from "./json-text.ts";
import { decodeProtobuf, hasProtobuf, MalformedProtobuf } from "./protobuf/decode.ts";

const jsonTypes: ReadonlySet<string> = new Set(["application/json", ""]);
const yamlTypes: ReadonlySet<string> = new Set(["application/yaml", "application/x-yaml", "text/yaml"]);
const protobufType = "application/vnd.kubernetes.protobuf";

/** What a body should hold; `mayBeEmpty`: or nothing, which reads as null, whatever its type. */
export type Expected = { readonly kind: string; readonly schema: z.ZodType; readonly mayBeEmpty?: true };

export type Body = {
  readonly json: Json;
  /**
   * What a strict reader minds: the unknown fields it was told of, and the fields that stand twice, each in the words of
   * a warning, in the order in which they were sent.
   */
  problems(unknownFields: readonly string[]): readonly string[];
  /** What of `json` is not what was sent. */
  readonly changedNumbers: readonly ChangedNumber[];
};

/** The media type of a request, without parameters. */
export function mediaTypeOf(request: Request): string {
  return (request.headers.get("content-type") ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
}

/** The body as text. Throws RequestEntityTooLarge. */
export async function readText(request: Request, limitBytes = bodyBytes): Promise<string> {
  return decodeUtf8(await readBytes(request, limitBytes));
}

async function readBytes(request: Request, limitBytes: number): Promise<Uint8Array> {
  const declared = Number(request.headers.get("content-length") ?? 0);
  if (declared > limitBytes + discardedBytes) throw tooLarge(limitBytes);
  if (request.body === null) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body) {
    // A request body is a stream of bytes.
    const bytes = chunk as Uint8Array;
    size += bytes.byteLength;
    if (size > limitBytes + discardedBytes) break;
    if (size <= limitBytes) chunks.push(bytes);
  }
  if (size > limitBytes) throw tooLarge(limitBytes);
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

function tooLarge(limitBytes: number): ApiError {
  return new ApiError("RequestEntityTooLarge", `Request entity too large: limit is ${limitBytes}`);
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes);
  } catch {
    throw new ApiError("BadRequest", "the request body is not valid UTF-8");
  }
}

/** An object that a client sent. */
export async function readObject(request: Request, expected: Expected): Promise<Body> {
  const shape = shapeOf(expected.schema);
  const takesProtobuf = hasProtobuf(shape);
  const mediaType = mediaTypeOf(request);
  const isYaml = yamlTypes.has(mediaType);
  const isKnown = isYaml || jsonTypes.has(mediaType) || (takesProtobuf && mediaType === protobufType);
  if (!isKnown && expected.mayBeEmpty !== true) throw unknownFormat(takesProtobuf);
  const bytes = await readBytes(request, isYaml ? yamlBytes : bodyBytes);
  if (bytes.length === 0 && expected.mayBeEmpty === true)
    return { json: null, problems: unknownOnly, changedNumbers: [] };
  if (!isKnown) throw unknownFormat(takesProtobuf);
  if (isYaml) return yamlBody(decodeUtf8(bytes), expected.kind);
  if (!takesProtobuf || mediaType !== protobufType) return jsonBody(decodeUtf8(bytes), expected.kind);
  const json = protobufJson(() => decodeProtobuf(bytes, shape), bytes, expected.kind);
  return { json, problems: unknownOnly, changedNumbers: [] };
}

function unknownFormat(takesProtobuf: boolean): ApiError {
  return unsupportedMediaType(["application/json", "application/yaml", ...(takesProtobuf ? [protobufType] : [])]);
}

export function unsupportedMediaType(accepted: readonly string[]): ApiError {
  return new ApiError(
    "UnsupportedMediaType",
    `the body of the request was in an unknown format - accepted media types include: ${accepted.join(", ")}`,
  );
}

function protobufJson(decode: () => Json, bytes: Uint8Array, kind: string): Json {
  try {
    return decode();
  } catch (error) {
    if (error instanceof MalformedProtobuf) throw unreadable(kind, error.message, summaryOf(bytes));
    throw error;
  }
}

/** As `Body.problems`, where nothing can stand twice. */
export function unknownOnly(unknownFields: readonly string[]): readonly string[] {
  return unknownFields.map(unknownField);
}

function unknownField(path: string): string {
  return `unknown field ${JSON.stringify(path)}`;
}

function jsonBody(text: string, kind: string): Body {
  return {
    json: parseJson(text, kind),
    problems: (unknownFields) => problemsOfJson(text, unknownFields),
    changedNumbers: changedInJson(text),
  };
}

/** As `Body.problems`, for JSON. */
export function problemsOfJson(text: string, unknownFields: readonly string[]): readonly string[] {
  if (!hasDuplicates(text)) return unknownOnly(unknownFields);
  const unknown = new Set(unknownFields);
  const found = keysOf(text).flatMap(({ path, isDuplicate }) => {
    // What lies below an unknown field is not looked at.
    if (unknownFields.some((field) => path.startsWith(`${field}.`) || path.startsWith(`${field}[`))) return [];
    if (unknown.has(path)) return [unknownField(path)];
    return isDuplicate ? [`duplicate field ${JSON.stringify(path)}`] : [];
  });
  return [...new Set([...found, ...unknownOnly(unknownFields)])];
}

/** Throws BadRequest for what is no JSON, or nested too deep. */
export function parseJson(text: string, kind: string): Json {
  let value: Json;
  try {
    // JSON.parse yields JSON.
    value = JSON.parse(text) as Json;
  } catch (error) {
    const why = `couldn't get version/kind; json parse error: ${jsonProblem(text) ?? error}`;
    throw unreadable(kind, why, summaryOf(new TextEncoder().encode(text)));
  }
  if (depthOf(value, jsonDepth) > jsonDepth) {
    throw new ApiError("BadRequest", `${kind} is nested deeper than ${jsonDepth} levels`);
  }
  return value;
}

function yamlBody(text: string, kind: string): Body {
  const yaml = parseYaml(text);
  if ("problem" in yaml) {
    const summary = summaryOf(new TextEncoder().encode(text));
    throw unreadable(kind, `couldn't get version/kind; error converting YAML to JSON: ${yaml.problem}`, summary);
  }
  const { json, duplicates, changedNumbers } = yaml;
  return { json, problems: (unknownFields) => [...duplicates, ...unknownOnly(unknownFields)], changedNumbers };
}

type Yaml =
  | (Pick<Body, "json" | "changedNumbers"> & { readonly duplicates: readonly string[] })
  | { readonly problem: string };

function parseYaml(text: string): Yaml {
  const document = parseDocument(text, {
    uniqueKeys: false,
    prettyErrors: true,
    merge: false,
    version: "1.1",
    schema: "core",
  });
  const [problem] = document.errors;
  if (problem !== undefined) return { problem: problem.message };
  try {
    // With the core schema and string keys a document is JSON.
    const json = document.toJS({ maxAliasCount: yamlAliases, mapAsMap: false }) as Json;
    if (depthOf(json, jsonDepth) > jsonDepth) return { problem: `nested deeper than ${jsonDepth} levels` };
    return { json, duplicates: yamlDuplicates(document, text), changedNumbers: changedInYaml(document, text) };
  } catch (error) {
    return { problem: String(error) };
  }
}

/**
 * What somebody applies: YAML, which JSON is as well. The `problems` are keys that stand twice.
 * Throws BadRequest for what is neither.
 */
export async function readApplied(request: Request): Promise<Body> {
  const text = await readText(request);
  const json = text.startsWith("{") ? plainJson(text) : undefined;
  if (json !== undefined) return { json, problems: () => [], changedNumbers: changedInJson(text) };
  if (text.length > yamlBytes) throw tooLarge(yamlBytes);
  const yaml = parseYaml(text);
  if ("problem" in yaml) throw new ApiError("BadRequest", `error decoding YAML: ${yaml.problem}`);
  return { json: yaml.json, problems: () => yaml.duplicates, changedNumbers: yaml.changedNumbers };
}

/** Undefined for what is no JSON, too deep, or has a key twice: all that is for the reader of YAML to tell. */
function plainJson(text: string): Json | undefined {
  try {
    // JSON.parse yields JSON.
    const json = JSON.parse(text) as Json;
    return depthOf(json, jsonDepth) > jsonDepth || hasDuplicates(text) ? undefined : json;
  } catch {
    return undefined;
  }
}

/** Keys that stand twice in one mapping, in the words of Go's reader of YAML; all in one text. */
function yamlDuplicates(document: ReturnType<typeof parseDocument>, text: string): readonly string[] {
  const found: string[] = [];
  visit(document, {
    Map: (_key, map) => {
      if (!isMap(map)) return;
      const seen = new Set<string>();
      for (const { key } of map.items) {
        const name = String(key);
        const range = Reflect.get(Object(key), "range");
        const at = Array.isArray(range) ? Number(range[0]) : 0;
        const line = text.slice(0, at).split("\n").length;
        if (seen.has(name)) found.push(`  line ${line}: key ${JSON.stringify(name)} already set in map`);
        seen.add(name);
      }
    },
  });
  return found.length === 0 ? [] : [["yaml: unmarshal errors:", ...found].join("\n")];
}

const summaryBytes = 30;

/** The beginning of what was sent, as errors show it: JSON as text, anything else in hexadecimal. */
function summaryOf(bytes: Uint8Array): string {
  if (bytes.length === 0) return "<empty>";
  const shown = bytes.subarray(0, summaryBytes);
  const end = bytes.length > summaryBytes ? " ..." : "";
  if (bytes[0] === 0x7b) return `${new TextDecoder().decode(shown)}${end}`;
  return `${[...shown].map((byte) => byte.toString(16).padStart(2, "0")).join("")}${end}`;
}

function unreadable(kind: string, why: string, summary: string): ApiError {
  return new ApiError(
    "BadRequest",
    `the object provided is unrecognized (must be of type ${kind}): ${why} (${summary})`,
  );
}

/** How deep arrays and objects are nested; counts no further than just past `limit`. */
function depthOf(value: Json, limit: number): number {
  if (typeof value !== "object" || value === null) return 0;
  if (limit < 0) return 1;
  let deepest = 0;
  for (const part of Object.values(value)) deepest = Math.max(deepest, depthOf(part, limit - 1));
  return deepest + 1;
}
