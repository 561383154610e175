// Whether an object is as the schema of its kind wants it.
// Source: kube-openapi pkg/validation/validate, pkg/validation/errors; apiextensions-apiserver pkg/apiserver/validation.

import { hasFormat, isKnownFormat } from "../custom/formats.ts";
import type { JsonSchemaProps } from "../custom/json-schema-props.ts";
import { patternMatches } from "../custom/pattern.ts";
import { sortedJson } from "../custom/printer-columns.ts";
import { additionalOf, type Fields, isRecord, itemsOf } from "../custom/structural.ts";
import type { FieldError } from "../field-error.ts";
import { invalid, notSupported, required, tooLong, tooMany, typeInvalid } from "../field-error.ts";
import type { Errors } from "./each.ts";

/** Where there is no field to blame. */
const nowhere = "<nil>";
/** How many pairs of a value and a schema are looked at, for hostile pairs of them multiply. */
const mostChecks = 300_000;
/** An answer with more would help nobody. */
const mostErrors = 200;

/** What is wrong with an object, by the schema of its kind. */
export function validateAgainst(object: Fields, schema: JsonSchemaProps): Errors {
  try {
    return new Checker().check(object, schema, "").errors.slice(0, mostErrors);
  } catch (error) {
    if (error instanceof Exhausted) return [invalid(nowhere, "", "the schema takes too long to be checked")];
    throw error;
  }
}

class Exhausted extends Error {}

type Outcome = {
  readonly errors: Errors /** How much was looked at: of several failures the one that went furthest is told. */;
  readonly matches: number;
};

class Checker {
  #checks = 0;

  check(value: unknown, schema: JsonSchemaProps, path: string): Outcome {
    this.#checks += 1;
    if (this.#checks > mostChecks) throw new Exhausted();
    const typeErrors = validateType(value, schema, path);
    if (value === null) return { errors: [...typeErrors, ...validateEnum(value, schema, path)], matches: 1 };
    const logic = this.#logic(value, schema, path);
    const parts = Array.isArray(value)
      ? this.#elements(value, schema, path)
      : isRecord(value)
        ? this.#fields(value, schema, path)
        : { errors: scalarErrors(value, schema, path), matches: 0 };
    const enumErrors = validateEnum(value, schema, path);
    // Lists are looked into before they are compared with the enum, objects after.
    const inner = isRecord(value) ? [...enumErrors, ...parts.errors] : [...parts.errors, ...enumErrors];
    return { errors: [...typeErrors, ...logic.errors, ...inner], matches: 1 + logic.matches + parts.matches };
  }

  #logic(value: unknown, schema: JsonSchemaProps, path: string): Outcome {
    const errors: FieldError[] = [];
    let matches = 0;
    const told = JSON.stringify(path);
    const fail = (text: string) => errors.push(invalid(nowhere, "", text));
    const add = (outcome: Outcome | undefined) => {
      errors.push(...(outcome?.errors ?? []));
      matches += outcome?.matches ?? 0;
    };
    if (schema.anyOf !== undefined) {
      const outcomes = this.#outcomes(value, schema.anyOf, path);
      const fits = outcomes.find(isGood);
      if (fits === undefined) fail(`${told} must validate at least one schema (anyOf)`);
      add(fits ?? furthest(outcomes));
    }
    if (schema.oneOf !== undefined) {
      const outcomes = this.#outcomes(value, schema.oneOf, path);
      const good = outcomes.filter(isGood);
      const found = good.length === 0 ? "Found none valid" : `Found ${good.length} valid alternatives`;
      if (good.length !== 1) fail(`${told} must validate one and only one schema (oneOf). ${found}`);
      add(good[0] ?? furthest(outcomes));
    }
    if (schema.allOf !== undefined) {
      const outcomes = this.#outcomes(value, schema.allOf, path);
      for (const outcome of outcomes) add(outcome);
      const good = outcomes.filter(isGood).length;
      const none = good === 0 ? ". None validated" : "";
      if (good < outcomes.length) fail(`${told} must validate all the schemas (allOf)${none}`);
    }
    if (schema.not !== undefined && isGood(this.check(value, schema.not, path))) {
      fail(`${told} must not validate the schema (not)`);
    }
    return { errors, matches };
  }

  #outcomes(value: unknown, schemas: readonly JsonSchemaProps[], path: string): readonly Outcome[] {
    return schemas.map((schema) => this.check(value, schema, path));
  }

  #elements(value: readonly unknown[], schema: JsonSchemaProps, path: string): Outcome {
    const items = itemsOf(schema);
    const outcomes = items === undefined ? [] : value.map((one, index) => this.check(one, items, `${path}[${index}]`));
    const { minItems, maxItems } = schema;
    const field = fieldAt(path);
    return {
      errors: [
        ...outcomes.flatMap(({ errors }) => errors),
        ...(minItems !== undefined && value.length < minItems
          ? [invalid(field, value.length, `${path} in body should have at least ${minItems} items`)]
          : []),
        ...(maxItems !== undefined && value.length > maxItems ? [tooMany(field, value.length, maxItems)] : []),
      ],
      matches: outcomes.reduce((sum, { matches }) => sum + matches, 0),
    };
  }

  #fields(value: Fields, schema: JsonSchemaProps, path: string): Outcome {
    const names = Object.keys(value);
    const { minProperties, maxProperties, properties = {} } = schema;
    if (minProperties !== undefined && names.length < minProperties) {
      const text = `${path} in body should have at least ${minProperties} properties`;
      return { errors: [invalid(fieldAt(path), names.length, text)], matches: 0 };
    }
    if (maxProperties !== undefined && names.length > maxProperties) {
      return { errors: [tooMany(fieldAt(path), names.length, maxProperties)], matches: 0 };
    }
    const additional = additionalOf(schema);
    const others = names.filter((name) => !Object.hasOwn(properties, name));
    const forbidden = schema.additionalProperties === false ? others : [];
    const outcomes = [
      ...(additional === undefined ? [] : others.map((name) => this.check(value[name], additional, `${path}.${name}`))),
      ...Object.entries(properties)
        .filter(([name]) => Object.hasOwn(value, name))
        .map(([name, property]) => this.check(value[name], property, path === "" ? name : `${path}.${name}`)),
    ];
    const missing = (schema.required ?? []).filter((name) => !Object.hasOwn(value, name));
    return {
      errors: [
        ...forbidden.map((name) => invalid(fieldAt(path), name, `${path}.${name} in body is a forbidden property`)),
        ...outcomes.flatMap(({ errors }) => errors),
        ...missing.map((name) => required(fieldAt(`${path}.${name}`))),
      ],
      matches: outcomes.reduce((sum, { matches }) => sum + matches, 0),
    };
  }
}

function isGood({ errors }: Outcome): boolean {
  return errors.length === 0;
}

function furthest(outcomes: readonly Outcome[]): Outcome | undefined {
  return outcomes.reduce<Outcome | undefined>(
    (best, outcome) => (best === undefined || outcome.matches > best.matches ? outcome : best),
    undefined,
  );
}

function fieldAt(path: string): string {
  const field = path.replace(/^\./, "");
  return field === "" ? nowhere : field;
}

/** What sort of JSON a value is, in the words of schemas. */
function typeOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return typeof value;
}

function validateType(value: unknown, schema: JsonSchemaProps, path: string): Errors {
  const wanted =
    schema["x-kubernetes-int-or-string"] === true
      ? ["integer", "string"]
      : schema.type === undefined
        ? []
        : [schema.type];
  const given = typeOf(value);
  const fits = wanted.includes(given) || (given === "integer" && wanted.includes("number"));
  if (wanted.length === 0 || fits || (given === "null" && schema.nullable === true)) return [];
  return [
    typeInvalid(fieldAt(path), given, `${path} in body must be of type ${wanted.join(",")}: ${JSON.stringify(given)}`),
  ];
}

function validateEnum(value: unknown, { enum: choices }: JsonSchemaProps, path: string): Errors {
  if (choices === undefined || choices.some((choice) => sortedJson(choice) === sortedJson(value))) return [];
  const supported = choices.map((choice) => (typeof choice === "string" ? choice : JSON.stringify(choice)));
  return [notSupported(fieldAt(path), value, supported)];
}

function scalarErrors(value: unknown, schema: JsonSchemaProps, path: string): Errors {
  if (typeof value === "number") return validateNumber(value, schema, path);
  if (typeof value !== "string") return [];
  return [...validateText(value, schema, path), ...validateFormat(value, schema, path)];
}

/** The first thing that is wrong with a text. */
function validateText(text: string, { maxLength, minLength, pattern }: JsonSchemaProps, path: string): Errors {
  const field = fieldAt(path);
  const length = maxLength === undefined && minLength === undefined ? 0 : [...text].length;
  if (maxLength !== undefined && length > maxLength) return [tooLong(field, maxLength)];
  if (minLength !== undefined && length < minLength) {
    return [invalid(field, text, `${path} in body should be at least ${minLength} chars long`)];
  }
  if (pattern === undefined) return [];
  const matches = patternMatches(pattern, text);
  if (matches === null)
    return [invalid(field, "", `${path} in body takes too long to be matched against '${pattern}'`)];
  return matches ? [] : [invalid(field, text, `${path} in body should match '${pattern}'`)];
}

function validateFormat(text: string, { format, type }: JsonSchemaProps, path: string): Errors {
  if (format === undefined || !isKnownFormat(format, type) || hasFormat(text, format, type)) return [];
  return [typeInvalid(fieldAt(path), text, `${path} in body must be of type ${format}: ${JSON.stringify(text)}`)];
}

function validateNumber(value: number, schema: JsonSchemaProps, path: string): Errors {
  const { multipleOf, maximum, minimum, exclusiveMaximum = false, exclusiveMinimum = false } = schema;
  const refuse = (text: string) => [invalid(fieldAt(path), value, `${path} in body should be ${text}`)];
  return [
    ...(multipleOf === undefined || isMultiple(value, multipleOf) ? [] : refuse(`a multiple of ${multipleOf}`)),
    ...(maximum !== undefined && (value > maximum || (exclusiveMaximum && value === maximum))
      ? refuse(`less than ${exclusiveMaximum ? "" : "or equal to "}${maximum}`)
      : []),
    ...(minimum !== undefined && (value < minimum || (exclusiveMinimum && value === minimum))
      ? refuse(`greater than ${exclusiveMinimum ? "" : "or equal to "}${minimum}`)
      : []),
  ];
}

/** As near as fractions come to it. */
function isMultiple(value: number, of: number): boolean {
  const times = of < 1 ? (1 / of) * value : value / of;
  return Math.abs(times - Math.round(times)) < 1e-9;
}
