// What a schema says about a piece of JSON: which fields there are, of which Go type. Read off the zod schemas, so that
// decoding can tell unknown fields from null ones and word its errors as a Go server does.
import * as z from "zod";

import { scalarGoTypes } from "./fields.ts";

export type Shape =
  | {
      readonly kind: "struct";
      readonly goType: string;
      /** The struct's upstream name, with its package; `name` is the last part of it. */
      readonly id: string;
      readonly name: string;
      readonly fields: ReadonlyMap<string, Shape>;
    }
  | { readonly kind: "list"; readonly goType: string; readonly element: Shape }
  | { readonly kind: "map"; readonly goType: string; readonly value: Shape }
  | { readonly kind: "scalar"; readonly goType: string }
  /** JSON that is kept as it came. */
  | { readonly kind: "raw"; readonly goType: string };

const raw: Shape = { kind: "raw", goType: "interface {}" };

const shapes = new WeakMap<z.core.$ZodType, Shape>();

/** The shape of what `schema` accepts. */
export function shapeOf(schema: z.core.$ZodType): Shape {
  const known = shapes.get(schema);
  if (known !== undefined) return known;
  const shape = readShape(schema);
  shapes.set(schema, shape);
  return shape;
}

function readShape(schema: z.core.$ZodType): Shape {
  const goType = scalarGoTypes.get(schema);
  if (goType !== undefined) return { kind: "scalar", goType };
  // Typed stub: zod types a schema's definition by its concrete class, which is what the switch finds out.
  const { def } = (schema as z.core.$ZodTypes)._zod;
  switch (def.type) {
    case "optional":
    case "nullable":
    case "default":
    case "prefault":
      return shapeOf(def.innerType);
    case "lazy":
      return shapeOf(def.getter());
    case "pipe":
      return shapeOf(def.in);
    case "union":
      return unionShape(def.options);
    case "object":
      return structShape(schema, def.shape);
    case "array":
      return listShape(shapeOf(def.element));
    case "record":
      return mapShape(shapeOf(def.valueType));
    case "string":
      return { kind: "scalar", goType: "string" };
    case "boolean":
      return { kind: "scalar", goType: "bool" };
    case "number":
      return { kind: "scalar", goType: "int64" };
    default:
      return raw;
  }
}

/** Of what is a struct or something simpler, the struct. */
function unionShape(options: readonly z.core.$ZodType[]): Shape {
  return options.map(shapeOf).find(({ kind }) => kind === "struct") ?? raw;
}

function structShape(schema: z.core.$ZodType, members: z.core.$ZodShape): Shape {
  const id = z.globalRegistry.get(schema)?.id ?? "";
  const name = id.slice(id.lastIndexOf(".") + 1);
  const fields = new Map<string, Shape>();
  const shape: Shape = { kind: "struct", goType: `${id.split(".").at(-2) ?? ""}.${name}`, id, name, fields };
  // Known before it is filled, so that a struct that contains itself ends here.
  shapes.set(schema, shape);
  for (const [field, member] of Object.entries(members)) fields.set(field, shapeOf(member));
  return shape;
}

function listShape(element: Shape): Shape {
  return { kind: "list", goType: `[]${element.goType}`, element };
}

function mapShape(value: Shape): Shape {
  return { kind: "map", goType: `map[string]${value.goType}`, value };
}
