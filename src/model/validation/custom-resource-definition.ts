// What a CustomResourceDefinition may say.
// Source: apiextensions-apiserver pkg/apis/apiextensions/validation/validation.go. The paths are those of the internal
// type, which are not always those of v1: `JSONPath`, `conversion.webhookClientConfig`.
import type { CustomResourceDefinition } from "../custom/definition.ts";
import type { Errors } from "./each.ts";
import { validateMetadata, validateMetadataUpdate } from "./metadata.ts";
import { dns1123Subdomain } from "./names.ts";

export function validateDefinition(definition: CustomResourceDefinition): Errors {
  const { spec, metadata } = definition;
  const required = `${spec.names.plural}.${spec.group}`;
  const check = (name: string) => [
    ...dns1123Subdomain(name),
    ...(name === required ? [] : ['must be spec.names.plural+"."+spec.group']),
  ];
  return validateMetadata(metadata, { namespaced: false, name: check });
}

export function validateDefinitionUpdate(definition: CustomResourceDefinition, old: CustomResourceDefinition): Errors {
  return validateMetadataUpdate(definition.metadata, old.metadata);
}

export function validateDefinitionStatusUpdate(
  definition: CustomResourceDefinition,
  old: CustomResourceDefinition,
): Errors {
  return validateMetadataUpdate(definition.metadata, old.metadata);
}
