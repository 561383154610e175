// The schema language of CustomResourceDefinitions: OpenAPI v3 with keywords of Kubernetes' own.
// Source: apiextensions.k8s.io/v1 JSONSchemaProps.
import * as z from "zod";

import type { Json } from "../fields.ts";
import { always, flag, int64, list, mapOf, omitempty, pointer, string, strings, struct, text } from "../fields.ts";

export const extensions = (name: string): string => `io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.${name}`;

const ValidationRule = struct(
  extensions("ValidationRule"),
  {
    rule: always(string, ""),
    message: text,
    messageExpression: text,
    reason: pointer(string),
    fieldPath: text,
    optionalOldSelf: pointer(z.boolean()),
  },
  {
    about: "A rule in CEL. Rules are kept and shown; they are not evaluated here.",
    rule: "The expression, which is to be true of the value.",
    message: "What to say when it is not.",
    messageExpression: "An expression that makes up what to say.",
    reason: "Which sort of mistake it is, for programs.",
    fieldPath: "The field to blame, relative to the value.",
    optionalOldSelf: "Whether rules about changes are for new objects too.",
  },
);

const ExternalDocumentation = struct(
  extensions("ExternalDocumentation"),
  { description: text, url: text },
  { about: "Where to read more.", description: "What is to be read there.", url: "The address." },
);

type Schemas = Readonly<Record<string, JsonSchemaProps>>;

/** Written out, for a type that contains itself cannot be inferred. */
export type JsonSchemaProps = {
  readonly id?: string | undefined;
  readonly $schema?: string | undefined;
  readonly $ref?: string | undefined;
  readonly description?: string | undefined;
  readonly type?: string | undefined;
  readonly format?: string | undefined;
  readonly title?: string | undefined;
  readonly default?: Json | undefined;
  readonly maximum?: number | undefined;
  readonly exclusiveMaximum?: boolean | undefined;
  readonly minimum?: number | undefined;
  readonly exclusiveMinimum?: boolean | undefined;
  readonly maxLength?: number | undefined;
  readonly minLength?: number | undefined;
  readonly pattern?: string | undefined;
  readonly maxItems?: number | undefined;
  readonly minItems?: number | undefined;
  readonly uniqueItems?: boolean | undefined;
  readonly multipleOf?: number | undefined;
  readonly enum?: readonly Json[] | undefined;
  readonly maxProperties?: number | undefined;
  readonly minProperties?: number | undefined;
  readonly required?: readonly string[] | undefined;
  readonly items?: JsonSchemaProps | readonly JsonSchemaProps[] | undefined;
  readonly allOf?: readonly JsonSchemaProps[] | undefined;
  readonly oneOf?: readonly JsonSchemaProps[] | undefined;
  readonly anyOf?: readonly JsonSchemaProps[] | undefined;
  readonly not?: JsonSchemaProps | undefined;
  readonly properties?: Schemas | undefined;
  readonly additionalProperties?: boolean | JsonSchemaProps | undefined;
  readonly patternProperties?: Schemas | undefined;
  readonly dependencies?: Readonly<Record<string, JsonSchemaProps | readonly string[]>> | undefined;
  readonly additionalItems?: boolean | JsonSchemaProps | undefined;
  readonly definitions?: Schemas | undefined;
  readonly externalDocs?: z.output<typeof ExternalDocumentation> | undefined;
  readonly example?: Json | undefined;
  readonly nullable?: boolean | undefined;
  readonly "x-kubernetes-preserve-unknown-fields"?: boolean | undefined;
  readonly "x-kubernetes-embedded-resource"?: boolean | undefined;
  readonly "x-kubernetes-int-or-string"?: boolean | undefined;
  readonly "x-kubernetes-list-map-keys"?: readonly string[] | undefined;
  readonly "x-kubernetes-list-type"?: string | undefined;
  readonly "x-kubernetes-map-type"?: string | undefined;
  readonly "x-kubernetes-validations"?: readonly z.output<typeof ValidationRule>[] | undefined;
};

// A schema contains schemas, and is read when the first of them is needed.
const nested: z.ZodType<JsonSchemaProps> = z.lazy(() => JsonSchemaProps);
const nestedOrBoolean = z.union([nested, z.boolean()]);
const number = z.number();
const anyJson = z.unknown().optional();

export const JsonSchemaProps: z.ZodType<JsonSchemaProps> = struct(
  extensions("JSONSchemaProps"),
  {
    id: text,
    $schema: text,
    $ref: pointer(string),
    description: text,
    type: text,
    format: text,
    title: text,
    default: anyJson,
    maximum: pointer(number),
    exclusiveMaximum: flag,
    minimum: pointer(number),
    exclusiveMinimum: flag,
    maxLength: pointer(int64),
    minLength: pointer(int64),
    pattern: text,
    maxItems: pointer(int64),
    minItems: pointer(int64),
    uniqueItems: flag,
    multipleOf: pointer(number),
    enum: omitempty(z.array(z.unknown())),
    maxProperties: pointer(int64),
    minProperties: pointer(int64),
    required: strings,
    items: pointer(z.union([nested, z.array(nested)])),
    allOf: list(nested),
    oneOf: list(nested),
    anyOf: list(nested),
    not: pointer(nested),
    properties: mapOf(nested),
    additionalProperties: pointer(nestedOrBoolean),
    patternProperties: mapOf(nested),
    dependencies: mapOf(z.union([nested, z.array(string)])),
    additionalItems: pointer(nestedOrBoolean),
    definitions: mapOf(nested),
    externalDocs: pointer(ExternalDocumentation),
    example: anyJson,
    nullable: flag,
    "x-kubernetes-preserve-unknown-fields": pointer(z.boolean()),
    "x-kubernetes-embedded-resource": flag,
    "x-kubernetes-int-or-string": flag,
    "x-kubernetes-list-map-keys": strings,
    "x-kubernetes-list-type": pointer(string),
    "x-kubernetes-map-type": pointer(string),
    "x-kubernetes-validations": list(ValidationRule, { mergeKey: "rule" }),
  },
  {
    about: "What a value may look like, in the words of OpenAPI v3.",
    id: "Not used.",
    $schema: "Not used.",
    $ref: "Not allowed: schemas stand where they are used.",
    description: "What the value is for; kubectl explain shows it.",
    type: "What sort of value it is: object, array, string, integer, number or boolean.",
    format: "How a text or number is written: date-time, int32, ipv4 and the like. Unknown ones are ignored.",
    title: "A short name for people.",
    default: "What the field is set to when it is absent.",
    maximum: "The highest number allowed.",
    exclusiveMaximum: "Whether maximum itself is too high.",
    minimum: "The lowest number allowed.",
    exclusiveMinimum: "Whether minimum itself is too low.",
    maxLength: "How many characters a text may have.",
    minLength: "How many characters a text must have.",
    pattern: "A regular expression (RE2) that a text must match somewhere.",
    maxItems: "How many elements a list may have.",
    minItems: "How many elements a list must have.",
    uniqueItems: "Not allowed to be true; see x-kubernetes-list-type.",
    multipleOf: "What a number must be a multiple of.",
    enum: "The values there are.",
    maxProperties: "How many keys a map may have.",
    minProperties: "How many keys a map must have.",
    required: "The fields that must be there.",
    items: "What the elements of a list look like.",
    allOf: "Schemas that must all hold.",
    oneOf: "Schemas of which exactly one must hold.",
    anyOf: "Schemas of which at least one must hold.",
    not: "A schema that must not hold.",
    properties: "The fields, by name.",
    additionalProperties: "What the values of a map look like.",
    patternProperties: "Not allowed.",
    dependencies: "Not allowed.",
    additionalItems: "Not allowed.",
    definitions: "Not allowed.",
    externalDocs: "Where to read more.",
    example: "A value, for people.",
    nullable: "Whether the value may be null.",
    "x-kubernetes-preserve-unknown-fields": "True: fields that the schema does not name are kept.",
    "x-kubernetes-embedded-resource": "True: the value is an object of the API, with apiVersion, kind and metadata.",
    "x-kubernetes-int-or-string": "True: the value is an integer or a text.",
    "x-kubernetes-list-map-keys": "The fields that tell the elements of a list of type map apart.",
    "x-kubernetes-list-type": "How a list is merged by server-side apply: atomic, set or map.",
    "x-kubernetes-map-type": "How an object is merged by server-side apply: granular or atomic.",
    "x-kubernetes-validations": "Rules in CEL. They are kept and shown; they are not evaluated here.",
  },
) as z.ZodType<JsonSchemaProps>; // Typed stub: the type above is the same one, written out.
