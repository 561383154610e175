// How answers are written: JSON or YAML, objects as they are, as tables or as bare metadata.
import { stringify } from "yaml";

import { goJson } from "../core/go-json.ts";
import type { ApiError } from "../model/api-error.ts";
import type { Representation } from "./negotiation.ts";
import { contentTypeOf } from "./negotiation.ts";

const json: Representation = { mediaType: "application/json", form: "plain" };

/** Security headers, and what keeps answers out of caches. */
const commonHeaders = { "cache-control": "no-cache, private", "x-content-type-options": "nosniff" } as const;

export type AnswerOptions = {
  readonly code?: number;
  readonly representation?: Representation;
  readonly headers?: Readonly<Record<string, string>>;
};

export function answer(value: unknown, options: AnswerOptions = {}): Response {
  return answerText(encode(value), options);
}

/** As `answer`, of what is JSON already. */
export function answerText(text: string, options: AnswerOptions = {}): Response {
  const { code = 200, representation = json, headers = {} } = options;
  const body = representation.mediaType === "application/yaml" ? stringify(JSON.parse(text)) : `${text}\n`;
  const response = new Response(body, {
    status: code,
    headers: { ...commonHeaders, ...headers, "content-type": contentTypeOf(representation) },
  });
  bodies.set(response, { body, isFixed: false });
  return response;
}

type Body = string | Uint8Array<ArrayBuffer>;

/** An answer that is sent as it is, byte by byte, whoever reads it; compressed like all others. */
export function answerDocument(body: Body, headers: Readonly<Record<string, string>>): Response {
  const response = new Response(body, { headers });
  bodies.set(response, { body, isFixed: true });
  return response;
}

/** What is in answers that have not gone out yet. */
const bodies = new WeakMap<Response, { readonly body: Body; readonly isFixed: boolean }>();

/**
 * Characters of text, or bytes: answers of this size are sent compressed to those who can read that.
 * Source: apiserver responsewriters.
 */
const compressedFrom = 128 * 1024;

/** An answer in the dress that its reader likes: with line breaks for people, compressed when it is large. */
export function dressed(request: Request, response: Response): Response {
  const written = bodies.get(response);
  if (written === undefined) return response;
  const { body, isFixed } = written;
  const isJson = (response.headers.get("content-type") ?? "").startsWith("application/json");
  const text = isJson && !isFixed && isForPeople(request) ? withLineBreaks(body) : body;
  const accepted = request.headers.get("accept-encoding") ?? "";
  const isCompressed = text.length > compressedFrom && /\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))/i.test(accepted);
  if (text === body && !isCompressed) return response;
  const { status, headers } = response;
  const other = new Response(text, { status, headers });
  if (isCompressed) {
    other.headers.set("content-encoding", "gzip");
    other.headers.append("vary", "Accept-Encoding");
  }
  return other;
}

function withLineBreaks(body: Body): Body {
  return typeof body === "string" ? `${JSON.stringify(JSON.parse(body), null, 2)}\n` : body;
}

/** Whoever asks for it, and the programs by which people look at answers themselves. */
function isForPeople(request: Request): boolean {
  const wish = new URL(request.url).searchParams.get("pretty") ?? "";
  if (wish !== "") return ["1", "t", "T", "TRUE", "true", "True"].includes(wish);
  return /^(curl|Wget|Mozilla\/5\.0)/.test(request.headers.get("user-agent") ?? "");
}

/** All warnings of an answer, and each of them where there are more. Source: apiserver filters/warning.go. */
const warningsCharacters = 4096;
const longWarningCharacters = 256;

/** The answer with warnings, which kubectl prints. */
export function withWarnings(response: Response, warnings: readonly string[]): Response {
  const texts = [...new Set(warnings)];
  const isTooMuch = texts.join("").length > warningsCharacters;
  let written = 0;
  for (const whole of texts) {
    const text = isTooMuch ? whole.slice(0, longWarningCharacters) : whole;
    written += text.length;
    if (written > warningsCharacters) break;
    response.headers.append("warning", `299 - "${headerText(text)}"`);
  }
  return response;
}

/** Text as it may stand between quotes in a header. */
function headerText(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, " ").replaceAll(/["\\]/g, "\\$&");
}

/** The answer to a request that is refused. */
export function refusal(error: ApiError): Response {
  const retryAfter = error.details?.retryAfterSeconds;
  return answer(error.status(), {
    code: error.code,
    ...(retryAfter === undefined ? {} : { headers: { "retry-after": String(retryAfter) } }),
  });
}

/** JSON of an answer. Clients compare the data of ControllerRevisions byte by byte, so that is written as Go does. */
export function encode(value: unknown): string {
  if (!isRecord(value)) return JSON.stringify(value);
  if (value["kind"] === "ControllerRevision") return revisionText(value);
  if (value["kind"] === "ControllerRevisionList" && Array.isArray(value["items"])) {
    const { items, ...list } = value;
    return withField(list, "items", `[${items.map((item) => revisionText(item)).join(",")}]`);
  }
  const { object, ...event } = value;
  return isRecord(object) && object["kind"] === "ControllerRevision"
    ? withField(event, "object", revisionText(object))
    : JSON.stringify(value);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function revisionText({ data, ...revision }: Readonly<Record<string, unknown>>): string {
  return withField(revision, "data", goJson(data));
}

/** The JSON of an object with one more field, whose JSON is given. */
function withField(object: Readonly<Record<string, unknown>>, name: string, text: string): string {
  const others = JSON.stringify(object).slice(1, -1);
  return `{${others}${others === "" ? "" : ","}"${name}":${text}}`;
}
