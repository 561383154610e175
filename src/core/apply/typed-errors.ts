// What is wrong with an object that somebody applies, by its types alone. The messages are those clients have long seen.
// Source: sigs.k8s.io/structured-merge-diff typed, validate.go and helpers.go.
import type { Json } from "../../model/fields.ts";
import { goText, isJsonArray, isJsonObject, member } from "../json.ts";
import { elementPath, type FieldType, fieldType, type ListType, type MapType, typeOf } from "./field-type.ts";
import { elementText } from "./path-element.ts";

type TypedError = { readonly path: string; readonly message: string };

/** Everything that is wrong with `value`, in one text; null when it is fit to be applied. */
export function typedProblem(type: FieldType, value: Json): string | null {
  const errors = check(type, value);
  const [only] = errors;
  if (only === undefined) return null;
  if (errors.length === 1) return errorText(only);
  return ["errors:", ...errors.map((error) => `  ${errorText(error)}`)].join("\n");
}

function errorText({ path, message }: TypedError): string {
  return path === "" ? message : `${path}: ${message}`;
}

function check(type: FieldType, value: Json): readonly TypedError[] {
  const known = typeOf(type, value);
  if (value === null) return [];
  switch (known.kind) {
    case "scalar":
      return checkScalar(known.of, value);
    case "list":
      return isJsonArray(value) ? checkElements(known, value) : wrong(`expected list, got &{${goText(value)}}`);
    case "map":
      return isJsonObject(value) ? checkFields(known, value) : wrong(`expected map, got &{${goText(value)}}`);
  }
}

function wrong(message: string): readonly TypedError[] {
  return [{ path: "", message }];
}

function checkScalar(of: "string" | "numeric" | "boolean" | "any", value: Json): readonly TypedError[] {
  switch (of) {
    case "any":
      return [];
    case "string":
      return typeof value === "string"
        ? []
        : wrong(`expected string, got &value.valueUnstructured{Value:${goSyntax(value)}}`);
    case "numeric":
      return typeof value === "number" ? [] : wrong(`expected numeric (int or float), got ${goType(value)}`);
    case "boolean":
      return typeof value === "boolean" ? [] : wrong(`expected boolean, got &{${goText(value)}}`);
  }
}

/** The first field that is not known ends the check, as it does upstream. */
function checkFields(type: MapType, value: { readonly [key: string]: Json }): readonly TypedError[] {
  const errors: TypedError[] = [];
  for (const name of Object.keys(value)) {
    if (type.values === null && !type.fields.has(name)) {
      errors.push({ path: `.${name}`, message: "field not declared in schema" });
      break;
    }
    errors.push(...prefixed(`.${name}`, check(fieldType(type, name), member(value, name) ?? null)));
  }
  return errors;
}

function checkElements(type: ListType, list: readonly Json[]): readonly TypedError[] {
  const errors: TypedError[] = [];
  const seen = new Set<string>();
  for (const [index, value] of list.entries()) {
    const found = type.keys === "atomic" ? { element: `i:${index}` } : elementPath(type, value);
    if ("problem" in found) {
      errors.push({ path: "", message: `element ${index}: ${found.problem}` });
      break;
    }
    const shown = elementText(found.element);
    if (seen.has(found.element)) errors.push({ path: "", message: `duplicate entries for key ${shown}` });
    seen.add(found.element);
    errors.push(...prefixed(shown, check(type.elements, value)));
  }
  return errors;
}

function prefixed(prefix: string, errors: readonly TypedError[]): readonly TypedError[] {
  return errors.map(({ path, message }) => ({ path: `${prefix}${path}`, message }));
}

/** A value as Go prints it with its types ("%#v"). */
function goSyntax(value: Json): string {
  if (value === null) return "interface {}(nil)";
  if (typeof value === "string") return JSON.stringify(value);
  if (isJsonArray(value)) return `[]interface {}{${value.map(goSyntax).join(", ")}}`;
  if (!isJsonObject(value)) return String(value);
  const fields = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `map[string]interface {}{${fields.map(([name, field]) => `${JSON.stringify(name)}:${goSyntax(field)}`).join(", ")}}`;
}

function goType(value: Json): string {
  if (isJsonArray(value)) return "[]interface {}";
  if (isJsonObject(value)) return "map[string]interface {}";
  return typeof value === "boolean" ? "bool" : "string";
}
