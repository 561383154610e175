// The OpenAPI documents of all groups and versions as one, in the older form: version 2, also called Swagger. kubectl up to
// 1.28 reads it before all else, later ones for manifests of kind List.
// Source: the OpenAPI v2 document of Kubernetes 1.32; kube-openapi pkg/schemaconv.

import { isJsonObject, type JsonObject, member } from "../../core/json.ts";
import type { Json } from "../../model/fields.ts";
import { schemaNames } from "./standard-schemas.ts";

const methods = ["get", "put", "post", "patch", "delete"];

/** `documents`: those of version 3. A schema that several have is the same in all of them. */
export function versionTwo(documents: readonly JsonObject[], info: JsonObject): JsonObject {
  const paths = documents.flatMap((document) => Object.entries(objectAt(document, "paths")));
  const schemas = documents.flatMap((document) => Object.entries(objectAt(member(document, "components"), "schemas")));
  return {
    swagger: "2.0",
    info,
    paths: Object.fromEntries(paths.map(([path, item]) => [path, pathItem(item)])),
    definitions: Object.fromEntries(schemas.map(([name, schema]) => [name, definition(name, schema)])),
    securityDefinitions: {
      BearerToken: { description: "A bearer token.", type: "apiKey", name: "authorization", in: "header" },
    },
    security: [{ BearerToken: [] }],
  };
}

function objectAt(value: Json | undefined, key: string): JsonObject {
  const found = isJsonObject(value) ? member(value, key) : undefined;
  return isJsonObject(found) ? found : {};
}

function listAt(value: JsonObject, key: string): readonly Json[] {
  const found = member(value, key);
  return Array.isArray(found) ? found : [];
}

function pathItem(item: Json): JsonObject {
  if (!isJsonObject(item)) return {};
  const operations = methods.flatMap((method) => {
    const operation = member(item, method);
    return isJsonObject(operation) ? [[method, operationOf(operation)] as const] : [];
  });
  return { ...Object.fromEntries(operations), parameters: listAt(item, "parameters").map(parameter) };
}

function operationOf({ requestBody, responses, parameters: query = [], ...operation }: JsonObject): JsonObject {
  const content = objectAt(requestBody, "content");
  const [first] = Object.values(content);
  const isRequired = isJsonObject(requestBody) && requestBody["required"] === true;
  const body = {
    in: "body",
    name: "body",
    ...(isRequired ? { required: true } : {}),
    schema: schemaOf(objectAt(first, "schema")),
  };
  const parameters = [...(first === undefined ? [] : [body]), ...(Array.isArray(query) ? query : []).map(parameter)];
  const answers = Object.entries(isJsonObject(responses) ? responses : {});
  const produced = answers.flatMap(([, answer]) => Object.keys(objectAt(answer, "content")));
  return {
    ...operation,
    consumes: first === undefined ? ["*/*"] : Object.keys(content),
    produces: [...new Set(produced)],
    schemes: ["https"],
    ...(parameters.length === 0 ? {} : { parameters }),
    responses: Object.fromEntries(answers.map(([code, answer]) => [code, response(answer)])),
  };
}

function response(answer: Json): JsonObject {
  const description = isJsonObject(answer) ? (member(answer, "description") ?? "") : "";
  const [first] = Object.values(objectAt(answer, "content"));
  return { description, ...(first === undefined ? {} : { schema: schemaOf(objectAt(first, "schema")) }) };
}

function parameter(given: Json): JsonObject {
  const { schema, ...rest } = isJsonObject(given) ? given : {};
  return { ...rest, ...(isJsonObject(schema) ? schema : {}) };
}

/** Version 2 has no alternatives: these two are texts to it. */
function definition(name: string, schema: Json): JsonObject {
  const converted = schemaOf(isJsonObject(schema) ? schema : {});
  return name === schemaNames.intOrString || name === schemaNames.quantity
    ? { ...converted, type: "string" }
    : converted;
}

/** Keywords that version 2 does not have, and defaults, which clients of its day would not expect. */
const dropped = new Set(["default", "oneOf", "anyOf", "not", "nullable", "allOf"]);

function schemaOf(schema: JsonObject): JsonObject {
  const entries = Object.entries(schema).filter(([keyword]) => !dropped.has(keyword));
  const own = Object.fromEntries(entries.map(([keyword, value]) => [keyword, keywordValue(keyword, value)]));
  // A reference with something beside it was wrapped for version 3; here it may stand beside the rest.
  const [wrapped] = listAt(schema, "allOf");
  return isJsonObject(wrapped) && "$ref" in wrapped ? { ...schemaOf(wrapped), ...own } : own;
}

function keywordValue(keyword: string, value: Json): Json {
  switch (keyword) {
    case "$ref":
      return String(value).replace("#/components/schemas/", "#/definitions/");
    case "items":
    case "additionalProperties":
      return isJsonObject(value) ? schemaOf(value) : value;
    case "properties":
      return Object.fromEntries(
        Object.entries(isJsonObject(value) ? value : {}).map(([name, field]) => [
          name,
          schemaOf(isJsonObject(field) ? field : {}),
        ]),
      );
    default:
      return value;
  }
}
