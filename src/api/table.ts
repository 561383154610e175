// Objects as rows, for people: what `kubectl get` prints. And objects as bare metadata, which rows carry along.
// Source: apimachinery meta/v1 Table, PartialObjectMetadata.
import { ApiError } from "../model/api-error.ts";
import type { KubeObject, ObjectMeta } from "../model/meta.ts";
import { ageColumn, nameColumn } from "../model/printing.ts";
import type { Cell, Column, Resource, RowCondition } from "../model/resource.ts";

const includes = ["Metadata", "Object", "None"] as const;
/** How much of its object a row carries: all of it is what `--sort-by` reads. */
export type IncludeObject = (typeof includes)[number];

/** What a list says of itself. Absent fields are left out of the answer. */
export type ListMetadata = {
  readonly resourceVersion?: string;
  readonly continue?: string;
  readonly remainingItemCount?: number;
};

export type PartialObjectMetadata = {
  readonly kind: "PartialObjectMetadata";
  readonly apiVersion: "meta.k8s.io/v1";
  readonly metadata: ObjectMeta;
};

type ColumnDefinition = {
  readonly name: string;
  readonly type: string;
  readonly format: string;
  readonly description: string;
  /** Never left out: kubectl takes a missing one for 0 and shows wide columns always. */
  readonly priority: number;
};

type Row = {
  readonly cells: readonly Cell[];
  readonly conditions?: readonly RowCondition[];
  readonly object: KubeObject | PartialObjectMetadata | null;
};

export type Table = {
  readonly kind: "Table";
  readonly apiVersion: "meta.k8s.io/v1";
  readonly metadata: ListMetadata;
  readonly columnDefinitions: readonly ColumnDefinition[] | null;
  readonly rows: readonly Row[];
};

type Printable<T extends KubeObject> = Pick<Resource<T>, "columns" | "rowConditions">;

type TableRequest<T extends KubeObject> = {
  readonly resource: Printable<T>;
  readonly objects: readonly T[];
  readonly includeObject: IncludeObject;
  readonly nowMs: number;
  /** Of a single object: its own resourceVersion. */
  readonly metadata: ListMetadata;
  /** False for all events of a watch but the first: clients keep the columns. */
  readonly describesColumns: boolean;
};

/** The table of some objects of one resource. */
export function tableOf<T extends KubeObject>(request: TableRequest<T>): Table {
  const { resource, objects, includeObject, nowMs, metadata, describesColumns } = request;
  const columns = columnsOf(resource);
  return {
    kind: "Table",
    apiVersion: "meta.k8s.io/v1",
    metadata,
    columnDefinitions: describesColumns ? columns.map(definitionOf) : null,
    rows: objects.map((object) => {
      const conditions = resource.rowConditions(object);
      return {
        cells: columns.map((column) => column.cell(object, nowMs)),
        ...(conditions.length === 0 ? {} : { conditions }),
        object: includedObject(object, includeObject),
      };
    }),
  };
}

type BookmarkRequest = {
  readonly resource: Printable<KubeObject>;
  /** With nothing but its metadata. */
  readonly object: KubeObject;
  readonly includeObject: IncludeObject;
  readonly describesColumns: boolean;
};

/** How a watch that tells tables says how far it has come: a row without cells, whose object bears the annotations. */
export function bookmarkTable({ resource, object, includeObject, describesColumns }: BookmarkRequest): Table {
  const { resourceVersion } = object.metadata;
  return {
    kind: "Table",
    apiVersion: "meta.k8s.io/v1",
    metadata: resourceVersion === undefined ? {} : { resourceVersion },
    columnDefinitions: describesColumns ? columnsOf(resource).map(definitionOf) : null,
    rows: [{ cells: columnsOf(resource).map(() => null), object: includedObject(object, includeObject) }],
  };
}

/** Reads the query parameter `includeObject`. Throws BadRequest for a value it cannot have. */
export function includeObjectOf(parameter: string | null): IncludeObject {
  if (parameter === null || parameter === "") return "Metadata";
  const include = includes.find((candidate) => candidate === parameter);
  if (include !== undefined) return include;
  const shown = `includeObject: Invalid value: ${JSON.stringify(parameter)}`;
  const problem = `${shown}: must be 'Metadata', 'Object', 'None', or empty`;
  throw new ApiError("BadRequest", `Unable to convert to Table as requested: ${problem}`);
}

export function toPartialObjectMetadata({ metadata }: KubeObject): PartialObjectMetadata {
  return { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata };
}

export function toPartialObjectMetadataList(objects: readonly KubeObject[], metadata: ListMetadata) {
  return {
    kind: "PartialObjectMetadataList",
    apiVersion: "meta.k8s.io/v1",
    metadata,
    items: objects.map(toPartialObjectMetadata),
  } as const;
}

function columnsOf<T extends KubeObject>(resource: Printable<T>): readonly Column<T>[] {
  return resource.columns.length === 0 ? [nameColumn, ageColumn] : resource.columns;
}

function definitionOf<T>({ name, type, format, description, priority }: Column<T>): ColumnDefinition {
  return { name, type, format: format ?? "", description, priority: priority ?? 0 };
}

function includedObject(object: KubeObject, includeObject: IncludeObject): Row["object"] {
  switch (includeObject) {
    case "Metadata":
      return toPartialObjectMetadata(object);
    case "Object":
      return object;
    case "None":
      return null;
    default:
      return includeObject satisfies never;
  }
}
