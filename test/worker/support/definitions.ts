// CustomResourceDefinitions, and how they are made in tests.
import type { KubeObject } from "../../../src/model/meta.ts";
import * as api from "./api.ts";

export const definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
export const widgets = "/apis/example.com/v1/namespaces/default/widgets";

const widgetSchema = {
  type: "object",
  properties: {
    spec: {
      type: "object",
      required: ["size"],
      properties: {
        size: { type: "integer", minimum: 1, maximum: 10 },
        color: { type: "string", enum: ["red", "green"], default: "red" },
        replicas: { type: "integer" },
      },
    },
    status: { type: "object", properties: { phase: { type: "string" }, replicas: { type: "integer" } } },
  },
};

export const v1 = { name: "v1", served: true, storage: true, schema: { openAPIV3Schema: widgetSchema } };

type DefinitionOptions = {
  readonly kind?: string;
  readonly plural?: string;
  readonly scope?: "Namespaced" | "Cluster";
  readonly names?: object;
  readonly versions?: readonly object[];
  readonly spec?: object;
};

/** A definition of Widgets, or of another kind. */
function definition(options: DefinitionOptions = {}): KubeObject {
  const { kind = "Widget", plural = "widgets", scope = "Namespaced", names = {}, versions = [v1], spec = {} } = options;
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.example.com` },
    spec: { group: "example.com", scope, names: { plural, kind, ...names }, versions, ...spec },
  };
}

export function define(options: DefinitionOptions = {}): Promise<KubeObject> {
  return api.create(definitions, definition(options));
}

export function widget(name: string, spec: object = { size: 3 }, metadata: object = {}): KubeObject {
  return { apiVersion: "example.com/v1", kind: "Widget", metadata: { name, ...metadata }, spec };
}

export function createWidget(name: string, spec?: object, metadata?: object): Promise<KubeObject> {
  return api.create(widgets, widget(name, spec, metadata));
}
