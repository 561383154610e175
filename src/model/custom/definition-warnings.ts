// What the author of a CustomResourceDefinition should know: what of it is kept and shown, but has no effect here.
import type { CustomResourceDefinition } from "./definition.ts";
import { isKnownFormat } from "./formats.ts";
import type { JsonSchemaProps } from "./json-schema-props.ts";

export function definitionWarnings({ spec }: CustomResourceDefinition): readonly string[] {
  const schemas = (spec.versions ?? []).flatMap(({ schema }) => schema?.openAPIV3Schema ?? []).flatMap(everySchema);
  const rules = schemas.flatMap((schema) => schema["x-kubernetes-validations"] ?? []);
  const unknown = schemas.flatMap(({ format, type }) =>
    format === undefined || isKnownFormat(format, type) ? [] : [format],
  );
  return [
    ...[...new Set(unknown)].map((format) => `unrecognized format ${JSON.stringify(format)}`),
    ...(rules.length === 0 ? [] : [`x-kubernetes-validations: ${rules.length} CEL rules are kept but not evaluated`]),
    ...(spec.conversion.strategy === "Webhook"
      ? ["spec.conversion: webhooks are not called; only the storage version can be used"]
      : []),
  ];
}

/** A schema and all inside of it. */
function everySchema(schema: JsonSchemaProps): readonly JsonSchemaProps[] {
  const { items, additionalProperties, properties = {}, allOf = [], anyOf = [], oneOf = [], not } = schema;
  const inner = [items, additionalProperties, not, ...Object.values(properties), ...allOf, ...anyOf, ...oneOf].flat();
  return [schema, ...inner.flatMap((part) => (typeof part === "object" ? everySchema(part) : []))];
}
