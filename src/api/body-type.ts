// Whether a body says that it is what is expected, in the words of a server that knows the other kinds.
// Source: apiserver pkg/endpoints/handlers create.go; apimachinery pkg/runtime errors.go.

import { isJsonObject } from "../core/json.ts";
import { ApiError } from "../model/api-error.ts";
import { apiVersionOf } from "../model/decode.ts";
import type { Json } from "../model/fields.ts";
import type { Kind } from "../model/resource.ts";
import { resourceByKind } from "../model/resources.ts";

const typeMetaText = `struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }`;
const scheme = `in scheme "pkg/api/legacyscheme/scheme.go:30"`;

type Type = Pick<Kind, "group" | "version" | "kind">;

/** Throws BadRequest for what is no object, or one of another kind. */
export function checkType(resource: Type, json: Json): void {
  if (!isJsonObject(json)) throw noObject(resource, json, `Go value of type ${typeMetaText}`);
  const { kind = "", apiVersion = "" } = json;
  for (const [name, value] of Object.entries({ kind, apiVersion })) {
    if (typeof value !== "string" && value !== null)
      throw noObject(resource, value, `Go struct field .${name} of type string`);
  }
  const given = { kind: kind || resource.kind, apiVersion: apiVersion || apiVersionOf(resource) };
  if (given.kind === resource.kind && given.apiVersion === apiVersionOf(resource)) return;
  const isKnown = resourceByKind(String(given.apiVersion), String(given.kind)) !== undefined;
  if (isKnown && given.kind === resource.kind) {
    const expected = apiVersionOf(resource);
    throw new ApiError(
      "BadRequest",
      `the API version in the data (${given.apiVersion}) does not match the expected API version (${expected})`,
    );
  }
  const version = JSON.stringify(String(given.apiVersion).split("/").at(-1));
  const why = isKnown
    ? `converting (v1.${given.kind}) to (${packageOf(resource)}.${resource.kind}): unknown conversion`
    : `no kind ${JSON.stringify(given.kind)} is registered for version ${JSON.stringify(given.apiVersion)} ${scheme}`;
  throw new ApiError(
    "BadRequest",
    `${given.kind} in version ${version} cannot be handled as a ${resource.kind}: ${why}`,
  );
}

/** The Go package of the kind's internal type. */
function packageOf({ group }: Type): string {
  return group === "" ? "core" : (group.split(".")[0] ?? "");
}

function noObject({ kind }: Type, json: Json, where: string): ApiError {
  const text = JSON.stringify(json);
  const given = Array.isArray(json)
    ? "array"
    : typeof json === "boolean"
      ? "bool"
      : json === null
        ? "null"
        : typeof json;
  return new ApiError(
    "BadRequest",
    `the object provided is unrecognized (must be of type ${kind}): couldn't get version/kind; json parse error: json: cannot unmarshal ${given} into ${where} (${hex(text)})`,
  );
}

function hex(text: string): string {
  const bytes = new TextEncoder().encode(text);
  const shown = [...bytes.subarray(0, 30)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${shown}${bytes.length > 30 ? " ..." : ""}`;
}
