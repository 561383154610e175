// Whether two pieces of an object mean the same. Both must have come out of a schema: then amounts are canonical and
// empty maps are gone, so a `{}` that is left is a struct somebody points to, which is not the same as nothing.
// Source: apimachinery pkg/api/equality Semantic.

/** Deep equality in which absent, null and the empty list are one. */
export function semanticEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (isNothing(a) || isNothing(b)) return isNothing(a) && isNothing(b);
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((element, index) => semanticEqual(element, b[index]));
  }
  if (typeof a !== "object" || typeof b !== "object" || Array.isArray(b)) return false;
  return a !== null && b !== null && equalFields(a, b);
}

function equalFields(a: object, b: object): boolean {
  for (const key in a) {
    if (!semanticEqual(Reflect.get(a, key), Object.hasOwn(b, key) ? Reflect.get(b, key) : undefined)) return false;
  }
  for (const key in b) {
    if (!Object.hasOwn(a, key) && !isNothing(Reflect.get(b, key))) return false;
  }
  return true;
}

function isNothing(value: unknown): boolean {
  return value === undefined || value === null || (Array.isArray(value) && value.length === 0);
}
