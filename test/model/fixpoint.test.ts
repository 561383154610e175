import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { decodeObject } from "../../src/model/decode.ts";
import { semanticEqual } from "../../src/model/equality.ts";
import { resources } from "../../src/model/resources.ts";
import type { Shape } from "../../src/model/shape.ts";
import { shapeOf } from "../../src/model/shape.ts";

const scalars: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  string: fc.constantFrom("", "a", "Always", "RollingUpdate", "nginx", "nginx:1"),
  bool: fc.boolean(),
  int32: fc.constantFrom(0, 1, -1, 2_147_483_647),
  int64: fc.constantFrom(0, 1, 9_007_199_254_740_991),
  "resource.Quantity": fc.constantFrom("0", "0.5", "1024Mi", "1e3", 5, "0.0001"),
  "intstr.IntOrString": fc.constantFrom(0, 1, "25%", ""),
  "v1.Time": fc.constantFrom("2026-01-01T00:00:00Z", "2026-01-01T01:00:00.5+02:00"),
  "v1.MicroTime": fc.constantFrom("2026-01-01T00:00:00.123456Z", "2026-01-01T00:00:00Z"),
  "[]uint8": fc.constantFrom("", "YQ==", "YR==", "YW\nJj"),
};

/** Any JSON that the shape accepts, nulls and empty things included. */
function jsonOf(shape: Shape, around: readonly Shape[] = []): fc.Arbitrary<unknown> {
  switch (shape.kind) {
    case "scalar":
      return fc.oneof({ weight: 9, arbitrary: scalars[shape.goType] ?? fc.constant("") }, fc.constant(null));
    case "list":
      return fc.array(jsonOf(shape.element, around), { maxLength: 2 });
    case "map":
      return fc.dictionary(fc.constantFrom("a", "b"), jsonOf(shape.value, around), { maxKeys: 2 });
    case "raw":
      return fc.constantFrom(null, { a: [null] }, "text");
    case "struct": {
      // A struct that contains itself does so once.
      if (around.includes(shape)) return fc.constant({});
      const fields = [...shape.fields].map(([name, field]) => [name, jsonOf(field, [...around, shape])] as const);
      return fc.record(Object.fromEntries(fields), { requiredKeys: [] });
    }
  }
}

describe.each(resources.map((resource) => [resource.kind, resource] as const))("%s", (_kind, resource) => {
  const json = jsonOf(shapeOf(resource.schema));

  it("decodes what it has decoded to the same", () => {
    fc.assert(
      fc.property(json, (given) => {
        const first = decodeObject(resource, given);
        expect(first).toMatchObject({ ok: true, unknownFields: [] });
        const object = first.ok ? first.object : null;
        const second = decodeObject(resource, JSON.parse(JSON.stringify(object)));
        expect(second).toStrictEqual({ ok: true, object, unknownFields: [] });
        expect(semanticEqual(second.ok ? second.object : null, object)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it("is prepared, checked and printed without trouble, whatever it is", () => {
    fc.assert(
      fc.property(json, json, (given, before) => {
        const [object, old] = [decodeObject(resource, given), decodeObject(resource, before)];
        if (!object.ok || !old.ok) return;
        const updated = resource.prepareForUpdate(object.object, old.object);
        resource.validate(resource.prepareForCreate(object.object));
        resource.validateCreate(object.object);
        resource.validateUpdate(updated, old.object);
        resource.validateStatusUpdate(resource.prepareForStatusUpdate(object.object, old.object), old.object);
        for (const column of resource.columns) expect(column.cell(object.object, 0)).not.toBeUndefined();
        for (const value of Object.values(resource.selectableFields(object.object))) expect(value).toBeTypeOf("string");
      }),
      { numRuns: 60 },
    );
  });
});
