// An object of a kind in which nothing is set, as a Go server would write it: what a new object is compared with to find
// out what its creator has set. Defaults are not in it, for they are set, if by the server.
import * as z from "zod";

import type { Json } from "./fields.ts";

const known = new WeakMap<z.core.$ZodType, { readonly [field: string]: Json }>();

/** `schema` is that of a struct. */
export function unsetObject(schema: z.core.$ZodType): { readonly [field: string]: Json } {
  const kept = known.get(schema);
  if (kept !== undefined) return kept;
  const unset = fieldsOf(schema);
  known.set(schema, unset);
  return unset;
}

function fieldsOf(schema: z.core.$ZodType): { readonly [field: string]: Json } {
  // Typed stub: zod types a schema's definition by its concrete class, which is what the switch finds out.
  const { def } = (schema as z.core.$ZodTypes)._zod;
  switch (def.type) {
    case "prefault":
      return fieldsOf(def.innerType);
    case "pipe":
      return fieldsOf(def.in);
    case "object": {
      const fields = Object.entries(def.shape).map(([name, field]) => [name, unsetField(field)] as const);
      return Object.fromEntries(fields.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
    }
    default:
      return {};
  }
}

/** Undefined for a field that is left out when it is not set. */
function unsetField(schema: z.core.$ZodType): Json | undefined {
  // Typed stub: as above.
  const { def } = (schema as z.core.$ZodTypes)._zod;
  if (def.type === "prefault") return def.defaultValue === null ? null : fieldsOf(def.innerType);
  if (def.type !== "pipe") return undefined;
  const publicDefault = z.globalRegistry.get(schema)?.["publicDefault"];
  if (publicDefault !== undefined) return publicDefault as Json; // `withDefault` writes JSON.
  const unset = z.safeParse(schema, undefined);
  const isNil = unset.success && (unset.data === null || (Array.isArray(unset.data) && unset.data.length === 0));
  return isNil ? null : undefined;
}
