// What a kind of object is to the API: its names, its schema, the rules of its writes and the columns of its table.
import type * as z from "zod";

import type { ResourceName } from "./api-error.ts";
import { qualifiedResource } from "./api-error.ts";
import type { JsonSchemaProps } from "./custom/json-schema-props.ts";
import type { Decoded } from "./decode.ts";
import type { FieldError } from "./field-error.ts";
import type { KubeObject } from "./meta.ts";
import type { Support } from "./support.ts";

export type Verb = "create" | "delete" | "deletecollection" | "get" | "list" | "patch" | "update" | "watch";

export type Cell = string | number | boolean | null;

export type Column<T> = {
  readonly name: string;
  readonly type: "boolean" | "date" | "integer" | "number" | "string";
  readonly format?: string;
  /** Above 0: shown in wide output only. */
  readonly priority?: number;
  readonly description: string;
  cell(object: T, nowMs: number): Cell;
};

export type Resource<T extends KubeObject = KubeObject> = {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  /** How far objects of the kind are more than kept. */
  readonly support: Support;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly namespaced: boolean;
  readonly verbs: readonly Verb[];
  readonly statusSubresource: boolean;
  /** An update of what is not there makes it. Upstream: AllowCreateOnUpdate of the kind's strategy. */
  readonly createsOnUpdate: boolean;
  /** Decodes what a client sent: checks types, fills in defaults. Unknown fields are issues of their own code. */
  readonly schema: z.ZodType<T>;
  /** How what a client sent is read; null: by the schema. */
  readonly decode: ((json: unknown) => Decoded<T>) | null;
  /** The resource whose objects these are, under other names; null: they are its own. */
  readonly keptAs: ResourceName | null;
  /** What is stored, as this version of the kind shows it. */
  fromStorage(stored: KubeObject): T;
  /** What of an object is stored. */
  toStorage(object: T): KubeObject;
  /** Where `/scale` finds what it shows; null: there is no such subresource. */
  readonly scale: ScalePaths | null;
  /** What those who use this version are told; null: nothing. */
  readonly deprecation: string | null;
  /** Of a kind that a CustomResourceDefinition adds. */
  readonly custom: CustomKind | null;
  /** Fields kept as they came, nulls included. */
  readonly rawFields: readonly string[];
  /** The object with what reading alone makes of it upstream: whoever writes it owns that as well. */
  completed(object: T): T;
  /** Checks a name; upstream's text for what is wrong with it, or null. */
  validateName(name: string): string | null;
  /** What the server sets or wipes on a new object. */
  prepareForCreate(object: T): T;
  /** What of a write to the main resource counts: status, generation and the like come from `old` or are computed. */
  prepareForUpdate(object: T, old: T): T;
  /** What of a write to `/status` counts. */
  prepareForStatusUpdate(object: T, old: T): T;
  /** Rules that hold for every object, new or changed. */
  validate(object: T): readonly FieldError[];
  /** Rules of creation alone; `validate` runs as well. */
  validateCreate(object: T): readonly FieldError[];
  /** Rules that hold between an object and its successor; `validate` runs as well. */
  validateUpdate(object: T, old: T): readonly FieldError[];
  /** All rules of a write to `/status`; neither `validate` nor `validateUpdate` runs. */
  validateStatusUpdate(object: T, old: T): readonly FieldError[];
  /** What whoever writes an object is told that is accepted all the same; `old` null: it is new. */
  warnings(object: T, old: T | null): readonly string[];
  /** Why an object may never be deleted; null: it may. */
  refuseDeletion(object: T): string | null;
  /** Subresources of which only a part of the object is written, beside `/status`, by name. */
  readonly parts: Readonly<Record<string, WrittenPart<T>>>;
  /** What field selectors can ask for, beyond metadata.name and metadata.namespace. */
  selectableFields(object: T): Readonly<Record<string, string>>;
  /** The names of those fields. */
  readonly selectableFieldNames: readonly string[];
  /** Under which of `selectableFields` those are found that have another name there. */
  readonly selectorNames: Readonly<Record<string, string>>;
  readonly columns: readonly Column<T>[];
  /** What the object's table row says besides its cells. */
  rowConditions(object: T): readonly RowCondition[];
};

/** What has to be known of a kind to read an object of it, be it that of a resource or of a subresource. */
export type Kind<T extends KubeObject = KubeObject> = Pick<
  Resource<T>,
  "group" | "version" | "kind" | "schema" | "decode" | "rawFields"
>;

type WrittenPart<T extends KubeObject> = {
  /** What of a write counts. */
  prepare(object: T, old: T): T;
  /** All rules of a write. */
  validate(object: T, old: T): readonly FieldError[];
};

/** Paths such as `.spec.replicas`. */
export type ScalePaths = {
  readonly specReplicas: string;
  readonly statusReplicas: string;
  /** Null: the object does not say. */
  readonly labelSelector: string | null;
};

type CustomKind = {
  /** What objects look like, as the definition has it. */
  readonly openApi: JsonSchemaProps;
  /** The definition is to go, and there are to be no new objects. */
  readonly isTerminating: boolean;
};

/** What discovery tells of a kind. */
export type ServedKind = Pick<
  Resource,
  | "group"
  | "version"
  | "kind"
  | "plural"
  | "singular"
  | "shortNames"
  | "categories"
  | "namespaced"
  | "verbs"
  | "statusSubresource"
  | "scale"
>;

export type RowCondition = {
  readonly type: "Completed";
  readonly status: "True";
  readonly reason: string;
  readonly message: string;
};

export const allVerbs: readonly Verb[] = [
  "create",
  "delete",
  "deletecollection",
  "get",
  "list",
  "patch",
  "update",
  "watch",
];

type Definition<T extends KubeObject> = Pick<
  Resource<T>,
  "group" | "version" | "kind" | "plural" | "schema" | "support"
> &
  Partial<Omit<Resource<T>, "schema">>;

/** A resource with everything that a passive kind leaves to the server filled in. */
export function defineResource<T extends KubeObject>(definition: Definition<T>): Resource<T> {
  return {
    singular: definition.kind.toLowerCase(),
    shortNames: [],
    categories: [],
    namespaced: true,
    verbs: allVerbs,
    statusSubresource: false,
    createsOnUpdate: false,
    rawFields: [],
    decode: null,
    keptAs: null,
    // Stored as what it is read as.
    fromStorage: (stored) => stored as T,
    toStorage: (object) => object,
    scale: null,
    deprecation: null,
    completed: (object) => object,
    custom: null,
    validateName: () => null,
    prepareForCreate: (object) => object,
    prepareForUpdate: (object) => object,
    prepareForStatusUpdate: (object, old) => ({ ...old, metadata: object.metadata, status: object["status"] }),
    validate: () => [],
    validateCreate: () => [],
    validateUpdate: () => [],
    validateStatusUpdate: () => [],
    warnings: () => [],
    refuseDeletion: () => null,
    parts: {},
    selectableFields: () => ({}),
    // Every object of the kind has the same ones, so the emptiest will do.
    selectableFieldNames: Object.keys(definition.selectableFields?.(definition.schema.parse({})) ?? {}),
    selectorNames: {},
    columns: [],
    rowConditions: () => [],
    ...definition,
  };
}

/** Under which name objects of the resource are stored and logged. */
export function storedResource(resource: ResourceName & { readonly keptAs?: ResourceName | null }): string {
  return qualifiedResource(resource.keptAs ?? resource);
}

/** All that field selectors can ask for. */
export function selectableFieldsOf<T extends KubeObject>(
  resource: Resource<T>,
  object: T,
): Readonly<Record<string, string>> {
  const { name = "", namespace = "" } = object.metadata;
  return { "metadata.name": name, "metadata.namespace": namespace, ...resource.selectableFields(object) };
}
