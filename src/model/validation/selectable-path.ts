// Which fields of a custom kind field selectors may ask for.
// Source: apiextensions-apiserver pkg/apis/apiextensions/validation, pkg/apiserver/schema/cel ValidFieldPath.
import type { JsonSchemaProps } from "../custom/json-schema-props.ts";
import { additionalOf, propertyOf } from "../custom/structural.ts";

/** What is wrong with a path such as `.spec.color`; null: nothing. */
export function validateSelectablePath(path: string, root: JsonSchemaProps): string | null {
  if (path.includes("[")) return "is an invalid path: array notation is not allowed";
  if (!path.startsWith(".")) return `is an invalid path: expected [ or . but got: ${path.split(".")[0]}`;
  const names = path.slice(1).split(".");
  let schema: JsonSchemaProps | undefined = root;
  for (const name of names) {
    if (name === "") return "is an invalid path: unexpected end of JSON path";
    schema = propertyOf(schema, name) ?? (schema?.properties === undefined ? additionalOf(schema) : undefined);
    if (schema === undefined) return "is an invalid path: does not refer to a valid field";
  }
  if (names[0] === "metadata") return "must not point to fields in metadata";
  if (["string", "boolean", "integer"].includes(schema?.type ?? "")) return null;
  return "must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.";
}
