// What a CustomResourceDefinition may say.
// Source: apiextensions-apiserver pkg/apis/apiextensions/validation/validation.go. Some paths are those of the internal
// type, which are not always those of v1: `JSONPath`, `conversion.webhookClientConfig`.
import { isConditionTrue } from "../custom/accepted-names.ts";
import type { CustomResourceDefinition, DefinitionVersion, Names, PrinterColumn } from "../custom/definition.ts";
import type { FieldError } from "../field-error.ts";
import { duplicate, forbidden, invalid, notSupported, required, tooMany } from "../field-error.ts";
import type { Errors } from "./each.ts";
import { eachOf, noErrors } from "./each.ts";
import { validateImmutable, validateMetadata, validateMetadataUpdate } from "./metadata.ts";
import { dns1035Label, dns1123Subdomain } from "./names.ts";
import { validateSelectablePath } from "./selectable-path.ts";
import { validateSchema } from "./structural-schema.ts";

const columnTypes = ["boolean", "date", "integer", "number", "string"];
const columnFormats = ["byte", "date", "date-time", "double", "float", "int32", "int64", "password"];
const mostSelectableFields = 8;

export function validateDefinition(definition: CustomResourceDefinition): Errors {
  const { spec, metadata, status } = definition;
  const wanted = `${spec.names.plural}.${spec.group}`;
  const check = (name: string) => [
    ...dns1123Subdomain(name),
    ...(name === wanted ? [] : ['must be spec.names.plural+"."+spec.group']),
  ];
  return [
    ...validateMetadata(metadata, { namespaced: false, name: check }),
    ...validateSpec(definition),
    ...validateNames(status.acceptedNames, "status.acceptedNames"),
    ...validateStoredVersions(definition),
  ];
}

/** Of new definitions alone: what an older one says may stay. */
export function validateNewDefinition({ spec, metadata }: CustomResourceDefinition): Errors {
  return validateApproval(spec.group, metadata.annotations?.[approvalAnnotation] ?? "");
}

export function validateDefinitionUpdate(definition: CustomResourceDefinition, old: CustomResourceDefinition): Errors {
  const { spec, metadata } = definition;
  const isEstablished = isConditionTrue(old, "Established");
  const approval = metadata.annotations?.[approvalAnnotation] ?? "";
  return [
    ...validateMetadataUpdate(metadata, old.metadata),
    ...(isEstablished
      ? [
          ...validateImmutable(spec.scope, old.spec.scope, "spec.scope"),
          ...validateImmutable(spec.names.kind, old.spec.names.kind, "spec.names.kind"),
        ]
      : noErrors),
    ...validateImmutable(spec.group, old.spec.group, "spec.group"),
    ...validateImmutable(spec.names.plural, old.spec.names.plural, "spec.names.plural"),
    ...(approval === (old.metadata.annotations?.[approvalAnnotation] ?? "")
      ? noErrors
      : validateApproval(spec.group, approval)),
  ];
}

export function validateDefinitionStatusUpdate(
  definition: CustomResourceDefinition,
  old: CustomResourceDefinition,
): Errors {
  return [
    ...validateMetadataUpdate(definition.metadata, old.metadata),
    ...validateNames(definition.status.acceptedNames, "status.acceptedNames"),
  ];
}

const approvalAnnotation = "api-approved.kubernetes.io";

/** The groups of Kubernetes itself are not for everybody. */
function validateApproval(group: string, approval: string): Errors {
  if (!/(?:^|\.)(?:k8s|kubernetes)\.io$/.test(group)) return noErrors;
  const path = `metadata.annotations[${approvalAnnotation}]`;
  const told = `protected groups must have approval annotation "${approvalAnnotation}"`;
  const see = "see https://github.com/kubernetes/enhancements/pull/1111";
  if (approval === "") return [required(path, `${told}, ${see}`)];
  if (approval.startsWith("unapproved") || /^[a-z][a-z0-9+.-]*:\/\/[^/]+/i.test(approval)) return noErrors;
  return [invalid(path, approval, `${told} with either a URL or a reason starting with "unapproved", ${see}`)];
}

function validateSpec({ spec }: CustomResourceDefinition): Errors {
  const versions = spec.versions ?? [];
  const names = versions.map(({ name }) => name);
  return [
    ...validateGroup(spec.group),
    ...validateScope(spec.scope),
    ...eachOf(versions, "spec.versions", validateVersion),
    ...(new Set(names).size < names.length
      ? [invalid("spec.versions", names, "must contain unique version names")]
      : noErrors),
    ...(versions.filter(({ storage }) => storage).length === 1
      ? noErrors
      : [invalid("spec.versions", names, "must have exactly one version marked as storage version")]),
    ...["plural", "singular", "kind", "listKind"].flatMap((name) =>
      Reflect.get(spec.names, name) === "" ? [required(`spec.names.${name}`)] : noErrors,
    ),
    ...validateNames(spec.names, "spec.names"),
    ...validateConversion(spec.conversion),
    ...(spec.preserveUnknownFields === true
      ? [
          invalid(
            "spec.preserveUnknownFields",
            true,
            "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead",
          ),
        ]
      : noErrors),
  ];
}

function validateGroup(group: string): Errors {
  const path = "spec.group";
  if (group === "") return [required(path)];
  const problems = dns1123Subdomain(group);
  if (problems.length > 0) return [invalid(path, group, problems.join(","))];
  return group.includes(".") ? noErrors : [invalid(path, group, "should be a domain with at least one dot")];
}

function validateScope(scope: string): Errors {
  if (scope === "") return [required("spec.scope")];
  const known = ["Cluster", "Namespaced"];
  return known.includes(scope) ? noErrors : [notSupported("spec.scope", scope, known)];
}

function validateVersion(version: DefinitionVersion, path: string): Errors {
  const problems = dns1035Label(version.name);
  const schema = version.schema?.openAPIV3Schema;
  const schemaPath = `${path}.schema.openAPIV3Schema`;
  return [
    ...(problems.length > 0 ? [invalid(`${path}.name`, version.name, problems.join(","))] : noErrors),
    ...(schema === undefined
      ? [required(schemaPath, "schemas are required")]
      : [...validateRoot(version, schemaPath), ...validateSchema(schema, schemaPath)]),
    ...validateScalePaths(version, `${path}.subresources`),
    ...eachOf(version.additionalPrinterColumns, `${path}.additionalPrinterColumns`, validateColumn),
    ...validateSelectableFields(version, `${path}.selectableFields`),
    ...validateDeprecation(version, path),
  ];
}

const rootFields = [
  "description",
  "type",
  "format",
  "title",
  "maximum",
  "exclusiveMaximum",
  "minimum",
  "exclusiveMinimum",
  "maxLength",
  "minLength",
  "pattern",
  "maxItems",
  "minItems",
  "uniqueItems",
  "multipleOf",
  "required",
  "items",
  "properties",
  "externalDocs",
  "example",
  "x-kubernetes-preserve-unknown-fields",
  "x-kubernetes-validations",
];
const rootFieldsInGo =
  "[Description Type Format Title Maximum ExclusiveMaximum Minimum ExclusiveMinimum MaxLength MinLength Pattern MaxItems MinItems UniqueItems MultipleOf Required Items Properties ExternalDocs Example XPreserveUnknownFields XValidations]";

/** Status is looked at by itself, so nothing is said at the root that would be lost then. */
function validateRoot({ subresources, schema }: DefinitionVersion, path: string): Errors {
  const root = schema?.openAPIV3Schema;
  if (subresources?.status === undefined || root === undefined) return noErrors;
  if (root.type !== undefined && root.type !== "object") {
    const why = 'only "object" is allowed as the type at the root of the schema if the status subresource is enabled';
    return [invalid(`${path}.type`, root.type, why)];
  }
  if (Object.keys(root).every((name) => rootFields.includes(name))) return noErrors;
  const why = `only ${rootFieldsInGo} fields are allowed at the root of the schema if the status subresource is enabled`;
  return [invalid(path, root, why)];
}

function validateNames(names: Names, path: string): Errors {
  const { plural, singular = "", kind, listKind = "", shortNames, categories } = names;
  const label = (value: string, field: string) => {
    const problems = value === "" ? [] : dns1035Label(value);
    return problems.length > 0 ? [invalid(`${path}.${field}`, value, problems.join(","))] : noErrors;
  };
  const mixed = (value: string, field: string) => {
    const problems = value === "" ? [] : dns1035Label(value.toLowerCase());
    const why = `may have mixed case, but should otherwise match: ${problems.join(",")}`;
    return problems.length > 0 ? [invalid(`${path}.${field}`, value, why)] : noErrors;
  };
  const each = (value: string, field: string) => {
    const problems = dns1035Label(value);
    return problems.length > 0 ? [invalid(field, value, problems.join(","))] : noErrors;
  };
  return [
    ...label(plural, "plural"),
    ...label(singular, "singular"),
    ...mixed(kind, "kind"),
    ...mixed(listKind, "listKind"),
    ...eachOf(shortNames, `${path}.shortNames`, each),
    ...(kind !== "" && kind === listKind
      ? [invalid(`${path}.listKind`, listKind, "kind and listKind may not be the same")]
      : noErrors),
    ...eachOf(categories, `${path}.categories`, each),
  ];
}

function validateColumn({ name, type, format, jsonPath }: PrinterColumn, path: string): Errors {
  const known = `must be one of ${columnTypes.join(",")}`;
  return [
    ...(name === "" ? [required(`${path}.name`)] : noErrors),
    ...(type === ""
      ? [required(`${path}.type`, known)]
      : columnTypes.includes(type)
        ? noErrors
        : [invalid(`${path}.type`, type, known)]),
    ...(format === undefined || columnFormats.includes(format)
      ? noErrors
      : [invalid(`${path}.format`, format, `must be one of ${columnFormats.join(",")}`)]),
    ...(jsonPath === "" ? [required(`${path}.JSONPath`)] : validateSimplePath(jsonPath, `${path}.JSONPath`)),
  ];
}

function validateSimplePath(value: string, path: string): Errors {
  return value.startsWith(".") ? noErrors : [invalid(path, value, "must be a simple json path starting with .")];
}

function validateScalePaths({ subresources }: DefinitionVersion, path: string): Errors {
  const scale = subresources?.scale;
  if (scale === undefined) return noErrors;
  const under = (value: string, field: string, roots: readonly string[], where: string) => {
    const place = `${path}.scale.${field}`;
    const errors = validateSimplePath(value, place);
    if (errors.length > 0 || roots.some((root) => value.startsWith(root))) return errors;
    return [invalid(place, value, `should be a json path under ${where}`)];
  };
  const { specReplicasPath, statusReplicasPath, labelSelectorPath = "" } = scale;
  return [
    ...(specReplicasPath === ""
      ? [required(`${path}.scale.specReplicasPath`)]
      : under(specReplicasPath, "specReplicasPath", [".spec."], ".spec")),
    ...(statusReplicasPath === ""
      ? [required(`${path}.scale.statusReplicasPath`)]
      : under(statusReplicasPath, "statusReplicasPath", [".status."], ".status")),
    ...(labelSelectorPath === ""
      ? noErrors
      : under(labelSelectorPath, "labelSelectorPath", [".spec.", ".status."], "either .spec or .status")),
  ];
}

function validateSelectableFields({ selectableFields = [], schema }: DefinitionVersion, path: string): Errors {
  const seen = new Set<string>();
  const errors = selectableFields.flatMap(({ jsonPath }, index): FieldError[] => {
    const place = `${path}[${index}].jsonPath`;
    if (jsonPath === "") return [required(place)];
    const problem = validateSelectablePath(jsonPath, schema?.openAPIV3Schema ?? {});
    if (problem !== null) return [invalid(place, jsonPath, problem)];
    if (seen.has(jsonPath)) return [duplicate(place, jsonPath)];
    seen.add(jsonPath);
    return [];
  });
  return seen.size > mostSelectableFields ? [...errors, tooMany(path, seen.size, mostSelectableFields)] : errors;
}

function validateDeprecation({ deprecated, deprecationWarning }: DefinitionVersion, path: string): Errors {
  if (deprecationWarning === undefined) return noErrors;
  const place = `${path}.deprecationWarning`;
  if (deprecated !== true) return [invalid(place, deprecationWarning, "can only be set for deprecated versions")];
  if (/^.{1,256}$/s.test(deprecationWarning)) return noErrors;
  return [invalid(place, deprecationWarning, "must be between 1 and 256 characters")];
}

function validateConversion({ strategy, webhook }: CustomResourceDefinition["spec"]["conversion"]): Errors {
  const path = "spec.conversion";
  const configPath = `${path}.webhookClientConfig`;
  const versionsPath = `${path}.conversionReviewVersions`;
  const versions = webhook?.conversionReviewVersions ?? [];
  if (strategy === "Webhook") {
    const { url, service } = webhook?.clientConfig ?? {};
    const known = ["v1", "v1beta1"];
    return [
      ...(webhook?.clientConfig === undefined
        ? [required(configPath, "required when strategy is set to Webhook")]
        : (url === undefined) === (service === undefined)
          ? [required(configPath, "exactly one of url or service is required")]
          : noErrors),
      ...(versions.length === 0
        ? [required(versionsPath)]
        : versions.some((version) => known.includes(version))
          ? noErrors
          : [invalid(versionsPath, versions.join(","), `must include at least one of ${known.join(", ")}`)]),
    ];
  }
  const why = "should not be set when strategy is not set to Webhook";
  return [
    ...(strategy === "None" ? noErrors : [notSupported(`${path}.strategy`, strategy, ["None", "Webhook"])]),
    ...(webhook?.clientConfig === undefined ? noErrors : [forbidden(configPath, why)]),
    ...(versions.length === 0 ? noErrors : [forbidden(versionsPath, why)]),
  ];
}

function validateStoredVersions({ spec, status }: CustomResourceDefinition): Errors {
  const path = "status.storedVersions";
  const stored = status.storedVersions ?? [];
  if (stored.length === 0) return [invalid(path, stored, "must have at least one stored version")];
  const versions = spec.versions ?? [];
  const storage = versions.find((version) => version.storage)?.name;
  return [
    ...(storage === undefined || stored.includes(storage)
      ? noErrors
      : [invalid(path, stored, `must have the storage version ${storage}`)]),
    ...stored.flatMap((name, index) => {
      if (versions.some((version) => version.name === name)) return noErrors;
      const why = `missing from spec.versions; ${name} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${name} and removes ${name} from status.storedVersions`;
      return [invalid(`${path}[${index}]`, name, why)];
    }),
  ];
}
