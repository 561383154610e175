// How a field of the Kubernetes API is written down as a zod schema, so that what is stored and sent is what a Go
// server would store and send: zero values left out where upstream says `omitempty`, kept where it does not.
import * as z from "zod";

import { base64Problem, canonicalBase64 } from "./base64.ts";
import { canonicalQuantity, quantityProblem, roundUpToMilli } from "./quantity.ts";

/** JSON as it comes off the wire. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

function isZeroValue(value: unknown): boolean {
  if (value === "" || value === 0 || value === false || value === null || value === undefined) return true;
  if (Array.isArray(value)) return value.length === 0;
  return false;
}

function isEmptyMap(value: object): boolean {
  for (const _key in value) return false;
  return true;
}

/** An `omitempty` value field: absent and the zero value ("", 0, false, []) are the same, and are not stored. */
export function omitempty<T extends z.ZodType>(schema: T) {
  return schema.transform((value): z.output<T> | undefined => (isZeroValue(value) ? undefined : value)).optional();
}

/** A pointer field: absent or any value, zero included. */
export function pointer<T extends z.ZodType>(schema: T) {
  return schema.optional();
}

/** A pointer or list that upstream writes even when it is nil: absent and empty lists read as null. */
export function nullWhenAbsent<T extends z.ZodType>(schema: T) {
  return schema
    .optional()
    .transform((given): NonNullable<z.output<T>> | null =>
      given === undefined || given === null || (Array.isArray(given) && given.length === 0) ? null : given,
    );
}

/** A value field upstream always writes: absent reads as `zero`. */
export function always<T extends z.ZodType>(schema: T, zero: NonNullable<z.output<T>>) {
  const field = presentOr(schema, zero);
  return mandatory(Array.isArray(zero) ? field : withDefault(field, zero));
}

/** A field that OpenAPI lists among those that have to be given. That they are, validation sees to. */
export function mandatory<T extends z.ZodType>(field: T): T {
  return field.meta({ isMandatory: true });
}

/** As `always`, without telling: no public default. */
export function presentOr<T extends z.ZodType>(schema: T, value: NonNullable<z.output<T>>) {
  return schema.optional().transform((given): NonNullable<z.output<T>> => given ?? value);
}

/** A field whose default is public: server-side apply fills in the keys of list elements with it. */
export function withDefault<T extends z.ZodType>(field: T, value: unknown): T {
  // Not `default`, which zod leaves out of the schema of what goes into a transformation.
  return field.meta({ publicDefault: value });
}

/** A struct inside a struct, which Go always writes: absent reads as `{}` with the struct's own defaults. */
export function embedded<T extends z.ZodType>(schema: T) {
  // Typed stub: what a struct of optional fields makes of {} cannot be expressed for an open T.
  return schema.prefault({} as NonNullable<z.input<T>>);
}

/** A field the server fills in when it is absent or the zero value. */
export function defaulted<T extends z.ZodType>(schema: T, value: NonNullable<z.output<T>>) {
  return schema
    .optional()
    .transform(
      (given): NonNullable<z.output<T>> =>
        (given === undefined || isZeroValue(given) ? value : given) as NonNullable<z.output<T>>,
    );
}

/** A pointer field the server fills in when it is absent; zero values are kept. */
export function defaultedPointer<T extends z.ZodType>(schema: T, value: NonNullable<z.output<T>>) {
  return presentOr(schema, value);
}

export const string = z.string();
export const boolean = z.boolean();
export const int32 = z.int32();
export const int64 = z.int();

/** Text that is one of some values. That it is, validation sees to; OpenAPI lists them. */
export function oneOf(...values: readonly string[]) {
  return string.meta({ enum: [...values] });
}

/** Text, left out when empty. */
export const text = omitempty(string);
/** A switch, left out when false. */
export const flag = omitempty(boolean);
/** A list of strings, left out when empty. */
export const strings = omitempty(z.array(string));

/** Of a map or struct that has one owner as a whole in server-side apply; others have an owner for each field. */
const atomic = { "x-kubernetes-map-type": "atomic" } as const;

/** A map, left out when empty. */
export function mapOf<T extends z.ZodType>(value: T) {
  return omitemptyMap(z.record(string, value));
}

function omitemptyMap<T extends z.ZodType>(record: z.ZodRecord<typeof string, T>) {
  return record
    .transform((map): Record<string, z.output<T>> | undefined => (isEmptyMap(map) ? undefined : map))
    .optional();
}

/** A map of strings, left out when empty. */
export const stringMap = mapOf(string);

/** A map of strings that is applied as a whole (node selectors). */
export const atomicStringMap = omitemptyMap(z.record(string, string).meta(atomic));

export type ListOptions = {
  /** By which strategic merge patches pair the elements; absent: such a patch replaces the list whole. */
  readonly mergeKey?: string;
  /** Elements keep only the fields that such a patch names. */
  readonly retainKeys?: true;
  /** What tells elements apart in server-side apply, if not the merge key; empty: the list is applied as a whole. */
  readonly mapKeys?: readonly string[];
};

/** A list, left out when empty. Without options it is always replaced as a whole. */
export function list<T extends z.ZodType>(element: T, options: ListOptions = {}) {
  return omitempty(mergeable(z.array(element), options));
}

/** As `list`, for fields that upstream always writes. */
export function mergeable<T extends z.ZodType>(schema: T, options: ListOptions): T {
  const { mergeKey, retainKeys, mapKeys = mergeKey === undefined ? [] : [mergeKey] } = options;
  const listType = mapKeys.length === 0 ? "atomic" : "map";
  return schema.meta({
    "x-kubernetes-list-type": listType,
    ...(listType === "map" ? { "x-kubernetes-list-map-keys": mapKeys } : {}),
    ...(mergeKey === undefined ? {} : { "x-kubernetes-patch-merge-key": mergeKey }),
    ...(mergeKey === undefined ? {} : { "x-kubernetes-patch-strategy": retainKeys ? "merge,retainKeys" : "merge" }),
  });
}

/** A struct that strategic merge patches replace as a whole, or of which they keep only what they name. */
export function patchedBy<T extends z.ZodType>(field: T, strategy: "replace" | "retainKeys"): T {
  return field.meta({ "x-kubernetes-patch-strategy": strategy });
}

/** A list of which each element is there once, and of which many can own some. */
export const stringSet = z.array(string).meta({ "x-kubernetes-list-type": "set" });

/** A set of plain strings that patches merge (finalizers). */
export const mergedStrings = omitempty(
  z.array(string).meta({ "x-kubernetes-list-type": "set", "x-kubernetes-patch-strategy": "merge" }),
);

/** A point in time, RFC 3339, whole seconds. Source: apimachinery metav1.Time. */
export const time = z
  .string()
  .transform((value, context) => normalTime(value, context, 0))
  .meta({ format: "date-time" });

/** A point in time with microseconds. Source: apimachinery metav1.MicroTime. */
export const microTime = z
  .string()
  .transform((value, context) => normalTime(value, context, 6))
  .meta({ format: "date-time" });

const rfc3339 = /^(\d{4}-\d{2}-\d{2})[Tt](\d{2}:\d{2}:\d{2})(?:\.(\d+))?(?:[Zz]|([+-])(\d{2}):(\d{2}))$/;

function normalTime(value: string, context: z.RefinementCtx, fractionDigits: 0 | 6): string {
  const match = rfc3339.exec(value);
  const atMs = match === null ? Number.NaN : Date.parse(value);
  if (match === null || Number.isNaN(atMs)) {
    const shown = JSON.stringify(value);
    context.addIssue({
      code: "custom",
      message: `parsing time ${shown} as "2006-01-02T15:04:05Z07:00": cannot parse ${shown} as "2006"`,
    });
    return z.NEVER;
  }
  const seconds = new Date(atMs).toISOString().slice(0, 19);
  if (fractionDigits === 0) return `${seconds}Z`;
  return `${seconds}.${(match[3] ?? "").padEnd(6, "0").slice(0, 6)}Z`;
}

/**
 * A time that is a value field upstream, and therefore written as null while it is unset. Typed as optional, so that
 * objects made by hand may leave it out.
 */
function unsetAsNull<T extends typeof time>(schema: T) {
  // Typed stub: prefault makes the key required, which only holds for objects that went through the schema.
  return schema.nullable().prefault(null) as unknown as z.ZodOptional<z.ZodNullable<T>>;
}

export const timestamp = unsetAsNull(time);
export const microTimestamp = unsetAsNull(microTime);

/** An amount of a resource, in the canonical form a Go server answers with ("0.5" reads back as "500m"). */
export const quantity = z
  .union([z.string(), z.number()])
  .transform((value, context) => normalQuantity(value, context, canonicalQuantity));

const milliQuantity = z
  .union([z.string(), z.number()])
  .transform((value, context) => normalQuantity(value, context, roundUpToMilli));

function normalQuantity(
  value: string | number,
  context: z.RefinementCtx,
  normal: (value: string) => string | null,
): string {
  const canonical = normal(String(value));
  if (canonical !== null) return canonical;
  context.addIssue({ code: "custom", message: quantityProblem(String(value)) });
  return z.NEVER;
}

/** Amounts by resource name, left out when empty; rounded up to thousandths, as upstream's defaulting does. */
export const resourceList = mapOf(milliQuantity);

/** Bytes in base64. */
export const bytes = z.string().transform((value, context) => {
  const problem = base64Problem(value);
  if (problem === null) return canonicalBase64(value);
  context.addIssue({ code: "custom", message: problem });
  return z.NEVER;
});

/** A number or a text such as "25%". */
export const intOrString = z.union([int32, z.string()]).meta({ "x-kubernetes-int-or-string": true });
export type IntOrString = z.output<typeof intOrString>;

/** Texts and numbers with a meaning of their own, by the Go type that reads them. */
export const scalarGoTypes: ReadonlyMap<z.core.$ZodType, string> = new Map<z.core.$ZodType, string>([
  [time, "v1.Time"],
  [microTime, "v1.MicroTime"],
  [quantity, "resource.Quantity"],
  [milliQuantity, "resource.Quantity"],
  [intOrString, "intstr.IntOrString"],
  [bytes, "[]uint8"],
  [int32, "int32"],
  [int64, "int64"],
]);

/** What a struct and each of its fields is for, in a sentence or two: what `kubectl explain` prints. */
type Docs<Shape> = { readonly about: string } & {
  readonly [Field in Exclude<keyof Shape, CommonField<Shape>>]: string;
};

/** In kinds these two mean the same everywhere. */
type CommonField<Shape> = "metadata" extends keyof Shape ? "apiVersion" | "kind" : never;

const docsOfStructs = new WeakMap<z.core.$ZodType, Readonly<Record<string, string>>>();

/**
 * A struct of the API, known to OpenAPI, to error messages and to patches by its upstream name. `docs` says what it and
 * its fields are for.
 */
export function struct<Shape extends z.core.$ZodLooseShape>(id: string, shape: Shape, docs: Docs<Shape>) {
  const schema = z.strictObject(shape).meta({ id });
  docsOfStructs.set(schema, docs);
  return schema;
}

/** As `struct`, for structs that are applied as a whole: selectors and references. Upstream: structType=atomic. */
export function atomicStruct<Shape extends z.core.$ZodLooseShape>(id: string, shape: Shape, docs: Docs<Shape>) {
  const schema = z.strictObject(shape).meta({ id, ...atomic });
  docsOfStructs.set(schema, docs);
  return schema;
}

/** What a struct is for (`about`) and each of its fields; undefined for what is no struct. */
export function docsOf(schema: z.core.$ZodType): Readonly<Record<string, string>> | undefined {
  return docsOfStructs.get(schema);
}

/** Package prefixes of the upstream type names. */
export const core = (name: string): string => `io.k8s.api.core.v1.${name}`;
export const apps = (name: string): string => `io.k8s.api.apps.v1.${name}`;
export const meta = (name: string): string => `io.k8s.apimachinery.pkg.apis.meta.v1.${name}`;
