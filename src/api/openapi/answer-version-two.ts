// `/openapi/v2`, as JSON or as Protocol Buffers: which of them the client likes better.
import { ApiError } from "../../model/api-error.ts";
import type { Resource } from "../../model/resource.ts";
import { answerDocument } from "../answer.ts";
import { entityTag, isUnchanged, type OpenApiDocument, openApiVersionTwo } from "../openapi.ts";
import { documentBytes } from "./document-bytes.ts";

/** The name that clients ask by has an @, which no media type can have; answers go by the other one. */
const binaryTypes = [
  "application/com.github.proto-openapi.spec.v2@v1.0+protobuf",
  "application/com.github.proto-openapi.spec.v2.v1.0+protobuf",
] as const;
const jsonTypes = ["application/json", "application/*", "*/*"];

const written = new WeakMap<OpenApiDocument, Uint8Array<ArrayBuffer>>();

/** Throws NotAcceptable when the client wants neither. */
export function answerVersionTwo(resources: readonly Resource[], request: Request): Response {
  const form = formFor(request.headers.get("accept") ?? "*/*");
  const document = openApiVersionTwo(resources);
  const isBinary = form === "binary";
  const tagged = isBinary ? { ...document, hash: `${document.hash}B` } : document;
  const headers = {
    "content-type": isBinary ? binaryTypes[1] : "application/json",
    etag: entityTag(tagged),
    "cache-control": "no-cache, private",
    vary: "Accept",
  };
  if (isUnchanged(request.headers.get("if-none-match"), tagged)) return new Response(null, { status: 304, headers });
  return answerDocument(isBinary ? bytesOf(document) : document.text, headers);
}

function formFor(accept: string): "binary" | "json" {
  for (const clause of accept.split(",")) {
    const [type = ""] = clause.split(";").map((part) => part.trim().toLowerCase());
    if (binaryTypes.some((binary) => binary === type)) return "binary";
    if (jsonTypes.includes(type)) return "json";
  }
  const accepted = ["application/json", binaryTypes[0]].join(", ");
  throw new ApiError("NotAcceptable", `only the following media types are accepted: ${accepted}`);
}

function bytesOf(document: OpenApiDocument): Uint8Array<ArrayBuffer> {
  const bytes = written.get(document) ?? documentBytes(JSON.parse(document.text));
  written.set(document, bytes);
  return bytes;
}
