// Whether a schema of a CustomResourceDefinition is structural: each field has one place in it that says what it is, and
// whatever else is said of it only narrows that down.
// Source: apiextensions-apiserver pkg/apiserver/schema validation.go, complete.go; pkg/apis/apiextensions/validation.
import type { JsonSchemaProps } from "../custom/json-schema-props.ts";
import { patternProblem } from "../custom/pattern.ts";
import { additionalOf, itemsOf, keepsUnknown, propertyOf, withDefaults } from "../custom/structural.ts";
import type { FieldError } from "../field-error.ts";
import { forbidden, invalid, notSupported, required } from "../field-error.ts";
import { validateAgainst } from "./custom-resource.ts";
import type { Errors } from "./each.ts";
import { noErrors } from "./each.ts";

type Level = "root" | "item" | "field";

/** Schemas with more parts than this take too long to work with. */
const mostParts = 20_000;

/** What is wrong with the schema of a version. `path` is where it stands. */
export function validateSchema(schema: JsonSchemaProps, path: string): Errors {
  if (partsOf(schema) > mostParts) return [invalid(path, "", `must not have more than ${mostParts} parts`)];
  const plain = validatePlain(schema, path, { isNested: false });
  if (plain.length > 0) return plain;
  const structural = [...validateStructure(schema, path, "root"), ...validateCompleteness(schema, path)];
  // As upstream sorts them.
  const sorted = structural.toSorted((a, b) => compare(`${a.field}: ${a.body}`, `${b.field}: ${b.body}`));
  return sorted.length > 0 ? sorted : validateDefaults(schema, path, "root");
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

type Child = { readonly schema: JsonSchemaProps; readonly path: string };

/** The schemas of what a value contains. */
function contents(schema: JsonSchemaProps, path: string): readonly Child[] {
  const { properties = {} } = schema;
  const items = itemsOf(schema);
  const additional = additionalOf(schema);
  return [
    ...(items === undefined ? [] : [{ schema: items, path: `${path}.items` }]),
    ...Object.entries(properties).map(([name, property]) => ({
      schema: property,
      path: `${path}.properties[${name}]`,
    })),
    ...(additional === undefined ? [] : [{ schema: additional, path: `${path}.additionalProperties` }]),
  ];
}

/** The schemas that say more of the same value. */
function junctors({ anyOf = [], allOf = [], oneOf = [], not }: JsonSchemaProps, path: string): readonly Child[] {
  const listed = (name: string, schemas: readonly JsonSchemaProps[]) =>
    schemas.map((schema, index) => ({ schema, path: `${path}.${name}[${index}]` }));
  return [
    ...listed("anyOf", anyOf),
    ...listed("allOf", allOf),
    ...listed("oneOf", oneOf),
    ...(not === undefined ? [] : [{ schema: not, path: `${path}.not` }]),
  ];
}

function partsOf(schema: JsonSchemaProps): number {
  let count = 0;
  const open = [schema];
  for (let next = open.pop(); next !== undefined && count <= mostParts; next = open.pop()) {
    count += 1;
    open.push(...[...contents(next, ""), ...junctors(next, "")].map((child) => child.schema));
  }
  return count;
}

const unsupported = ["id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref"] as const;
const types = ["array", "boolean", "integer", "number", "object", "string"];

/** What is allowed nowhere. */
function validatePlain(schema: JsonSchemaProps, path: string, { isNested }: { readonly isNested: boolean }): Errors {
  const { type, nullable = false, uniqueItems = false, items, additionalProperties, properties = {} } = schema;
  const child = (name: string) => `${path}.${name}`;
  const isMap = additionalProperties === false || typeof additionalProperties === "object";
  const errors: FieldError[] = unsupported
    .filter((name) => schema[name] !== undefined)
    .map((name) => forbidden(child(name), `${name} is not supported`));
  if (type === "null")
    errors.push(forbidden(child("type"), "type cannot be set to null, use nullable as an alternative"));
  else if (type !== undefined && !types.includes(type)) errors.push(notSupported(child("type"), type, types));
  if (Array.isArray(items)) errors.push(forbidden(child("items"), "items must be a schema object and not an array"));
  if (uniqueItems) {
    const why = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic";
    errors.push(forbidden(child("uniqueItems"), why));
  }
  if (isMap && Object.keys(properties).length > 0) {
    errors.push(forbidden(child("additionalProperties"), "additionalProperties and properties are mutual exclusive"));
  }
  if (schema["x-kubernetes-preserve-unknown-fields"] === false) {
    errors.push(invalid(child("x-kubernetes-preserve-unknown-fields"), false, "must be true or undefined"));
  }
  if (nullable && isNested) errors.push(forbidden(child("nullable"), "must be false to be structural"));
  errors.push(...validateListType(schema, path), ...validateMapType(schema, path), ...validateRules(schema, path));
  for (const inner of contents(schema, path)) errors.push(...validatePlain(inner.schema, inner.path, { isNested }));
  for (const inner of junctors(schema, path))
    errors.push(...validatePlain(inner.schema, inner.path, { isNested: true }));
  return errors;
}

function validateListType(schema: JsonSchemaProps, path: string): Errors {
  const type = schema["x-kubernetes-list-type"];
  const keys = schema["x-kubernetes-list-map-keys"] ?? [];
  const typePath = `${path}.x-kubernetes-list-type`;
  const keysPath = `${path}.x-kubernetes-list-map-keys`;
  if (type === undefined) {
    if (keys.length === 0) return noErrors;
    return [required(typePath, "must be map if x-kubernetes-list-map-keys is non-empty")];
  }
  if (schema.type !== "array") {
    const why = "must be array if x-kubernetes-list-type is specified";
    return [schema.type === undefined ? required(`${path}.type`, why) : invalid(`${path}.type`, schema.type, why)];
  }
  if (!["atomic", "set", "map"].includes(type)) return [notSupported(typePath, type, ["atomic", "set", "map"])];
  if (type !== "map") {
    if (keys.length === 0) return noErrors;
    return [forbidden(typePath, "must be map if x-kubernetes-list-map-keys is non-empty")];
  }
  if (keys.length === 0) return [required(keysPath, "must not be empty if x-kubernetes-list-type is map")];
  return validateMapKeys(itemsOf(schema), keys, { path, keysPath });
}

type Places = { readonly path: string; readonly keysPath: string };

function validateMapKeys(
  items: JsonSchemaProps | undefined,
  keys: readonly string[],
  { path, keysPath }: Places,
): Errors {
  if (items === undefined) {
    return [required(`${path}.items`, "must have a schema if x-kubernetes-list-type is map")];
  }
  if (items.type !== "object") {
    return [
      invalid(`${path}.items.type`, items.type ?? "", "must be object if parent array's x-kubernetes-list-type is map"),
    ];
  }
  return keys.flatMap((key, index) => {
    const property = propertyOf(items, key);
    if (property === undefined) {
      const why = "entries must all be names of item properties";
      return [invalid(`${keysPath}[${index}]`, key, why)];
    }
    if (property.type === "object" || property.type === "array") {
      const why = "must be a scalar type if parent array's x-kubernetes-list-type is map";
      return [invalid(`${path}.items.properties[${key}].type`, property.type, why)];
    }
    if (property.default !== undefined || items.required?.includes(key) === true) return noErrors;
    const why = "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property";
    return [required(`${path}.items.properties[${key}].default`, why)];
  });
}

function validateMapType(schema: JsonSchemaProps, path: string): Errors {
  const type = schema["x-kubernetes-map-type"];
  if (type === undefined) return noErrors;
  if (type !== "atomic" && type !== "granular") {
    return [notSupported(`${path}.x-kubernetes-map-type`, type, ["atomic", "granular"])];
  }
  if (schema.type === "object") return noErrors;
  const why = "must be object if x-kubernetes-map-type is specified";
  return [schema.type === undefined ? required(`${path}.type`, why) : invalid(`${path}.type`, schema.type, why)];
}

function validateRules(schema: JsonSchemaProps, path: string): Errors {
  const rules = schema["x-kubernetes-validations"] ?? [];
  return rules.flatMap(({ rule, message }, index) => {
    const place = `${path}.x-kubernetes-validations[${index}]`;
    if (rule.trim() === "") return [required(`${place}.rule`, "rule is not specified")];
    if (message === undefined) return noErrors;
    if (message.trim() === "") return [invalid(`${place}.message`, message, "message must be non-empty if specified")];
    return message.includes("\n")
      ? [invalid(`${place}.message`, message, "message must not contain line breaks")]
      : noErrors;
  });
}

const typeMissing: Readonly<Record<Level, string>> = {
  root: "must not be empty at the root",
  item: "must not be empty for specified array items",
  field: "must not be empty for specified object fields",
};

/** Each value has a type, and nothing that narrows it down says anything else of it. */
function validateStructure(schema: JsonSchemaProps, path: string, level: Level): Errors {
  const { type, properties = {} } = schema;
  const items = itemsOf(schema);
  const additional = additionalOf(schema);
  const isObject = schema["x-kubernetes-embedded-resource"] === true;
  const isIntOrString = schema["x-kubernetes-int-or-string"] === true;
  const errors: FieldError[] = [];
  if (type === "array" && items === undefined) errors.push(required(`${path}.items`, "must be specified"));
  if (items !== undefined) errors.push(...validateStructure(items, `${path}.items`, "item"));
  for (const [name, property] of Object.entries(properties)) {
    errors.push(...validateStructure(property, `${path}.properties[${name}]`, "field"));
  }
  if (schema.additionalProperties !== undefined && level === "root") {
    errors.push(forbidden(`${path}.additionalProperties`, "must not be used at the root"));
  }
  if (additional !== undefined) errors.push(...validateStructure(additional, `${path}.additionalProperties`, "field"));
  if (isIntOrString && keepsUnknown(schema)) {
    const why = "must be false if x-kubernetes-int-or-string is true";
    errors.push(invalid(`${path}.x-kubernetes-preserve-unknown-fields`, true, why));
  }
  if (isIntOrString && isObject) {
    const why = "must be false if x-kubernetes-int-or-string is true";
    errors.push(invalid(`${path}.x-kubernetes-embedded-resource`, true, why));
  }
  errors.push(...validateNarrowing(schema, path));
  if (isObject && type !== "object") {
    const why = "must be object if x-kubernetes-embedded-resource is true";
    errors.push(type === undefined ? required(`${path}.type`, why) : invalid(`${path}.type`, type, why));
  } else if (type === undefined && !isIntOrString && !keepsUnknown(schema)) {
    errors.push(required(`${path}.type`, typeMissing[level]));
  }
  if (isObject && schema.additionalProperties !== undefined) {
    const why = "must not be used if x-kubernetes-embedded-resource is set";
    errors.push(forbidden(`${path}.additionalProperties`, why));
  }
  if (level === "root" && type !== undefined && type !== "object") {
    errors.push(invalid(`${path}.type`, type, "must be object at the root"));
  }
  if (isObject && !keepsUnknown(schema) && Object.keys(properties).length === 0) {
    const why =
      "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields";
    errors.push(required(`${path}.properties`, why));
  }
  return [...errors, ...validateCommonFields(schema, path, level)];
}

/** What is said of the fields that all objects have. */
function validateCommonFields(schema: JsonSchemaProps, path: string, level: Level): Errors {
  if (level !== "root" && schema["x-kubernetes-embedded-resource"] !== true) return noErrors;
  const errors = ["kind", "apiVersion"].flatMap((name) => {
    const property = propertyOf(schema, name);
    if (property === undefined || property.type === "string") return noErrors;
    return [invalid(`${path}.properties[${name}].type`, property.type ?? "", "must be string")];
  });
  const metadata = propertyOf(schema, "metadata");
  if (metadata === undefined) return errors;
  const metadataPath = `${path}.properties[metadata]`;
  if (metadata.type !== "object") {
    errors.push(invalid(`${metadataPath}.type`, metadata.type ?? "", "must be object"));
  }
  const { type: _type, default: _default, description: _description, properties = {}, ...others } = metadata;
  const isMore = Object.keys(properties).some((name) => name !== "name" && name !== "generateName");
  if (level === "root" && (isMore || Object.keys(others).length > 0)) {
    const why = "must not specify anything other than name and generateName, but metadata is implicitly specified";
    errors.push(forbidden(metadataPath, why));
  }
  return errors;
}

/** The two ways to say "a number or a text" beside x-kubernetes-int-or-string. */
function isIntOrStringChoice(choices: readonly JsonSchemaProps[] | undefined): boolean {
  return JSON.stringify(choices) === '[{"type":"integer"},{"type":"string"}]';
}

function validateNarrowing(schema: JsonSchemaProps, path: string): Errors {
  const { anyOf, allOf = [], pattern } = schema;
  const problem = pattern === undefined ? null : patternProblem(pattern);
  const [first] = allOf;
  return [
    ...junctors(schema, path).flatMap((inner) => {
      if (anyOf?.includes(inner.schema) && isIntOrStringChoice(anyOf)) return noErrors;
      if (inner.schema === first && isIntOrStringChoice(first.anyOf)) {
        const { anyOf: _choice, ...rest } = first;
        return validateNested(rest, inner.path);
      }
      return validateNested(inner.schema, inner.path);
    }),
    ...(problem === null
      ? []
      : [invalid(`${path}.pattern`, pattern, `must be a valid regular expression, but isn't: ${problem}`)]),
  ];
}

/** Keywords that say what a value is, and how a client that narrows it down is told that this is no place for them. */
const structuralKeywords = [
  ["type", "must be empty to be structural"],
  ["additionalProperties", "must be undefined to be structural"],
  ["default", "must be undefined to be structural"],
  ["title", "must be empty to be structural"],
  ["description", "must be empty to be structural"],
  ["nullable", "must be false to be structural"],
  ["x-kubernetes-preserve-unknown-fields", "must be false to be structural"],
  ["x-kubernetes-embedded-resource", "must be false to be structural"],
  ["x-kubernetes-int-or-string", "must be false to be structural"],
  ["x-kubernetes-list-map-keys", "must be empty to be structural"],
  ["x-kubernetes-list-type", "must be undefined to be structural"],
  ["x-kubernetes-map-type", "must be undefined to be structural"],
  ["x-kubernetes-validations", "must be empty to be structural"],
] as const;

function validateNested(schema: JsonSchemaProps, path: string): Errors {
  const inner = contents(schema, path).filter((child) => child.path !== `${path}.additionalProperties`);
  return [
    ...validateNarrowing(schema, path),
    ...inner.flatMap((child) => validateNested(child.schema, child.path)),
    ...structuralKeywords.flatMap(([keyword, why]) =>
      schema[keyword] === undefined ? [] : [forbidden(`${path}.${keyword}`, why)],
    ),
    ...(propertyOf(schema, "metadata") === undefined
      ? []
      : [forbidden(`${path}.properties[metadata]`, "must not be specified in a nested context")]),
  ];
}

/** What narrows down says nothing of fields that are not there otherwise. */
function validateCompleteness(schema: JsonSchemaProps, path: string): Errors {
  return [
    ...junctors(schema, path).flatMap((inner) =>
      validateMentioned(inner.schema, schema, { path: inner.path, of: path }),
    ),
    ...contents(schema, path).flatMap((inner) => validateCompleteness(inner.schema, inner.path)),
  ];
}

type Mention = { readonly path: string /** Where it should be said. */; readonly of: string };

function validateMentioned(nested: JsonSchemaProps, of: JsonSchemaProps | undefined, place: Mention): Errors {
  const items = itemsOf(nested);
  const own = itemsOf(of);
  return [
    ...(items === undefined
      ? []
      : own === undefined
        ? [required(`${place.of}.items`, `because it is defined in ${place.path}.items`)]
        : validateMentioned(items, own, { path: `${place.path}.items`, of: `${place.of}.items` })),
    ...Object.entries(nested.properties ?? {}).flatMap(([name, property]) => {
      const path = `${place.path}.properties[${name}]`;
      const known = propertyOf(of, name);
      const below = `${place.of}.properties[${name}]`;
      return known === undefined
        ? [required(below, `because it is defined in ${path}`)]
        : validateMentioned(property, known, { path, of: below });
    }),
    ...junctors(nested, place.path).flatMap((inner) =>
      validateMentioned(inner.schema, of, { path: inner.path, of: place.of }),
    ),
  ];
}

/** Defaults are values that the schema accepts. */
function validateDefaults(schema: JsonSchemaProps, path: string, level: Level): Errors {
  const errors: FieldError[] = [];
  if (schema.default !== undefined && schema.default !== null) {
    if (level === "root") errors.push(forbidden(`${path}.default`, "must not be set at the root"));
    else errors.push(...validateDefault(schema, `${path}.default`));
  }
  return [
    ...errors,
    ...contents(schema, path).flatMap((inner) =>
      inner.path === `${path}.properties[metadata]` && level === "root"
        ? noErrors
        : validateDefaults(inner.schema, inner.path, inner.path === `${path}.items` ? "item" : "field"),
    ),
  ];
}

function validateDefault(schema: JsonSchemaProps, path: string): Errors {
  // Checked as the only field of an object, so that a value that is no object has a path as well.
  const value = withDefaults({ value: schema.default }, { properties: { value: schema } });
  const found = validateAgainst(Object(value), { properties: { value: schema } });
  return found.map(({ field, body, ...error }) => ({
    ...error,
    field: field.replace(/^value/, path),
    // Upstream's texts know nothing of where the default stands.
    body: body.replace(/: value\.?(\S* in body )/, ": $1"),
  }));
}
