import { describe, expect, it } from "vitest";

import { includeObjectOf, tableOf, toPartialObjectMetadata, toPartialObjectMetadataList } from "../../src/api/table.ts";
import { ApiError } from "../../src/model/api-error.ts";
import { decodeObject } from "../../src/model/decode.ts";
import type { KubeObject } from "../../src/model/meta.ts";
import { pods } from "../../src/model/pod.ts";
import type { Column } from "../../src/model/resource.ts";
import { resources } from "../../src/model/resources.ts";
import { harbours, ships } from "./small-resources.ts";

const nowMs = Date.parse("2026-01-01T01:00:00Z");
const victory: KubeObject = {
  apiVersion: "apps/v1",
  kind: "Ship",
  metadata: {
    name: "victory",
    namespace: "sea",
    resourceVersion: "7",
    creationTimestamp: "2026-01-01T00:00:00Z",
    labels: { a: "b" },
  },
  spec: { guns: 104 },
};
const columns: readonly Column<KubeObject>[] = [
  {
    name: "Name",
    type: "string",
    format: "name",
    description: "Which ship.",
    cell: ({ metadata }) => metadata.name ?? "",
  },
  {
    name: "Late",
    type: "boolean",
    priority: 1,
    description: "Whether it is late.",
    cell: (_ship, now) => now === nowMs,
  },
];
const printed = { ...ships, columns };
const request = {
  resource: printed,
  objects: [victory],
  includeObject: "Metadata",
  nowMs,
  metadata: { resourceVersion: "9" },
  describesColumns: true,
} as const;

it("tableOf gives each column its definition and each object its row", () => {
  expect(tableOf(request)).toEqual({
    kind: "Table",
    apiVersion: "meta.k8s.io/v1",
    metadata: { resourceVersion: "9" },
    columnDefinitions: [
      { name: "Name", type: "string", format: "name", description: "Which ship.", priority: 0 },
      { name: "Late", type: "boolean", format: "", description: "Whether it is late.", priority: 1 },
    ],
    rows: [
      {
        cells: ["victory", true],
        object: { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata: victory.metadata },
      },
    ],
  });
});

it("tableOf has name and age for kinds without columns", () => {
  const table = tableOf({ ...request, resource: harbours });
  expect(table.columnDefinitions?.map(({ name, format }) => [name, format])).toEqual([
    ["Name", "name"],
    ["Age", ""],
  ]);
  expect(table.rows[0]?.cells).toEqual(["victory", "60m"]);
});

it("tableOf has no columns in the later events of a watch, and no rows for an empty list", () => {
  const table = tableOf({ ...request, objects: [], describesColumns: false });
  expect(table.columnDefinitions).toBeNull();
  expect(table.rows).toEqual([]);
});

it("tableOf passes on what the list says of itself", () => {
  const metadata = { resourceVersion: "9", continue: "token", remainingItemCount: 3 };
  expect(tableOf({ ...request, metadata }).metadata).toEqual(metadata);
});

it("tableOf puts the conditions of an object on its row", () => {
  const completed = { type: "Completed", status: "True", reason: "Succeeded", message: "It is over." } as const;
  const resource = { ...printed, rowConditions: () => [completed] };
  expect(tableOf({ ...request, resource }).rows[0]?.conditions).toEqual([completed]);
  expect(tableOf(request).rows[0]).not.toHaveProperty("conditions");
});

describe("includeObject", () => {
  it.each([
    ["Object", victory],
    ["Metadata", toPartialObjectMetadata(victory)],
    ["None", null],
  ] as const)("%s decides what a row carries", (includeObject, object) => {
    expect(tableOf({ ...request, includeObject }).rows[0]?.object).toEqual(object);
  });

  it.each([
    [null, "Metadata"],
    ["", "Metadata"],
    ["Metadata", "Metadata"],
    ["Object", "Object"],
    ["None", "None"],
  ])("the parameter %j reads as %s", (parameter, include) => {
    expect(includeObjectOf(parameter)).toBe(include);
  });

  it("no other value is taken", () => {
    const message =
      "Unable to convert to Table as requested: includeObject: Invalid value: \"All\": must be 'Metadata', 'Object', 'None', or empty";
    expect(() => includeObjectOf("All")).toThrow(new ApiError("BadRequest", message));
  });
});

it("toPartialObjectMetadataList keeps metadata alone", () => {
  expect(toPartialObjectMetadataList([victory], { resourceVersion: "9" })).toEqual({
    kind: "PartialObjectMetadataList",
    apiVersion: "meta.k8s.io/v1",
    metadata: { resourceVersion: "9" },
    items: [{ kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata: victory.metadata }],
  });
});

it.each(resources.map((resource) => [resource.plural, resource] as const))(
  "the columns of %s begin with the name, unless what matters more comes first",
  (_plural, resource) => {
    const { columnDefinitions } = tableOf({ ...request, resource, objects: [] });
    const names = columnDefinitions?.filter(({ format }) => format === "name").map(({ name }) => name);
    expect(names).toEqual(["Name"]);
    expect(columnDefinitions?.every(({ priority }) => priority === 0 || priority === 1)).toBe(true);
  },
);

it("a completed pod's row says so", () => {
  const decoded = decodeObject(pods, {
    metadata: { name: "p" },
    spec: { containers: [{ name: "c" }] },
    status: { phase: "Succeeded" },
  });
  if (!decoded.ok) throw new Error(decoded.message);
  const { rows } = tableOf({ ...request, resource: pods, objects: [decoded.object] });
  expect(rows[0]?.cells.slice(0, 3)).toEqual(["p", "0/1", "Succeeded"]);
  expect(rows[0]?.conditions).toMatchObject([{ type: "Completed", status: "True", reason: "Succeeded" }]);
});
