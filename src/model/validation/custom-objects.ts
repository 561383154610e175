// What holds for objects of custom kinds beside their schema's own words: elements of lists are told apart, objects inside
// of objects are whole, and numbers that can be scaled are numbers.
// Source: apiextensions-apiserver pkg/apiserver/schema listtype, objectmeta; pkg/registry/customresource/validator.go.
import type { JsonSchemaProps } from "../custom/json-schema-props.ts";
import { sortedJson } from "../custom/printer-columns.ts";
import { additionalOf, type Fields, isRecord, itemsOf, propertyOf } from "../custom/structural.ts";
import { decode } from "../decode.ts";
import type { FieldError } from "../field-error.ts";
import { duplicate, invalid, required } from "../field-error.ts";
import { ObjectMeta } from "../meta.ts";
import type { ScalePaths } from "../resource.ts";
import type { Errors } from "./each.ts";
import { noErrors } from "./each.ts";
import { validateMetadata } from "./metadata.ts";
import { dns1035Label, pathSegment } from "./names.ts";

type Visit = (value: unknown, schema: JsonSchemaProps, path: string) => Errors;

/** What `visit` finds at each value that the schema speaks of. */
function everywhere(value: unknown, schema: JsonSchemaProps | undefined, path: string, visit: Visit): Errors {
  if (schema === undefined) return noErrors;
  return [...visit(value, schema, path), ...below(value, schema, path, visit)];
}

function below(value: unknown, schema: JsonSchemaProps, path: string, visit: Visit): Errors {
  if (Array.isArray(value)) {
    const items = itemsOf(schema);
    return value.flatMap((element, index) => everywhere(element, items, `${path}[${index}]`, visit));
  }
  if (!isRecord(value)) return noErrors;
  return Object.entries(value).flatMap(([name, field]) => {
    const property = propertyOf(schema, name);
    if (property !== undefined) return everywhere(field, property, path === "" ? name : `${path}.${name}`, visit);
    return everywhere(field, additionalOf(schema), `${path}[${name}]`, visit);
  });
}

/** Lists whose elements are told apart hold none twice. */
export function validateLists(object: Fields, schema: JsonSchemaProps): Errors {
  return below(object, schema, "", (value, { "x-kubernetes-list-type": type, ...rest }, path) => {
    if (!Array.isArray(value)) return noErrors;
    if (type === "set") return repeated(value, path, (element) => element);
    if (type !== "map") return noErrors;
    const wrong = value.findIndex((element) => element !== null && !isRecord(element));
    if (wrong >= 0) {
      return [invalid(`${path}[${wrong}]`, value[wrong], "must be an object for an array of list-type map")];
    }
    const keys = rest["x-kubernetes-list-map-keys"] ?? [];
    return repeated(value, path, (element) => keysOf(element, keys));
  });
}

function keysOf(element: unknown, keys: readonly string[]): unknown {
  const given = isRecord(element) ? element : {};
  return Object.fromEntries(keys.flatMap((key) => (Object.hasOwn(given, key) ? [[key, given[key]]] : [])));
}

function repeated(list: readonly unknown[], path: string, keyOf: (element: unknown) => unknown): Errors {
  const times = new Map<string, number>();
  return list.flatMap((element, index) => {
    const key = keyOf(element);
    const text = sortedJson(key);
    const seen = (times.get(text) ?? 0) + 1;
    times.set(text, seen);
    return seen === 2 ? [duplicate(`${path}[${index}]`, key)] : [];
  });
}

/** Objects of the API inside of the object. */
export function validateEmbedded(object: Fields, schema: JsonSchemaProps): Errors {
  return below(object, schema, "", (value, part, path) =>
    part["x-kubernetes-embedded-resource"] === true && isRecord(value) ? validateInner(value, path) : noErrors,
  );
}

function validateInner(object: Fields, path: string): Errors {
  const { apiVersion, kind, metadata } = object;
  return [
    ...validateWord(apiVersion, `${path}.apiVersion`, (text) =>
      text.split("/").length > 2 ? `unexpected GroupVersion string: ${text}` : null,
    ),
    ...validateWord(kind, `${path}.kind`, (text) => {
      const problems = dns1035Label(text.toLowerCase());
      return problems.length === 0 ? null : `may have mixed case, but should otherwise match: ${problems.join(",")}`;
    }),
    ...(metadata === undefined ? [] : validateInnerMetadata(metadata, `${path}.metadata`)),
  ];
}

function validateWord(value: unknown, path: string, problemOf: (text: string) => string | null): Errors {
  if (value === undefined || value === "") return [required(path)];
  if (typeof value !== "string") return [invalid(path, value, "must be a string")];
  const problem = problemOf(value);
  return problem === null ? noErrors : [invalid(path, value, problem)];
}

function validateInnerMetadata(value: unknown, path: string): Errors {
  const decoded = decode<ObjectMeta>(ObjectMeta, value);
  if (!decoded.ok) return [invalid(path, value, decoded.message)];
  // A name is not asked for.
  const metadata = { ...decoded.object, name: decoded.object.name ?? "fakename" };
  const rules = { namespaced: metadata.namespace !== undefined, name: pathSegment };
  return validateMetadata(metadata, rules).map(
    (error): FieldError => ({
      ...error,
      field: error.field.replace(/^metadata/, path),
    }),
  );
}

const mostReplicas = 2_147_483_647;

/** What `/scale` shows is what it should be. */
export function validateScale(object: Fields, { specReplicas, statusReplicas, labelSelector }: ScalePaths): Errors {
  return [
    ...validateReplicas(object, specReplicas),
    ...validateReplicas(object, statusReplicas),
    ...(labelSelector === null ? [] : validateSelector(object, labelSelector)),
  ];
}

/** The value at a path such as `.spec.replicas`; undefined: there is none. */
export function simpleValueAt(object: Fields, path: string): unknown {
  return path
    .replace(/^\./, "")
    .split(".")
    .reduce<unknown>(
      (value, name) => (isRecord(value) && Object.hasOwn(value, name) ? value[name] : undefined),
      object,
    );
}

/** The object with a value at a path such as `.spec.replicas`. */
export function withSimpleValue(object: Fields, path: string, value: unknown): Fields {
  const [name = "", ...rest] = path.replace(/^\./, "").split(".");
  if (rest.length === 0) return { ...object, [name]: value };
  const inner = object[name];
  return { ...object, [name]: withSimpleValue(isRecord(inner) ? inner : {}, rest.join("."), value) };
}

function validateReplicas(object: Fields, path: string): Errors {
  const value = simpleValueAt(object, path);
  if (value === undefined) return noErrors;
  if (typeof value !== "number" || !Number.isInteger(value)) {
    const text = `${path} accessor error: ${JSON.stringify(value)} is of the type ${goType(value)}, expected int64`;
    return [invalid(path, 0, text)];
  }
  if (value < 0) return [invalid(path, value, "should be a non-negative integer")];
  return value > mostReplicas ? [invalid(path, value, `should be less than or equal to ${mostReplicas}`)] : noErrors;
}

function validateSelector(object: Fields, path: string): Errors {
  const value = simpleValueAt(object, path);
  if (value === undefined || typeof value === "string") return noErrors;
  const text = `${path} accessor error: ${JSON.stringify(value)} is of the type ${goType(value)}, expected string`;
  return [invalid(path, "", text)];
}

function goType(value: unknown): string {
  if (Array.isArray(value)) return "[]interface {}";
  switch (typeof value) {
    case "string":
      return "string";
    case "boolean":
      return "bool";
    case "number":
      return Number.isInteger(value) ? "int64" : "float64";
    default:
      return value === null ? "<nil>" : "map[string]interface {}";
  }
}
