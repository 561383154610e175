// What object a client's JSON stands for, and what is wrong with it when it stands for none.
// Source: the behaviour of sigs.k8s.io/json, whose messages these follow.
import type * as z from "zod";

import { ApiError } from "./api-error.ts";
import type { KubeObject } from "./meta.ts";
import type { Kind } from "./resource.ts";
import type { Shape } from "./shape.ts";
import { shapeOf } from "./shape.ts";

export type Decoded<T> =
  /** `unknownFields`: paths such as `spec.template.spec.containers[0].foo`, in the order of the JSON. */
  | { readonly ok: true; readonly object: T; readonly unknownFields: readonly string[] }
  | { readonly ok: false; readonly message: string };

/**
 * Reads an object: nulls count as absent, unknown fields are left out and reported, defaults are filled in. A missing
 * apiVersion or kind is the resource's own.
 */
export function decodeObject<T extends KubeObject>(resource: Kind<T>, json: unknown): Decoded<T> {
  const decoded = resource.decode === null ? decode<T>(resource.schema, json) : resource.decode(json);
  if (!decoded.ok) return decoded;
  const { object, unknownFields } = decoded;
  const apiVersion = object.apiVersion || apiVersionOf(resource);
  return { ok: true, object: { ...object, apiVersion, kind: object.kind || resource.kind }, unknownFields };
}

/** As `decodeObject`, for any part of the API that has a schema. */
export function decode<T>(schema: z.ZodType<T>, json: unknown): Decoded<T> {
  const shape = shapeOf(schema);
  const unknownFields: string[] = [];
  const known = knownPart(json, shape, { path: "", unknownFields });
  const parsed = schema.safeParse(known);
  if (parsed.success) return { ok: true, object: withoutUndefined(parsed.data), unknownFields };
  const [issue] = parsed.error.issues;
  return { ok: false, message: issue === undefined ? "invalid" : issueText(issue, known, shape) };
}

export function apiVersionOf({ group, version }: { readonly group: string; readonly version: string }): string {
  return group === "" ? version : `${group}/${version}`;
}

type Place = { readonly path: string; readonly unknownFields: string[] };

/** The JSON without unknown fields and without nulls, which in Go leave a field at its zero value. */
function knownPart(json: unknown, shape: Shape, place: Place): unknown {
  switch (shape.kind) {
    case "struct":
      return isJsonObject(json) ? knownFields(json, shape.fields, place) : json;
    case "list":
      return Array.isArray(json) ? knownElements(json, shape.element, place) : json;
    case "map":
      return isJsonObject(json) ? knownValues(json, shape.value, place) : json;
    case "scalar":
    case "raw":
      return json;
  }
}

function knownFields(
  json: Readonly<Record<string, unknown>>,
  fields: ReadonlyMap<string, Shape>,
  { path, unknownFields }: Place,
): Record<string, unknown> {
  const known: Record<string, unknown> = {};
  for (const key of Object.keys(json)) {
    const field = fields.get(key);
    const fieldPath = path === "" ? key : `${path}.${key}`;
    if (field === undefined) unknownFields.push(fieldPath);
    else if (json[key] !== null || field.kind === "raw") {
      known[key] = knownPart(json[key], field, { path: fieldPath, unknownFields });
    }
  }
  return known;
}

function knownElements(json: readonly unknown[], element: Shape, { path, unknownFields }: Place): unknown[] {
  return json.map((value, index) =>
    value === null ? zeroOf(element) : knownPart(value, element, { path: `${path}[${index}]`, unknownFields }),
  );
}

function knownValues(
  json: Readonly<Record<string, unknown>>,
  value: Shape,
  { path, unknownFields }: Place,
): Record<string, unknown> {
  // Objects cannot hold it as they hold other keys, and what would be lost without a word is refused.
  if (Object.hasOwn(json, "__proto__")) {
    throw new ApiError("BadRequest", `${path}: the key "__proto__" cannot be kept`);
  }
  const known: Record<string, unknown> = {};
  for (const key of Object.keys(json)) {
    const given = json[key];
    known[key] = given === null ? zeroOf(value) : knownPart(given, value, { path: `${path}.${key}`, unknownFields });
  }
  return known;
}

function zeroOf(shape: Shape): unknown {
  switch (shape.kind) {
    case "struct":
    case "map":
      return {};
    case "list":
      return [];
    case "raw":
      return null;
    case "scalar":
      return zeroScalar(shape.goType);
  }
}

function zeroScalar(goType: string): unknown {
  if (goType === "v1.Time" || goType === "v1.MicroTime") return null;
  if (goType === "bool") return false;
  if (goType.startsWith("int")) return 0;
  return goType === "resource.Quantity" ? "0" : "";
}

function isJsonObject(json: unknown): json is Readonly<Record<string, unknown>> {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

/** Takes out the keys whose zero value the schema dropped. Changes `value`, which nobody else has seen yet. */
function withoutUndefined<T>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  // Typed stub: any object can be asked for its keys.
  const container = value as Record<string, unknown>;
  for (const key in container) {
    if (container[key] === undefined) delete container[key];
    else withoutUndefined(container[key]);
  }
  return value;
}

/** The issue as Go words it: which JSON could not go into which field of which struct. */
function issueText(issue: z.core.$ZodIssue, json: unknown, root: Shape): string {
  if (issue.code === "custom") return issue.message;
  const { value, shape, struct, fieldPath } = follow(issue.path, json, root);
  const ownReader = ownReaderText(shape.goType, value);
  if (ownReader !== null) return ownReader;
  const target = struct === "" ? "value" : `struct field ${struct}.${fieldPath}`;
  return `json: cannot unmarshal ${goKind(value, shape.goType)} into Go ${target} of type ${shape.goType}`;
}

/** Types that read their JSON themselves do not know which field they are read for. */
function ownReaderText(goType: string, value: unknown): string | null {
  switch (goType) {
    case "resource.Quantity":
      return "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
    case "intstr.IntOrString":
      return `json: cannot unmarshal ${goKind(value, "int32")} into Go value of type int32`;
    case "v1.Time":
    case "v1.MicroTime":
      return `json: cannot unmarshal ${goKind(value, "string")} into Go value of type string`;
    default:
      return null;
  }
}

type Found = {
  readonly value: unknown;
  readonly shape: Shape;
  /** Name of the innermost struct; empty at the root. */
  readonly struct: string;
  /** JSON keys from the root on, without indexes and map keys. */
  readonly fieldPath: string;
};

function follow(path: readonly PropertyKey[], json: unknown, root: Shape): Found {
  let value = json;
  let shape = root;
  let struct = "";
  const fields: string[] = [];
  for (const step of path) {
    value = typeof value === "object" && value !== null ? Reflect.get(value, step) : undefined;
    if (shape.kind === "struct") {
      struct = shape.name;
      fields.push(String(step));
      shape = shape.fields.get(String(step)) ?? shape;
    } else if (shape.kind === "list") shape = shape.element;
    else if (shape.kind === "map") shape = shape.value;
  }
  return { value, shape, struct, fieldPath: fields.join(".") };
}

function goKind(value: unknown, goType: string): string {
  if (Array.isArray(value)) return "array";
  switch (typeof value) {
    case "boolean":
      return "bool";
    case "number":
      return goType.startsWith("int") ? `number ${value}` : "number";
    case "string":
      return "string";
    default:
      return "object";
  }
}
