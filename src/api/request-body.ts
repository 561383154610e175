// What a client sent, within limits: JSON or YAML, never more and never deeper than the server is ready to hold.
import { parseDocument } from "yaml";

import { ApiError } from "../model/api-error.ts";
import type { Json } from "../model/fields.ts";
import { bodyBytes, jsonDepth, yamlAliases, yamlBytes } from "../model/limits.ts";

const jsonTypes: ReadonlySet<string> = new Set(["application/json", ""]);
const yamlTypes: ReadonlySet<string> = new Set(["application/yaml", "application/x-yaml", "text/yaml"]);

/** The media type of a request, without parameters. */
export function mediaTypeOf(request: Request): string {
  return (request.headers.get("content-type") ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
}

/** The body as text. Throws RequestEntityTooLarge. */
export async function readText(request: Request, limitBytes = bodyBytes): Promise<string> {
  const declared = Number(request.headers.get("content-length") ?? 0);
  if (declared > limitBytes) throw tooLarge(limitBytes);
  if (request.body === null) return "";
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body) {
    // A request body is a stream of bytes.
    const bytes = chunk as Uint8Array;
    size += bytes.byteLength;
    if (size > limitBytes) throw tooLarge(limitBytes);
    chunks.push(bytes);
  }
  return decodeUtf8(await new Blob(chunks).arrayBuffer());
}

function tooLarge(limitBytes: number): ApiError {
  return new ApiError("RequestEntityTooLarge", `Request entity too large: limit is ${limitBytes}`);
}

function decodeUtf8(bytes: ArrayBuffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes);
  } catch {
    throw new ApiError("BadRequest", "the request body is not valid UTF-8");
  }
}

/** An object sent as JSON or YAML. `kind` is what it should be, for the error. */
export async function readObject(request: Request, kind: string): Promise<Json> {
  const mediaType = mediaTypeOf(request);
  if (jsonTypes.has(mediaType)) return parseJson(await readText(request), kind);
  if (yamlTypes.has(mediaType)) return parseYaml(await readText(request, yamlBytes), kind);
  throw new ApiError(
    "UnsupportedMediaType",
    `the body of the request was in an unknown format - accepted media types include: application/json, application/yaml`,
  );
}

/** Throws BadRequest for what is no JSON, or nested too deep. */
export function parseJson(text: string, kind: string): Json {
  let value: Json;
  try {
    // JSON.parse yields JSON.
    value = JSON.parse(text) as Json;
  } catch (error) {
    throw unreadable(kind, String(error));
  }
  if (depthOf(value, jsonDepth) > jsonDepth) throw unreadable(kind, `nested deeper than ${jsonDepth} levels`);
  return value;
}

function parseYaml(text: string, kind: string): Json {
  const document = parseDocument(text, {
    uniqueKeys: true,
    prettyErrors: false,
    merge: false,
    version: "1.1",
    schema: "core",
  });
  const [problem] = document.errors;
  if (problem !== undefined) throw unreadable(kind, problem.message);
  try {
    // With the core schema and string keys a document is JSON.
    const value = document.toJS({ maxAliasCount: yamlAliases, mapAsMap: false }) as Json;
    if (depthOf(value, jsonDepth) > jsonDepth) throw new Error(`nested deeper than ${jsonDepth} levels`);
    return value;
  } catch (error) {
    throw unreadable(kind, String(error));
  }
}

function unreadable(kind: string, why: string): ApiError {
  return new ApiError("BadRequest", `the object provided is unrecognized (must be of type ${kind}): ${why}`);
}

/** How deep arrays and objects are nested; counts no further than just past `limit`. */
function depthOf(value: Json, limit: number): number {
  if (typeof value !== "object" || value === null) return 0;
  if (limit < 0) return 1;
  let deepest = 0;
  for (const part of Object.values(value)) deepest = Math.max(deepest, depthOf(part, limit - 1));
  return deepest + 1;
}
